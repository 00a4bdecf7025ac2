#include "server/coro/task_group.h"

#include <atomic>
#include <cstddef>
#include <utility>

#include "server/coro/check.h"
#include "server/coro/event.h"
#include "server/coro/yield.h"

namespace anteroom::coro {

struct TaskGroup::State {
  explicit State(Runtime runtime) : runtime(runtime), empty(runtime) {}

  bool CountIn() {
    std::size_t now = count_.load(std::memory_order_relaxed);
    do {
      if ((now & kClosed) != 0) return false;
    } while (!count_.compare_exchange_weak(now, now + kOne,
                                           std::memory_order_relaxed));
    return true;
  }

  // REQUIRES: somebody is counted in.
  void CountInAnother() { count_.fetch_add(kOne, std::memory_order_relaxed); }

  void CountOut() {
    // What the task did happens before whoever joins goes on.
    if (count_.fetch_sub(kOne, std::memory_order_acq_rel) == kOne + kClosed) {
      empty.Set();
    }
  }

  void Close() {
    if (count_.fetch_or(kClosed, std::memory_order_acq_rel) == 0) empty.Set();
  }

  std::size_t size() const {
    return count_.load(std::memory_order_acquire) / kOne;
  }

  const Runtime runtime;
  std::stop_source stop;
  Event empty;  // closed, and no task is left

 private:
  // The tasks, kOne each, and kClosed.
  static constexpr std::size_t kClosed = 1;
  static constexpr std::size_t kOne = 2;
  std::atomic<std::size_t> count_{0};
};

TaskGroup::Ticket::~Ticket() {
  if (state_ != nullptr) state_->CountOut();
}

TaskGroup::Ticket TaskGroup::Ticket::Another() const {
  ANTEROOM_CHECK(state_ != nullptr);
  state_->CountInAnother();
  return Ticket(state_);
}

// `executor`: where it starts; null: here.
TaskGroup::Detached TaskGroup::Drive(Ticket /*moved out*/, Task<void> task,
                                     Executor* executor) {
  if (executor != nullptr) co_await Yield(*executor);
  // A parameter lives as long as the frame, so the task's own frame is gone
  // once this one is.
  co_await std::move(task);
}

TaskGroup::TaskGroup(Runtime runtime)
    : state_(std::make_shared<State>(runtime)) {}

TaskGroup::~TaskGroup() { ANTEROOM_CHECK(size() == 0); }

TaskGroup::Ticket TaskGroup::CountIn() {
  return Ticket(state_->CountIn() ? state_ : nullptr);
}

bool TaskGroup::Spawn(Task<void> task) {
  Ticket ticket = CountIn();
  if (!ticket) return false;
  Spawn(std::move(ticket), std::move(task));
  return true;
}

void TaskGroup::Spawn(Ticket ticket, Task<void> task) {
  Drive(std::move(ticket), std::move(task), nullptr);
}

bool TaskGroup::SpawnPosted(Task<void> task) {
  Ticket ticket = CountIn();
  if (!ticket) return false;
  Drive(std::move(ticket), std::move(task), &state_->runtime.executor);
  return true;
}

void TaskGroup::Close() { state_->Close(); }

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

std::size_t TaskGroup::size() const { return state_->size(); }

}  // namespace anteroom::coro
