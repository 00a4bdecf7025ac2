// Calls of gRPC as any client of HTTP/2 can make them: a POST whose body is the
// messages, all at once. The same bytes as the callers' (unary_callers.h,
// with_callers.h).
#ifndef ANTEROOM_TESTS_BENCH_POSTS_H_
#define ANTEROOM_TESTS_BENCH_POSTS_H_

#include <memory>
#include <string>
#include <vector>

#include "tests/bench/held_lease.h"

namespace anteroom::bench {

struct Post {
  std::string path;
  std::vector<std::string> messages;
  // The resource whose objects are used, once a call. Empty: the server is
  // bare, and its answers are all alike.
  std::string resource;
  // Is held as long as this is posted; none unless the messages name it.
  std::shared_ptr<const HeldLease> lease;
};

// The messages as they are sent.
std::string BodyOf(const Post& post);

// Use of `echo`, all calls with the same lease.
Post PostUse(const std::string& anteroomd);
Post PostBareUse(const std::string& bare_server);
Post PostBareOnce(const std::string& bare_server);
Post PostBareScope(const std::string& bare_server);
Post PostBareBatch(const std::string& bare_server);
// Without events.
Post PostCorkedScope(const std::string& anteroomd);
Post PostBatchedScope(const std::string& anteroomd);

}  // namespace anteroom::bench

#endif  // ANTEROOM_TESTS_BENCH_POSTS_H_
