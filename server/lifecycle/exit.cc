#include "server/lifecycle/exit.h"

#include <utility>

#include "server/lifecycle/hook.h"

namespace anteroom::lifecycle {
namespace {

class ExitCall : public Bounded<ExitContext> {
 public:
  ExitCall(coro::Runtime runtime, coro::Instant deadline, const Lease& lease)
      : Bounded(runtime, deadline, {}), lease_(lease), cause_(lease.cause()) {}

  const LeaseInfo& lease() const override { return lease_.info(); }
  const ExitCause& cause() const override { return cause_; }

 private:
  const Lease& lease_;
  const ExitCause cause_;
};

coro::Task<void> AwaitUses(coro::Runtime runtime, const Policy& policy,
                           Lease& lease) {
  coro::Task<coro::Wake> in_grace =
      lease.UsesEnded(coro::After(runtime.clock.Now(), policy.use_grace));
  if (co_await std::move(in_grace) == coro::Wake::kSignalled) co_return;
  lease.CancelUses();
  coro::Task<coro::Wake> to_the_end = lease.UsesEnded(coro::kNever);
  co_await std::move(to_the_end);
}

}  // namespace

coro::Task<ExitOutcome> RunExit(coro::Runtime runtime, const Policy& policy,
                                Hooks hooks, Object& object,
                                std::shared_ptr<Lease> lease) {
  coro::Task<void> uses = AwaitUses(runtime, policy, *lease);
  co_await std::move(uses);
  ExitOutcome outcome;
  if (!hooks.exit) co_return outcome;
  lease->BeginExit();
  outcome.attempts = 1;
  ExitCall call(runtime, coro::After(runtime.clock.Now(), policy.exit_timeout),
                *lease);
  coro::Task<absl::StatusOr<ExitResult>> hook =
      Guarded([&] { return object.Exit(call); });
  absl::StatusOr<ExitResult> result = co_await std::move(hook);
  if (result.ok()) {
    outcome.result = *result;
    // Only an error can be suppressed.
    outcome.result.suppress &= !call.cause().error.ok();
  } else if (call.timed_out()) {
    outcome.status =
        absl::DeadlineExceededError("exit did not end within exit_timeout");
  } else {
    outcome.status = result.status();
  }
  co_return outcome;
}

coro::Task<absl::Status> RunClose(coro::Runtime runtime, const Policy& policy,
                                  Object& object) {
  Bounded<CloseContext> call(
      runtime, coro::After(runtime.clock.Now(), policy.close_timeout), {});
  coro::Task<absl::Status> hook = Guarded([&] { return object.Close(call); });
  co_return co_await std::move(hook);
}

}  // namespace anteroom::lifecycle
