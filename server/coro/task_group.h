// TaskGroup (a nursery): owns every task spawned into it until it has ended.
//
// Invariants:
//  1. A task is counted out only after its frame is destroyed.
//  2. Once closed, nothing is spawned any more.
//  3. Join() returns after the last task is counted out; then the group, and
//     all that its tasks referred to, may be destroyed.
//
// Destruction: REQUIRES that the group was joined, or is empty; it checks and
// never blocks.
//
// Thread safety: all methods, from any thread.
#ifndef ANTEROOM_SERVER_CORO_TASK_GROUP_H_
#define ANTEROOM_SERVER_CORO_TASK_GROUP_H_

#include <coroutine>
#include <cstddef>
#include <exception>
#include <memory>
#include <stop_token>
#include <utility>

#include "server/coro/runtime.h"
#include "server/coro/task.h"

namespace anteroom::coro {

class TaskGroup {
 public:
  explicit TaskGroup(Runtime runtime);
  ~TaskGroup();
  TaskGroup(const TaskGroup&) = delete;
  TaskGroup& operator=(const TaskGroup&) = delete;

  // Starts `task` inline, on the calling thread, until it first suspends; an
  // exception out of it is a bug and ends the process. False: the group is
  // closed, and `task` was destroyed without having run.
  // REQUIRES: no lock held.
  bool Spawn(Task<void> task);

  // The same, but `task` starts on the executor: for callers that hold a lock
  // or must not run it on their own stack.
  bool SpawnPosted(Task<void> task);

  // What is counted in though it is no task: a coroutine that nobody owns, or
  // an object that has tasks. Counted out by the ticket's destruction, which
  // comes after that of the coroutine's frame. Empty: the group is closed.
  class Ticket;
  Ticket CountIn();

  // Spawn() for who is counted in: the group cannot refuse it.
  static void Spawn(Ticket ticket, Task<void> task);

  // What a coroutine returns that is such: see below.
  class Detached;

  // Refuses tasks from now on. Idempotent.
  void Close();

  // Asks every task that looks at stop_token() to end.
  void RequestStop();
  std::stop_token stop_token() const;

  // Closes the group and waits until it is empty. Resumes on the executor. May
  // be awaited by several, never by a task of this very group.
  Task<void> Join();

  // Tasks that have not been counted out.
  std::size_t size() const;

 private:
  struct State;
  static Detached Drive(Ticket ticket, Task<void> task, Executor* executor);

  const std::shared_ptr<State> state_;
};

class TaskGroup::Ticket {
 public:
  // Empty.
  Ticket() = default;
  Ticket(Ticket&&) noexcept = default;
  Ticket& operator=(Ticket&&) = delete;
  ~Ticket();
  explicit operator bool() const { return state_ != nullptr; }
  // One more, of a group that may be closed by now. REQUIRES: not empty.
  Ticket Another() const;

 private:
  friend TaskGroup;
  explicit Ticket(std::shared_ptr<State> state) : state_(std::move(state)) {}

  std::shared_ptr<State> state_;
};

// A coroutine that nobody awaits: a function, or a method, of the ticket that
// counts it in (which is moved out), and of what else it needs. It starts at
// once, frees its own frame when it ends, then counts out; an exception out of
// it is a bug and ends the process. Spawn() is this with a frame more, for who
// has a task.
//
//   TaskGroup::Detached Serve(TaskGroup::Ticket /*moved out*/, Call call) {
//     co_await ...;
//   }
class TaskGroup::Detached {
 public:
  class promise_type {
   public:
    template <typename... Others>
    explicit promise_type(Ticket& ticket, Others&...)
        : ticket_(std::move(ticket)) {}
    template <typename Self, typename... Others>
    promise_type(Self&, Ticket& ticket, Others&...)
        : ticket_(std::move(ticket)) {}

    Detached get_return_object() const noexcept { return {}; }
    std::suspend_never initial_suspend() const noexcept { return {}; }
    auto final_suspend() const noexcept {
      struct Leave {
        bool await_ready() const noexcept { return false; }
        void await_suspend(
            std::coroutine_handle<promise_type> detached) const noexcept {
          const Ticket ticket = std::move(detached.promise().ticket_);
          detached.destroy();
        }
        void await_resume() const noexcept {}
      };
      return Leave{};
    }
    void return_void() const noexcept {}
    [[noreturn]] void unhandled_exception() const noexcept { std::terminate(); }

   private:
    Ticket ticket_;
  };
};

}  // namespace anteroom::coro

#endif  // ANTEROOM_SERVER_CORO_TASK_GROUP_H_
