// When a program that was started is ready to be lent.
#ifndef ANTEROOM_SERVER_KINDS_PROCESS_READINESS_H_
#define ANTEROOM_SERVER_KINDS_PROCESS_READINESS_H_

#include <memory>
#include <stop_token>
#include <string>

#include "absl/status/status.h"
#include "re2/re2.h"
#include "server/coro/runtime.h"
#include "server/coro/task.h"
#include "server/kinds/process/child.h"
#include "server/kinds/process/loop.h"

namespace anteroom::kinds {

struct Readiness {
  enum class When {
    kStarted,
    kLineMatches,      // of its standard output
    kPortAccepts,      // TCP connections
    kHealthServing,    // grpc.health.v1.Health
    kHttpGetSucceeds,  // 2xx
  };
  When when = When::kStarted;
  std::shared_ptr<const re2::RE2> line;  // kLineMatches
  std::string path;                      // kHttpGetSucceeds; begins with a /
};

// Waits until `child`, which listens on `port`, is ready. The child's end() if
// it ends before; DEADLINE_EXCEEDED, with what it lacks and its last lines,
// once `stop` is requested. Resumes on the executor.
coro::Task<absl::Status> AwaitReady(coro::Runtime runtime, Loop& loop,
                                    const Readiness& readiness, int port,
                                    std::shared_ptr<Child> child,
                                    std::stop_token stop);

}  // namespace anteroom::kinds

#endif  // ANTEROOM_SERVER_KINDS_PROCESS_READINESS_H_
