#include "server/lifecycle/check.h"

#include <utility>

#include "server/lifecycle/hook.h"

namespace anteroom::lifecycle {

coro::Task<absl::Status> RunCheck(coro::Runtime runtime, const Policy& policy,
                                  Object& object, std::stop_token drain) {
  Bounded<CheckContext> call(
      runtime, coro::After(runtime.clock.Now(), policy.enter_timeout),
      std::move(drain));
  Guarded hook([&] { return object.Check(call); });
  absl::Status status = co_await hook;
  if (!status.ok() && call.timed_out()) {
    co_return absl::DeadlineExceededError("the check took too long");
  }
  co_return status;
}

}  // namespace anteroom::lifecycle
