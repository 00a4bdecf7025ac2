// The enter of one lease: article 4's `async with`, up to the body.
#ifndef ANTEROOM_SERVER_LIFECYCLE_ENTER_H_
#define ANTEROOM_SERVER_LIFECYCLE_ENTER_H_

#include <memory>
#include <stop_token>

#include "absl/status/status.h"
#include "server/coro/clock.h"
#include "server/coro/runtime.h"
#include "server/coro/task.h"
#include "server/lifecycle/instance.h"
#include "server/lifecycle/lease.h"
#include "server/lifecycle/payload.h"
#include "server/lifecycle/policy.h"

namespace anteroom::lifecycle {

struct EnterResult {
  absl::Status status;
  Payload value;
  // The status is the init's own, which the instance's FAILED has announced.
  bool init_failed = false;
  // The caller left while the init was awaited: the object is none the worse.
  bool left_in_init = false;
};

// Calls the enter hook, which may await the object's init; where it forgot and
// the policy says ON_ENTER, awaits it afterwards. Failures:
//   WAIT_TIMED_OUT   `deadline`, the caller's, passed
//   CANCELLED        `stop` was requested
//   ENTER_TIMED_OUT  enter_timeout passed, the init inside not counted
//   INIT_FAILED, INIT_TIMED_OUT   the init's own error
//   ENTER_FAILED     the hook's own error
// Resumes where the hook ended. The hook is always awaited to its end.
// REQUIRES: the object has an Enter, or the lease is deferred: else there is
// nothing to await any more.
coro::Task<EnterResult> RunEnter(coro::Runtime runtime, const Policy& policy,
                                 Instance& instance, LeasePtr lease,
                                 std::stop_token stop, coro::Instant deadline);

// What a caller that gave up is told: WAIT_TIMED_OUT or CANCELLED.
absl::Status WaitTimedOut();
absl::Status CallerLeft();

}  // namespace anteroom::lifecycle

#endif  // ANTEROOM_SERVER_LIFECYCLE_ENTER_H_
