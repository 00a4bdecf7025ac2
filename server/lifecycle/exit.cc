#include "server/lifecycle/exit.h"

#include <utility>

#include "server/coro/check.h"
#include "server/coro/event.h"
#include "server/lifecycle/hook.h"

namespace anteroom::lifecycle {
namespace {

class ExitCall : public Bounded<ExitContext> {
 public:
  ExitCall(coro::Runtime runtime, coro::Instant deadline, const Lease& lease)
      : Bounded(runtime, deadline, {}), lease_(lease), cause_(lease.cause()) {}

  LeaseInfo lease() const override { return lease_.info(); }
  const ExitCause& cause() const override { return cause_; }

 private:
  const Lease& lease_;
  const ExitCause cause_;
};

// One call of the hook, and all that it may touch: it may outlive the end of
// its lease.
struct ExitHook {
  ExitHook(coro::Runtime runtime, coro::Instant deadline, Object& object,
           LeasePtr lease)
      : object(object),
        lease(std::move(lease)),
        call(runtime, deadline, *this->lease),
        ended(runtime) {}

  Object& object;
  const LeasePtr lease;
  ExitCall call;
  absl::StatusOr<ExitResult> result;  // once `ended`
  coro::Event ended;
};

coro::Task<void> CallExit(std::shared_ptr<ExitHook> exit) {
  Guarded hook([&] { return exit->object.Exit(exit->call); });
  exit->result = co_await hook;
  exit->ended.Set();
}

absl::Status ExitTimedOut() {
  return absl::DeadlineExceededError("exit did not end within exit_timeout");
}

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
                                coro::TaskGroup& group, Instance& instance,
                                LeasePtr lease) {
  if (lease->in_use()) {
    coro::Task<void> uses = AwaitUses(runtime, policy, *lease);
    co_await std::move(uses);
  }
  ExitOutcome outcome;
  if (!instance.hooks.exit) co_return outcome;
  lease->BeginExit();
  outcome.attempts = 1;
  const coro::Instant deadline =
      coro::After(runtime.clock.Now(), policy.exit_timeout);
  const auto hook = std::make_shared<ExitHook>(
      runtime, deadline, *instance.object, std::move(lease));
  ANTEROOM_CHECK(group.Spawn(CallExit(hook)));
  coro::Task<coro::Wake> ended = hook->ended.Wait({}, deadline);
  if (co_await std::move(ended) == coro::Wake::kTimedOut) {
    outcome.status = ExitTimedOut();
    outcome.still_runs = std::shared_ptr<coro::Event>(hook, &hook->ended);
  } else if (hook->result.ok()) {
    outcome.result = *hook->result;
    // Only an error can be suppressed.
    outcome.result.suppress &= !hook->call.cause().error.ok();
  } else if (hook->call.timed_out()) {
    outcome.status = ExitTimedOut();
  } else {
    outcome.status = hook->result.status();
  }
  co_return outcome;
}

coro::Task<absl::Status> RunClose(coro::Runtime runtime, const Policy& policy,
                                  Object& object) {
  Bounded<CloseContext> call(
      runtime, coro::After(runtime.clock.Now(), policy.close_timeout), {});
  Guarded hook([&] { return object.Close(call); });
  co_return co_await hook;
}

}  // namespace anteroom::lifecycle
