// The end of one lease, once it is decided: its Uses, then its exit hook; and
// the end of an instance: its close hook.
#ifndef ANTEROOM_SERVER_LIFECYCLE_EXIT_H_
#define ANTEROOM_SERVER_LIFECYCLE_EXIT_H_

#include <memory>

#include "absl/status/status.h"
#include "server/coro/runtime.h"
#include "server/coro/task.h"
#include "server/lifecycle/lease.h"
#include "server/lifecycle/policy.h"
#include "server/lifecycle/resource.h"

namespace anteroom::lifecycle {

struct ExitOutcome {
  // How the hook ended; DEADLINE_EXCEEDED if exit_timeout passed.
  absl::Status status;
  ExitResult result;
  // Calls of the hook.
  int attempts = 0;
};

// Waits until the Uses of `lease` have ended (after use_grace they are asked
// to), then calls the exit hook if the object has one.
// REQUIRES: the lease is EXITING, and this is called once.
coro::Task<ExitOutcome> RunExit(coro::Runtime runtime, const Policy& policy,
                                Hooks hooks, Object& object,
                                std::shared_ptr<Lease> lease);

// Calls the close hook. An error is returned for the record; the instance is
// closed all the same.
coro::Task<absl::Status> RunClose(coro::Runtime runtime, const Policy& policy,
                                  Object& object);

}  // namespace anteroom::lifecycle

#endif  // ANTEROOM_SERVER_LIFECYCLE_EXIT_H_
