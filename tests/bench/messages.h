// The messages that callers send: the same bytes to whomever they are sent.
#ifndef ANTEROOM_TESTS_BENCH_MESSAGES_H_
#define ANTEROOM_TESTS_BENCH_MESSAGES_H_

#include <string>
#include <vector>

#include "anteroom/v1/lease.pb.h"
#include "anteroom/v1/resource_service.pb.h"
#include "grpcpp/support/status.h"

namespace anteroom::bench {

// How long a lease, a key or a lock lives that nobody gives back: none does so
// long, but each server must see to it.
inline constexpr int kTtlSeconds = 30;

// The resources of anteroomd. Both have objects of kind hello that are made on
// demand and then kept for the whole run, so that only the first acquire of
// each waits for an init. With nothing to do in enter and exit (style
// AWAITABLE).
inline constexpr char kHeld[] = "held";      // for leases held all the time
inline constexpr char kScoped[] = "scoped";  // for scopes, one after the other
std::string AnteroomdConfig();

// An id as anteroomd's leases have.
inline constexpr char kSomeLeaseId[] = "0123456789abcdef0123456789abcdef";

// 18 bytes of JSON, which `echo` gives back.
v1::Payload Argument();
// Without a lease's id.
v1::UseRequest EchoUse();
v1::UseRequest EchoUseOf(const std::string& lease_id);
v1::AcquireRequest AcquireOf(const std::string& resource);
// What a With stream takes. `events`: see AcquireRequest.
v1::WithRequest WithAcquire(const std::string& resource,
                            v1::AcquireRequest::Events events);
v1::WithRequest WithUse();
v1::WithRequest WithRelease();
// A whole scope: these three.
std::vector<v1::WithRequest> ScopeRequests(v1::AcquireRequest::Events events);
// The same in one message.
v1::WithRequest BatchedScope(v1::AcquireRequest::Events events);

// What a bare server answers an acquire and a release with: of the size of
// anteroomd's own.
v1::Lease SomeLease();
v1::Receipt SomeReceipt();

// End the program where an answer is not what it should be.
void CheckOk(const grpc::Status& status, const char* call);
void CheckEchoed(const v1::Payload& result);

}  // namespace anteroom::bench

#endif  // ANTEROOM_TESTS_BENCH_MESSAGES_H_
