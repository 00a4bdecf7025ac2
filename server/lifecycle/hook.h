// How hooks are called: bounded in time, stoppable, and with exceptions turned
// into errors.
#ifndef ANTEROOM_SERVER_LIFECYCLE_HOOK_H_
#define ANTEROOM_SERVER_LIFECYCLE_HOOK_H_

#include <coroutine>
#include <optional>
#include <stop_token>
#include <type_traits>
#include <utility>

#include "absl/status/status.h"
#include "server/coro/clock.h"
#include "server/coro/linked_stop.h"
#include "server/coro/runtime.h"
#include "server/coro/task.h"
#include "server/error/error.h"

namespace anteroom::lifecycle {

// A hook's context: `Base` (InitContext, ...) with its stop and deadline.
// The stop is linked to its parents when the hook first asks for it.
//
// Thread safety: that of one hook call.
template <typename Base>
class Bounded : public Base {
 public:
  Bounded(coro::Runtime runtime, coro::Instant deadline,
          std::stop_token first_parent, std::stop_token second_parent = {})
      : runtime_(runtime),
        deadline_(deadline),
        first_parent_(std::move(first_parent)),
        second_parent_(std::move(second_parent)) {}

  std::stop_token stop() override {
    if (!link_.has_value()) {
      link_.emplace(runtime_, deadline_,
                    std::initializer_list<std::stop_token>{first_parent_,
                                                           second_parent_});
    }
    return link_->token();
  }
  coro::Instant deadline() const override { return deadline_; }

  // Whether the hook was asked to stop because its deadline had passed.
  bool timed_out() const { return link_.has_value() && link_->timed_out(); }
  // Whether one of the parents asked for it.
  bool stopped() const {
    return first_parent_.stop_requested() || second_parent_.stop_requested();
  }

 protected:
  // Moves the deadline while the hook runs.
  void SetDeadline(coro::Instant deadline) {
    deadline_ = deadline;
    if (link_.has_value()) link_->SetDeadline(deadline);
  }

 private:
  const coro::Runtime runtime_;
  coro::Instant deadline_;
  const std::stop_token first_parent_;
  const std::stop_token second_parent_;
  std::optional<coro::LinkedStop> link_;
};

// Awaits the task that `call` returns (not a coroutine itself: it may refer to
// what outlives this await). Result: absl::Status or absl::StatusOr<T>; an
// exception becomes INTERNAL.
//
//   Guarded hook([&] { return object.Close(call); });
//   const absl::Status status = co_await hook;
//
// No coroutine of its own: every hook would pay for its frame.
template <typename Task>
class [[nodiscard]] Guarded {
 public:
  template <typename Call>
  explicit Guarded(Call call) {
    try {
      task_.emplace(call());
    } catch (...) {
      failure_ = ErrorOfException(kWho);
    }
  }
  Guarded(const Guarded&) = delete;
  Guarded& operator=(const Guarded&) = delete;

  bool await_ready() const { return !task_.has_value(); }
  std::coroutine_handle<> await_suspend(std::coroutine_handle<> awaiting) {
    awaiter_.emplace(std::move(*task_).operator co_await());
    return awaiter_->await_suspend(awaiting);
  }
  // What the hook's frame holds is gone before its caller goes on.
  auto await_resume() {
    using Result = decltype(awaiter_->await_resume());
    if (!task_.has_value()) return Result(std::move(failure_));
    try {
      Result result = awaiter_->await_resume();
      task_.reset();
      return result;
    } catch (...) {
      failure_ = ErrorOfException(kWho);
    }
    task_.reset();
    return Result(std::move(failure_));
  }

 private:
  static constexpr char kWho[] = "the hook";

  std::optional<Task> task_;
  std::optional<decltype(std::declval<Task>().operator co_await())> awaiter_;
  absl::Status failure_;
};

template <typename Call>
Guarded(Call call) -> Guarded<std::invoke_result_t<Call&>>;

}  // namespace anteroom::lifecycle

#endif  // ANTEROOM_SERVER_LIFECYCLE_HOOK_H_
