// Semaphore: permits handed out in order of arrival. No barging: while somebody
// waits, a free permit is theirs.
//
// - Acquire() resumes on the executor if it had to wait, else inline.
// - REQUIRES at destruction: no Acquire() under way.
//
// Thread safety: all methods, from any thread.
#ifndef ANTEROOM_SERVER_CORO_SEMAPHORE_H_
#define ANTEROOM_SERVER_CORO_SEMAPHORE_H_

#include <cstddef>
#include <list>
#include <memory>
#include <stop_token>

#include "server/coro/mutex.h"
#include "server/coro/runtime.h"
#include "server/coro/task.h"
#include "server/coro/waiter.h"

namespace anteroom::coro {

class Semaphore {
 public:
  Semaphore(Runtime runtime, std::size_t permits)
      : runtime_(runtime), permits_(permits) {}
  ~Semaphore();
  Semaphore(const Semaphore&) = delete;
  Semaphore& operator=(const Semaphore&) = delete;

  // One permit (kSignalled), or none (kCancelled, kTimedOut). One that gives up
  // leaves the queue at once and costs nobody a turn.
  Task<Wake> Acquire(std::stop_token stop = {}, Instant deadline = kNever);
  // A permit if one is free and nobody waits.
  bool TryAcquire();
  // Gives one permit back: to the first waiter that still wants it.
  void Release();

  std::size_t waiting() const;

 private:
  const Runtime runtime_;
  mutable Mutex mu_;
  std::size_t permits_ ABSL_GUARDED_BY(mu_);
  std::list<std::shared_ptr<Waiter>> queue_ ABSL_GUARDED_BY(mu_);
};

}  // namespace anteroom::coro

#endif  // ANTEROOM_SERVER_CORO_SEMAPHORE_H_
