#include "server/lifecycle/lease_timers.h"

#include <utility>
#include <vector>

#include "server/coro/mutex.h"
#include "server/coro/timers.h"
#include "server/coro/timing_wheel.h"

namespace anteroom::lifecycle {

// Shared with the runtime's timer, which may have been posted when all else is
// gone.
class LeaseTimers::Wheel : public std::enable_shared_from_this<Wheel> {
 public:
  Wheel(coro::Runtime runtime, coro::TaskGroup& group, LeaseTable& leases,
        Look look)
      : runtime_(runtime),
        group_(group),
        look_(look),
        leases_(leases),
        wheel_(runtime.clock.Now(), Nodes{leases}) {}

  void Schedule(Lease& lease, coro::Instant when) {
    coro::MutexLock lock(mu_);
    coro::TimerNode& timer = lease.timer();
    if (timer.pending()) {
      if (wheel_.TakenAt(timer) <= when) return;
      Remove(timer);
    }
    wheel_.Add(lease.place(), timer, when);
    ++pending_;
    WakeAt(when);
  }

  void Cancel(Lease& lease) {
    coro::MutexLock lock(mu_);
    if (lease.timer().pending()) Remove(lease.timer());
  }

  std::size_t pending() const {
    coro::MutexLock lock(mu_);
    return pending_;
  }

  void Stop() {
    coro::MutexLock lock(mu_);
    stopped_ = true;
    runtime_.timers.Cancel(std::exchange(timer_, coro::Timers::Id::kNone));
  }

 private:
  struct Nodes {
    coro::TimerNode& operator()(coro::TimerNode::Index place) const {
      return leases.At(place).timer();
    }
    LeaseTable& leases;
  };

  void Remove(coro::TimerNode& timer) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    wheel_.Remove(timer);
    --pending_;
  }

  // To look at what is due by then.
  void WakeAt(coro::Instant when) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    if (when >= wakes_at_ || stopped_) return;
    runtime_.timers.Cancel(timer_);
    wakes_at_ = when;
    timer_ = runtime_.timers.Schedule(
        when, [self = shared_from_this()] { self->LookAtDue(); });
  }

  void LookAtDue() {
    const coro::TaskGroup::Ticket ticket = CountIn();
    if (!ticket) return;
    for (const LeasePtr& lease : TakeDue()) look_(lease, runtime_.clock.Now());
  }

  // Empty: there is nothing to be looked at any more.
  coro::TaskGroup::Ticket CountIn() {
    coro::MutexLock lock(mu_);
    return stopped_ ? coro::TaskGroup::Ticket() : group_.CountIn();
  }

  std::vector<LeasePtr> TakeDue() {
    std::vector<LeasePtr> due;
    coro::MutexLock lock(mu_);
    const coro::Instant now = runtime_.clock.Now();
    while (due.size() < coro::kMostWheelSteps) {
      const coro::TimerNode::Index place = wheel_.Take(now).index;
      if (place == coro::TimerNode::kNoIndex) break;
      --pending_;
      due.emplace_back(&leases_.At(place));
    }
    // At once, if that was not all.
    wakes_at_ = coro::kNever;
    WakeAt(wheel_.next());
    return due;
  }

  const coro::Runtime runtime_;
  coro::TaskGroup& group_;
  const Look look_;
  LeaseTable& leases_;
  mutable coro::Mutex mu_;
  coro::TimingWheel<Nodes> wheel_ ABSL_GUARDED_BY(mu_);
  std::size_t pending_ ABSL_GUARDED_BY(mu_) = 0;
  coro::Timers::Id timer_ ABSL_GUARDED_BY(mu_) = coro::Timers::Id::kNone;
  coro::Instant wakes_at_ ABSL_GUARDED_BY(mu_) = coro::kNever;
  bool stopped_ ABSL_GUARDED_BY(mu_) = false;
};

LeaseTimers::LeaseTimers(coro::Runtime runtime, coro::TaskGroup& group,
                         LeaseTable& leases, Look look)
    : wheel_(std::make_shared<Wheel>(runtime, group, leases, look)) {}

void LeaseTimers::Schedule(Lease& lease, coro::Instant when) {
  wheel_->Schedule(lease, when);
}

void LeaseTimers::Cancel(Lease& lease) { wheel_->Cancel(lease); }

std::size_t LeaseTimers::pending() const { return wheel_->pending(); }

void LeaseTimers::Stop() { wheel_->Stop(); }

}  // namespace anteroom::lifecycle
