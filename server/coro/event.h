// Event: set once, for any number of waiting coroutines. What happens before
// Set() happens before every Wait() that returns kSignalled.
//
// - Wait() resumes on the executor, or within Resume(); at once if the event is
//   set.
// - The event may be destroyed as soon as no Set() is running and every Wait()
//   has returned; Set() touches nothing after the last waiter was signalled,
//   so a waiter may destroy the event that woke it only if the setter holds
//   its own reference (a shared_ptr to what contains the event).
//
// Thread safety: all methods, from any thread.
#ifndef ANTEROOM_SERVER_CORO_EVENT_H_
#define ANTEROOM_SERVER_CORO_EVENT_H_

#include <atomic>
#include <list>
#include <memory>
#include <stop_token>

#include "server/coro/mutex.h"
#include "server/coro/runtime.h"
#include "server/coro/task.h"
#include "server/coro/waiter.h"

namespace anteroom::coro {

class Event {
 public:
  explicit Event(Runtime runtime) : runtime_(runtime) {}
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;

  // Idempotent.
  void Set();
  // The same, but who waits is resumed within this call: for a caller that
  // holds no lock and has nothing left to do that they may not come before.
  void Resume();
  bool is_set() const { return set_.load(std::memory_order_acquire); }

  // Until the event is set, `stop` is requested or `deadline` has passed.
  Task<Wake> Wait(std::stop_token stop = {}, Instant deadline = kNever);

 private:
  // Who is to be woken up.
  std::list<std::shared_ptr<Waiter>> SetAndTake();

  const Runtime runtime_;
  std::atomic<bool> set_{false};
  Mutex mu_;
  std::list<std::shared_ptr<Waiter>> waiters_ ABSL_GUARDED_BY(mu_);
};

}  // namespace anteroom::coro

#endif  // ANTEROOM_SERVER_CORO_EVENT_H_
