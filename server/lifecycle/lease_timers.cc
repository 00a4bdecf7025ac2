#include "server/lifecycle/lease_timers.h"

#include <utility>
#include <vector>

#include "server/coro/mutex.h"
#include "server/coro/timer_wheel.h"

namespace anteroom::lifecycle {

// Shared with the runtime's timer, which may have been posted when all else is
// gone.
class LeaseTimers::Wheel : public std::enable_shared_from_this<Wheel> {
 public:
  Wheel(coro::Runtime runtime, Look look)
      : runtime_(runtime), look_(look), leases_(runtime.clock.Now()) {}

  Id Schedule(coro::Instant when, LeasePtr lease) {
    coro::MutexLock lock(mu_);
    ++pending_;
    const Id id = leases_.Add(when, std::move(lease));
    WakeAt(when);
    return id;
  }

  void Cancel(Id id) {
    LeasePtr dropped;  // let go of when the lock is, too
    coro::MutexLock lock(mu_);
    if (leases_.Cancel(id, dropped)) --pending_;
  }

  std::size_t pending() const {
    coro::MutexLock lock(mu_);
    return pending_;
  }

  void Stop() {
    coro::MutexLock lock(mu_);
    stopped_ = true;
    runtime_.timers.Cancel(std::exchange(timer_, Id::kNone));
  }

 private:
  // To look at what is due by then.
  void WakeAt(coro::Instant when) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    if (when >= wakes_at_ || stopped_) return;
    runtime_.timers.Cancel(timer_);
    wakes_at_ = when;
    timer_ = runtime_.timers.Schedule(
        when, [self = shared_from_this()] { self->LookAtDue(); });
  }

  void LookAtDue() {
    std::vector<LeasePtr> due;
    coro::Instant now;
    {
      coro::MutexLock lock(mu_);
      if (stopped_) return;
      now = runtime_.clock.Now();
      leases_.TakeDue(now, due);
      pending_ -= due.size();
      // At once, if that was not all.
      wakes_at_ = coro::kNever;
      WakeAt(leases_.next());
    }
    for (const LeasePtr& lease : due) look_(lease, now);
  }

  const coro::Runtime runtime_;
  const Look look_;
  mutable coro::Mutex mu_;
  coro::TimerWheel<LeasePtr> leases_ ABSL_GUARDED_BY(mu_);
  std::size_t pending_ ABSL_GUARDED_BY(mu_) = 0;
  Id timer_ ABSL_GUARDED_BY(mu_) = Id::kNone;
  coro::Instant wakes_at_ ABSL_GUARDED_BY(mu_) = coro::kNever;
  bool stopped_ ABSL_GUARDED_BY(mu_) = false;
};

LeaseTimers::LeaseTimers(coro::Runtime runtime, Look look)
    : wheel_(std::make_shared<Wheel>(runtime, look)) {}

LeaseTimers::Id LeaseTimers::Schedule(coro::Instant when, LeasePtr lease) {
  return wheel_->Schedule(when, std::move(lease));
}

void LeaseTimers::Cancel(Id id) {
  if (id != Id::kNone) wheel_->Cancel(id);
}

std::size_t LeaseTimers::pending() const { return wheel_->pending(); }

void LeaseTimers::Stop() { wheel_->Stop(); }

}  // namespace anteroom::lifecycle
