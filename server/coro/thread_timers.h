// ThreadTimers: the production timers, a timing wheel (timer_wheel.h) and one
// thread that sleeps until the earliest is due and posts it: by time, and of
// one instant in the order in which they were scheduled.
//
// Destruction: that of Stop(); pending timers are dropped.
//
// Thread safety: all methods, from any thread.
#ifndef ANTEROOM_SERVER_CORO_THREAD_TIMERS_H_
#define ANTEROOM_SERVER_CORO_THREAD_TIMERS_H_

#include <thread>

#include "server/coro/clock.h"
#include "server/coro/mutex.h"
#include "server/coro/timer_wheel.h"
#include "server/coro/timers.h"

namespace anteroom::coro {

class ThreadTimers : public Timers {
 public:
  // Both outlive this object. `clock` must run on steady_clock's time.
  ThreadTimers(Executor& executor, const Clock& clock);
  ~ThreadTimers() override;
  ThreadTimers(const ThreadTimers&) = delete;
  ThreadTimers& operator=(const ThreadTimers&) = delete;

  Id Schedule(Instant when, Work work) override;
  bool Cancel(Id id) override;

  // Joins the thread: nothing is posted any more. From one thread at a time;
  // idempotent.
  void Stop();

 private:
  void RunLoop();

  Executor& executor_;
  const Clock& clock_;
  Mutex mu_;
  CondVar wake_;
  TimerWheel wheel_ ABSL_GUARDED_BY(mu_);
  // When the thread looks again, by itself or because it was notified. min():
  // it is awake.
  Instant looks_at_ ABSL_GUARDED_BY(mu_) = Instant::min();
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
  std::thread thread_;  // last: starts when all else is built
};

}  // namespace anteroom::coro

#endif  // ANTEROOM_SERVER_CORO_THREAD_TIMERS_H_
