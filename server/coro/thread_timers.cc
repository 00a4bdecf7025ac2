#include "server/coro/thread_timers.h"

namespace anteroom::coro {

ThreadTimers::ThreadTimers(Executor& executor, const Clock& clock)
    : executor_(executor), clock_(clock), thread_([this] { RunLoop(); }) {}

ThreadTimers::~ThreadTimers() {
  {
    MutexLock lock(mu_);
    stopping_ = true;
  }
  wake_.NotifyOne();
  thread_.join();
}

Timers::Id ThreadTimers::Schedule(Instant when, Work work) {
  bool is_late = false;
  std::uint64_t id = 0;
  {
    MutexLock lock(mu_);
    id = ++last_id_;
    pending_.emplace(Key(when, id), std::move(work));
    due_.emplace(id, when);
    is_late = when < looks_at_;
    if (is_late) looks_at_ = when;
  }
  if (is_late) wake_.NotifyOne();
  return static_cast<Id>(id);
}

bool ThreadTimers::Cancel(Id id) {
  Work dropped;  // destroyed outside the lock: it may own anything
  MutexLock lock(mu_);
  const auto due = due_.find(static_cast<std::uint64_t>(id));
  if (due == due_.end()) return false;
  const auto timer = pending_.find(Key(due->second, due->first));
  dropped = std::move(timer->second);
  pending_.erase(timer);
  due_.erase(due);
  return true;
}

void ThreadTimers::RunLoop() {
  while (true) {
    Work work;
    {
      MutexLock lock(mu_);
      if (stopping_) return;
      const auto first = pending_.begin();
      // A copy: Cancel() may take the timer away while this waits for it.
      const Instant when =
          first == pending_.end() ? kNever : first->first.first;
      if (clock_.Now() < when) {
        looks_at_ = when;
        if (when == kNever) {
          wake_.Wait(mu_);
        } else {
          wake_.WaitUntil(mu_, when);
        }
        looks_at_ = Instant::min();
        continue;
      }
      work = std::move(first->second);
      due_.erase(first->first.second);
      pending_.erase(first);
    }
    executor_.Post(std::move(work));
  }
}

}  // namespace anteroom::coro
