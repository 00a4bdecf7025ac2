// Callers of whole scopes: get something that nobody else has until a time to
// live is over, use it, give it back. As each server does that.
#ifndef ANTEROOM_TESTS_BENCH_SCOPE_CALLERS_H_
#define ANTEROOM_TESTS_BENCH_SCOPE_CALLERS_H_

#include <string>

#include "tests/bench/closed_loop.h"

namespace anteroom::bench {

// Acquire, Use of `echo` and Release as three unary calls, one after the other,
// of a ResourceService: of anteroomd, or of aio_server.py. All callers share a
// resource that has an object for each.
Callers OpenUnaryScopes(const std::string& server, int width);

// Of etcd: LeaseGrant, a Txn that puts a key under that lease if there is none
// yet, LeaseRevoke. Each caller has its own key, so that nobody waits.
Callers OpenEtcdScopes(const std::string& etcd, int width);

// Of Redis: SET key token NX PX ttl, GET key, DEL key, by hiredis on libuv.
// Each caller has its own key. One thread serves all connections. They are as
// many as gRPC's callers share, and what is sent at once on one travels
// together, which is the best that Redis can do. Only where it is built with
// hiredis (ANTEROOM_BENCH_REDIS).
Callers OpenRedisScopes(const std::string& redis, int width);
// The same where each caller has a connection of its own, as with a client that
// blocks: nothing travels together.
Callers OpenRedisScopesApart(const std::string& redis, int width);

}  // namespace anteroom::bench

#endif  // ANTEROOM_TESTS_BENCH_SCOPE_CALLERS_H_
