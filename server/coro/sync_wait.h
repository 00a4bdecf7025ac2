// SyncWait(task): blocks the calling thread until `task` has ended and its
// frame is gone. For main() and tests alone: never on a thread of gRPC's or of
// the executor.
#ifndef ANTEROOM_SERVER_CORO_SYNC_WAIT_H_
#define ANTEROOM_SERVER_CORO_SYNC_WAIT_H_

#include <coroutine>
#include <exception>
#include <future>
#include <optional>
#include <utility>

#include "server/coro/task.h"

namespace anteroom::coro {

namespace internal {

// A coroutine that nobody awaits: frees its own frame, then says so.
struct SyncDriver {
  struct promise_type {
    SyncDriver get_return_object() { return {done.get_future()}; }
    std::suspend_never initial_suspend() const noexcept { return {}; }
    auto final_suspend() const noexcept {
      struct Leave {
        bool await_ready() const noexcept { return false; }
        void await_suspend(
            std::coroutine_handle<promise_type> driver) const noexcept {
          std::promise<void> done = std::move(driver.promise().done);
          driver.destroy();
          done.set_value();
        }
        void await_resume() const noexcept {}
      };
      return Leave{};
    }
    void return_void() const noexcept {}
    [[noreturn]] void unhandled_exception() const noexcept { std::terminate(); }

    std::promise<void> done;
  };

  std::future<void> done;
};

template <typename T>
SyncDriver DriveSync(Task<T> task, std::optional<T>* result) {
  result->emplace(co_await std::move(task));
}
inline SyncDriver DriveSync(Task<void> task) { co_await std::move(task); }

}  // namespace internal

template <typename T>
T SyncWait(Task<T> task) {
  std::optional<T> result;
  internal::DriveSync(std::move(task), &result).done.get();
  return *std::move(result);
}

inline void SyncWait(Task<void> task) {
  internal::DriveSync(std::move(task)).done.get();
}

}  // namespace anteroom::coro

#endif  // ANTEROOM_SERVER_CORO_SYNC_WAIT_H_
