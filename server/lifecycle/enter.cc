#include "server/lifecycle/enter.h"

#include <algorithm>
#include <utility>

#include "server/error/error.h"
#include "server/lifecycle/hook.h"

namespace anteroom::lifecycle {
namespace {

class EnterCall : public Bounded<EnterContext> {
 public:
  EnterCall(coro::Runtime runtime, const Policy& policy, Instance& instance,
            LeasePtr lease, std::stop_token stop, coro::Instant deadline)
      : Bounded(runtime,
                std::min(deadline, coro::After(runtime.clock.Now(),
                                               policy.enter_timeout)),
                std::move(stop), lease->enter_stop()),
        runtime_(runtime),
        instance_(instance),
        lease_(std::move(lease)),
        argument_(lease_->TakeArgument()),
        caller_deadline_(deadline),
        deadline_with_init_(coro::After(
            runtime.clock.Now(), policy.init_timeout + policy.enter_timeout)),
        enter_deadline_(
            coro::After(runtime.clock.Now(), policy.enter_timeout)) {}

  LeaseInfo lease() const override { return lease_->info(); }
  const Payload& argument() const override { return argument_; }
  coro::Instant deadline_with_init() const override {
    return deadline_with_init_;
  }

  coro::Task<absl::Status> Init() override {
    if (instance_.init == nullptr) co_return absl::OkStatus();
    // The clock of enter_timeout stands still while the init is awaited.
    const coro::Instant began = runtime_.clock.Now();
    SetDeadline(caller_deadline_);
    coro::Task<absl::StatusOr<std::monostate>> wait =
        instance_.init->Get(stop());
    const absl::StatusOr<std::monostate> initialized = co_await std::move(wait);
    enter_deadline_ = coro::After(enter_deadline_,
                                  coro::Between(began, runtime_.clock.Now()));
    SetDeadline(std::min(caller_deadline_, enter_deadline_));
    awaited_init_ = initialized.ok();
    // What is not its own error is the caller's: it left.
    if (!initialized.ok()) {
      left_in_init_ = stop().stop_requested();
      if (!left_in_init_) init_failure_ = initialized.status();
    }
    co_return initialized.status();
  }

  bool awaited_init() const { return awaited_init_; }

  // What the failure of the hook, or of the init after it, means.
  EnterResult Explain(absl::Status status) const {
    EnterResult result;
    if (!init_failure_.ok()) {
      result.status = init_failure_;
      result.init_failed = true;
    } else if (runtime_.clock.Now() >= caller_deadline_) {
      result.status = WaitTimedOut();
      result.left_in_init = left_in_init_;
    } else if (timed_out()) {
      result.status = Error(Reason::kEnterTimedOut,
                            "enter did not end within enter_timeout");
    } else if (stopped()) {
      result.status = CallerLeft();
      result.left_in_init = left_in_init_;
    } else {
      result.status = WithReason(std::move(status), Reason::kEnterFailed);
    }
    return result;
  }

 private:
  const coro::Runtime runtime_;
  Instance& instance_;
  const LeasePtr lease_;
  const Payload argument_;
  const coro::Instant caller_deadline_;
  const coro::Instant deadline_with_init_;
  coro::Instant enter_deadline_;
  bool awaited_init_ = false;
  bool left_in_init_ = false;
  absl::Status init_failure_;
};

}  // namespace

absl::Status WaitTimedOut() {
  return Error(Reason::kWaitTimedOut,
               "max_wait or the call's deadline passed before the lease was "
               "entered");
}

absl::Status CallerLeft() {
  return absl::CancelledError("the caller left before the lease was entered");
}

coro::Task<EnterResult> RunEnter(coro::Runtime runtime, const Policy& policy,
                                 Instance& instance, LeasePtr lease,
                                 std::stop_token stop, coro::Instant deadline) {
  EnterResult result;
  EnterCall call(runtime, policy, instance, lease, std::move(stop), deadline);
  absl::StatusOr<Payload> value = Payload();
  if (instance.hooks.enter) {
    Guarded hook([&] { return instance.object->Enter(call); });
    value = co_await hook;
  }
  if (!value.ok()) co_return call.Explain(value.status());
  if (policy.await_init == AwaitInit::kOnEnter && !call.awaited_init()) {
    coro::Task<absl::Status> wait = call.Init();
    const absl::Status initialized = co_await std::move(wait);
    if (!initialized.ok()) co_return call.Explain(initialized);
  }
  result.value =
      instance.hooks.enter ? *std::move(value) : instance.object->Value();
  co_return result;
}

}  // namespace anteroom::lifecycle
