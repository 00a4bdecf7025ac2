// The end of one lease, once it is decided: its Uses, then its exit hook; and
// the end of an instance: its close hook.
#ifndef ANTEROOM_SERVER_LIFECYCLE_EXIT_H_
#define ANTEROOM_SERVER_LIFECYCLE_EXIT_H_

#include <memory>

#include "absl/status/status.h"
#include "server/coro/event.h"
#include "server/coro/runtime.h"
#include "server/coro/task.h"
#include "server/coro/task_group.h"
#include "server/lifecycle/instance.h"
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
  // Set once the hook has ended, where it outlived exit_timeout; else null.
  std::shared_ptr<coro::Event> still_runs;
};

// Waits until the Uses of `lease` have ended (after use_grace they are asked
// to), then calls the exit hook if the object has one, as a task of `group`.
// Answers when that has ended, or exit_timeout has passed.
// REQUIRES: the lease is EXITING, and this is called once; `instance` stays
// until the hook has ended.
coro::Task<ExitOutcome> RunExit(coro::Runtime runtime, const Policy& policy,
                                coro::TaskGroup& group, Instance& instance,
                                LeasePtr lease);

// Calls the close hook. An error is returned for the record; the instance is
// closed all the same.
coro::Task<absl::Status> RunClose(coro::Runtime runtime, const Policy& policy,
                                  Object& object);

}  // namespace anteroom::lifecycle

#endif  // ANTEROOM_SERVER_LIFECYCLE_EXIT_H_
