#include "server/coro/thread_timers.h"

#include <utility>
#include <vector>

namespace anteroom::coro {

ThreadTimers::ThreadTimers(Executor& executor, const Clock& clock)
    : executor_(executor),
      clock_(clock),
      wheel_(clock.Now()),
      thread_([this] { RunLoop(); }) {}

ThreadTimers::~ThreadTimers() { Stop(); }

void ThreadTimers::Stop() {
  {
    MutexLock lock(mu_);
    stopping_ = true;
  }
  wake_.NotifyOne();
  if (thread_.joinable()) thread_.join();
}

Timers::Id ThreadTimers::Schedule(Instant when, Work work) {
  bool is_late = false;
  Id id = Id::kNone;
  {
    MutexLock lock(mu_);
    id = wheel_.Add(when, std::move(work));
    is_late = when < looks_at_;
    if (is_late) looks_at_ = when;
  }
  if (is_late) wake_.NotifyOne();
  return id;
}

bool ThreadTimers::Cancel(Id id) {
  Work dropped;  // destroyed outside the lock: it may own anything
  MutexLock lock(mu_);
  return wheel_.Cancel(id, dropped);
}

void ThreadTimers::RunLoop() {
  std::vector<Work> due;
  while (true) {
    {
      MutexLock lock(mu_);
      if (stopping_) return;
      const Instant now = clock_.Now();
      wheel_.TakeDue(now, due);
      // A copy: Cancel() may take the timer away while this waits for it.
      const Instant next = wheel_.next();
      if (due.empty() && now < next) {
        looks_at_ = next;
        if (next == kNever) {
          wake_.Wait(mu_);
        } else {
          wake_.WaitUntil(mu_, next);
        }
        looks_at_ = Instant::min();
      }
    }
    for (Work& work : due) executor_.Post(std::move(work));
    due.clear();
  }
}

}  // namespace anteroom::coro
