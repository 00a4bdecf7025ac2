#include "server/coro/waiter.h"

namespace anteroom::coro {

Waiter::Awaiter Waiter::Wait(std::stop_token stop, Instant deadline) {
  return Awaiter(shared_from_this(), std::move(stop), deadline);
}

bool Waiter::Fire(Wake wake) {
  if (!Decide(wake)) return false;
  if (PassGate()) {
    runtime_.executor.Post([handle = handle_] { handle.resume(); });
  }
  return true;
}

bool Waiter::Resume() {
  if (!Decide(Wake::kSignalled)) return false;
  if (PassGate()) handle_.resume();
  return true;
}

bool Waiter::Awaiter::await_suspend(std::coroutine_handle<> handle) {
  waiter_->handle_ = handle;
  if (deadline_ != kNever) {
    timer_ = waiter_->runtime_.timers.Schedule(
        deadline_, [waiter = waiter_] { waiter->Fire(Wake::kTimedOut); });
  }
  if (stop_.stop_possible()) {
    on_stop_.emplace(std::move(stop_), OnStop{waiter_.get()});
  }
  // If this is the gate's first pass the coroutine may be resumed, and this
  // awaiter be gone, from here on: touch nothing.
  return !waiter_->PassGate();
}

Wake Waiter::Awaiter::await_resume() {
  on_stop_.reset();
  if (timer_ != Timers::Id::kNone) waiter_->runtime_.timers.Cancel(timer_);
  return waiter_->wake_.load(std::memory_order_acquire);
}

}  // namespace anteroom::coro
