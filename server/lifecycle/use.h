// One call of a method of a held object.
#ifndef ANTEROOM_SERVER_LIFECYCLE_USE_H_
#define ANTEROOM_SERVER_LIFECYCLE_USE_H_

#include <memory>
#include <stop_token>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/coro/clock.h"
#include "server/coro/runtime.h"
#include "server/coro/task.h"
#include "server/lifecycle/lease.h"
#include "server/lifecycle/payload.h"
#include "server/lifecycle/policy.h"
#include "server/lifecycle/resource.h"

namespace anteroom::lifecycle {

// Calls the use hook for `lease`, in which the call is counted. Failures:
//   USE_CANCELLED  the lease ended and its use_grace was over
//   USE_TIMED_OUT  use_timeout passed
//   CANCELLED, DEADLINE_EXCEEDED  the caller's own stop and deadline
//   METHOD_NOT_FOUND, or USE_FAILED with the hook's own code
// Finishes inline where the hook does not suspend.
coro::Task<absl::StatusOr<Payload>> RunUse(
    coro::Runtime runtime, const Policy& policy, Object& object, Lease& lease,
    absl::string_view method, const Payload& argument, std::stop_token stop,
    coro::Instant deadline);

// The same for a streaming method.
coro::Task<absl::Status> RunUseStream(coro::Runtime runtime,
                                      const Policy& policy, Object& object,
                                      Lease& lease, absl::string_view method,
                                      const Payload& argument,
                                      UseChannel& channel, std::stop_token stop,
                                      coro::Instant deadline);

// Why the calls of `lease` were stopped, whose use_stop() has been requested:
// USE_CANCELLED, or INSTANCE_LOST.
absl::Status WhyStopped(const Lease& lease);
// USE_TIMED_OUT.
absl::Status UseTimedOut();
// When a call that begins now must have ended by the policy; kNever: at no
// time.
coro::Instant UseBound(const coro::Clock& clock, const Policy& policy);

}  // namespace anteroom::lifecycle

#endif  // ANTEROOM_SERVER_LIFECYCLE_USE_H_
