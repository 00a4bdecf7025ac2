#include "server/coro/task_group.h"

#include <coroutine>
#include <exception>
#include <utility>

#include "server/coro/check.h"
#include "server/coro/event.h"
#include "server/coro/mutex.h"
#include "server/coro/yield.h"

namespace anteroom::coro {

struct TaskGroup::State {
  explicit State(Runtime runtime) : runtime(runtime), empty(runtime) {}

  bool CountIn() {
    MutexLock lock(mu);
    if (closed) return false;
    ++count;
    return true;
  }

  void CountOut() {
    {
      MutexLock lock(mu);
      if (--count != 0 || !closed) return;
    }
    empty.Set();
  }

  const Runtime runtime;
  std::stop_source stop;
  Event empty;  // closed, and count is 0
  Mutex mu;
  bool closed ABSL_GUARDED_BY(mu) = false;
  std::size_t count ABSL_GUARDED_BY(mu) = 0;
};

// A coroutine that nobody awaits: it frees its own frame, then counts out.
struct TaskGroup::Driver {
  struct promise_type {
    Driver get_return_object() const noexcept { return {}; }
    std::suspend_never initial_suspend() const noexcept { return {}; }
    auto final_suspend() const noexcept {
      struct Leave {
        bool await_ready() const noexcept { return false; }
        void await_suspend(
            std::coroutine_handle<promise_type> driver) const noexcept {
          const std::shared_ptr<State> state =
              std::move(driver.promise().state);
          driver.destroy();
          state->CountOut();
        }
        void await_resume() const noexcept {}
      };
      return Leave{};
    }
    void return_void() const noexcept {}
    [[noreturn]] void unhandled_exception() const noexcept { std::terminate(); }

    promise_type(const std::shared_ptr<State>& state, Task<void>&, bool)
        : state(state) {}
    std::shared_ptr<State> state;
  };
};

TaskGroup::Driver TaskGroup::Drive(std::shared_ptr<State> state,
                                   Task<void> task, bool posted) {
  if (posted) co_await Yield(state->runtime.executor);
  // A parameter lives as long as the frame, so the task's own frame is gone
  // once this one is.
  co_await std::move(task);
}

TaskGroup::TaskGroup(Runtime runtime)
    : state_(std::make_shared<State>(runtime)) {}

TaskGroup::~TaskGroup() { ANTEROOM_CHECK(size() == 0); }

bool TaskGroup::Spawn(Task<void> task) {
  if (!state_->CountIn()) return false;
  Drive(state_, std::move(task), /*posted=*/false);
  return true;
}

bool TaskGroup::SpawnPosted(Task<void> task) {
  if (!state_->CountIn()) return false;
  Drive(state_, std::move(task), /*posted=*/true);
  return true;
}

void TaskGroup::Close() {
  {
    MutexLock lock(state_->mu);
    state_->closed = true;
    if (state_->count != 0) return;
  }
  state_->empty.Set();
}

void TaskGroup::RequestStop() { state_->stop.request_stop(); }

std::stop_token TaskGroup::stop_token() const {
  return state_->stop.get_token();
}

Task<void> TaskGroup::Join() {
  Close();
  const std::shared_ptr<State> state = state_;
  Task<Wake> wait = state->empty.Wait();
  co_await std::move(wait);
}

std::size_t TaskGroup::size() const {
  MutexLock lock(state_->mu);
  return state_->count;
}

}  // namespace anteroom::coro
