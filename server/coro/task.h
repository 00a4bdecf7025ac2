// Task<T>: a lazy coroutine with one awaiter.
//
// - Nothing runs until the task is awaited; the callee's end resumes the
//   awaiter by symmetric transfer, on the thread on which the callee ended.
// - Move-only. Awaited at most once. Destroying a task that was never awaited,
//   or that has finished, frees its frame; destroying one that is suspended
//   midway is a bug: structured concurrency (task_group.h) awaits everything.
// - Errors are values: Task<absl::Status>, Task<absl::StatusOr<T>>. An
//   exception is a bug; it is stored and rethrown to the awaiter.
// - Cancellation is cooperative, by the stop token of the wait inside.
//
// Thread safety: none; one coroutine at a time owns a task.
#ifndef ANTEROOM_SERVER_CORO_TASK_H_
#define ANTEROOM_SERVER_CORO_TASK_H_

#include <coroutine>
#include <exception>
#include <optional>
#include <utility>

#include "server/coro/check.h"

namespace anteroom::coro {

template <typename T>
class Task;

namespace internal {

class TaskPromiseBase {
 public:
  std::suspend_always initial_suspend() const noexcept { return {}; }

  // Hands control to the awaiter without growing the stack.
  struct FinalAwaiter {
    bool await_ready() const noexcept { return false; }
    template <typename Promise>
    std::coroutine_handle<> await_suspend(
        std::coroutine_handle<Promise> finished) const noexcept {
      return finished.promise().continuation_;
    }
    void await_resume() const noexcept {}
  };
  FinalAwaiter final_suspend() const noexcept { return {}; }

  void unhandled_exception() noexcept { exception_ = std::current_exception(); }
  void set_continuation(std::coroutine_handle<> continuation) {
    continuation_ = continuation;
  }

 protected:
  void RethrowIfFailed() const {
    if (exception_) std::rethrow_exception(exception_);
  }

 private:
  std::coroutine_handle<> continuation_;
  std::exception_ptr exception_;
};

template <typename T>
class TaskPromise : public TaskPromiseBase {
 public:
  Task<T> get_return_object();
  template <typename U>
  void return_value(U&& value) {
    value_.emplace(std::forward<U>(value));
  }
  T TakeResult() {
    RethrowIfFailed();
    return std::move(*value_);
  }

 private:
  std::optional<T> value_;
};

template <>
class TaskPromise<void> : public TaskPromiseBase {
 public:
  Task<void> get_return_object();
  void return_void() const noexcept {}
  void TakeResult() const { RethrowIfFailed(); }
};

}  // namespace internal

template <typename T>
class [[nodiscard]] Task {
 public:
  using promise_type = internal::TaskPromise<T>;

  Task(Task&& other) noexcept
      : handle_(std::exchange(other.handle_, nullptr)) {}
  Task& operator=(Task&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }
  ~Task() {
    if (handle_) handle_.destroy();
  }

  auto operator co_await() && {
    ANTEROOM_CHECK(handle_ && !handle_.done());
    return Awaiter{handle_};
  }

 private:
  friend promise_type;
  using Handle = std::coroutine_handle<promise_type>;

  struct Awaiter {
    Handle handle;
    bool await_ready() const noexcept { return false; }
    std::coroutine_handle<> await_suspend(
        std::coroutine_handle<> awaiting) const noexcept {
      handle.promise().set_continuation(awaiting);
      return handle;
    }
    T await_resume() const { return handle.promise().TakeResult(); }
  };

  explicit Task(Handle handle) : handle_(handle) {}

  Handle handle_;
};

namespace internal {

template <typename T>
Task<T> TaskPromise<T>::get_return_object() {
  return Task<T>(std::coroutine_handle<TaskPromise>::from_promise(*this));
}

inline Task<void> TaskPromise<void>::get_return_object() {
  return Task<void>(std::coroutine_handle<TaskPromise>::from_promise(*this));
}

}  // namespace internal
}  // namespace anteroom::coro

#endif  // ANTEROOM_SERVER_CORO_TASK_H_
