// The constructor and the init of one instance: `await self`, once.
#ifndef ANTEROOM_SERVER_LIFECYCLE_INIT_H_
#define ANTEROOM_SERVER_LIFECYCLE_INIT_H_

#include <optional>
#include <stop_token>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/coro/runtime.h"
#include "server/coro/task.h"
#include "server/lifecycle/policy.h"
#include "server/lifecycle/resource.h"

namespace anteroom::lifecycle {

// Receives what the hook reports, and why it is tried again (without a
// fraction). Called from any thread.
using ProgressReport =
    absl::AnyInvocable<void(std::optional<double>, absl::string_view) const>;

// How an init ends that nobody waits for any more.
absl::Status InitCancelled();

// Makes an object, and tries again as the policy's init_retry says, unless the
// constructor threw. `abandoned` and `drain` stop it. Failures: those of
// RunInit(). Resumes where the constructor ended.
coro::Task<absl::StatusOr<Made>> RunConstruct(
    coro::Runtime runtime, const Policy& policy, Kind& kind,
    const InstanceInfo& info, InstanceContext& instance,
    std::stop_token abandoned, std::stop_token drain, ProgressReport report);

// Calls the init hook, and again as the policy's init_retry says. `abandoned`
// and `drain` stop it. Failures: INIT_TIMED_OUT, CANCELLED (nobody waits any
// more), INIT_FAILED with the hook's own code. The hook is always awaited to
// its end.
coro::Task<absl::Status> RunInit(coro::Runtime runtime, const Policy& policy,
                                 Object& object, std::stop_token abandoned,
                                 std::stop_token drain, ProgressReport report);

}  // namespace anteroom::lifecycle

#endif  // ANTEROOM_SERVER_LIFECYCLE_INIT_H_
