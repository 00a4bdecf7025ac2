// LeaseTimers: when each lease is to be looked at next, because its time may be
// over then. A wheel whose timers are in the leases themselves, linked by their
// places in the table: there may be a million, and as timers of the runtime
// each would take 64 bytes, where these take 10.
//
// The lease knows when its time is over; here only the wheel's slot is known.
// So a lease is looked at when the first of its slot is due, and is scheduled
// again if that was early: some two or three times, at most once on each of the
// wheel's levels.
//
// One timer of the runtime stands for all of them: the earliest's, or an
// earlier one's that was cancelled meanwhile. Then it finds nothing due, and
// goes on to the next.
//
// Thread safety: all methods, from any thread, under a lease's lock. Takes no
// lock but its own, and the table's and the runtime's timers' inside it.
#ifndef ANTEROOM_SERVER_LIFECYCLE_LEASE_TIMERS_H_
#define ANTEROOM_SERVER_LIFECYCLE_LEASE_TIMERS_H_

#include <cstddef>
#include <memory>

#include "server/coro/clock.h"
#include "server/coro/runtime.h"
#include "server/coro/task_group.h"
#include "server/lifecycle/lease.h"
#include "server/lifecycle/lease_table.h"

namespace anteroom::lifecycle {

class LeaseTimers {
 public:
  // What is called when a lease's time has come, or before that: then it
  // schedules it again. It is called from the executor, for one lease after the
  // other: it is not to take long.
  using Look = void (*)(const LeasePtr& lease, coro::Instant now);

  // `leases` outlives this. Looks are counted in to `group`, which is joined
  // before Stop().
  LeaseTimers(coro::Runtime runtime, coro::TaskGroup& group, LeaseTable& leases,
              Look look);
  ~LeaseTimers() { Stop(); }
  LeaseTimers(const LeaseTimers&) = delete;
  LeaseTimers& operator=(const LeaseTimers&) = delete;

  // Has the lease looked at once `when` has come, at the latest. REQUIRES: it
  // is cancelled before it is no more.
  void Schedule(Lease& lease, coro::Instant when);
  // No effect if it is being looked at, or about to be, or was not scheduled.
  void Cancel(Lease& lease);
  // How many are to be looked at.
  std::size_t pending() const;

  // Looks at none any more. Idempotent.
  void Stop();

 private:
  class Wheel;

  const std::shared_ptr<Wheel> wheel_;
};

}  // namespace anteroom::lifecycle

#endif  // ANTEROOM_SERVER_LIFECYCLE_LEASE_TIMERS_H_
