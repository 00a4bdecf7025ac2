// LeaseTimers: when each lease is to be looked at next, because its time may be
// over then. A wheel of leases: as timers of the runtime they would take more
// than twice the memory, and there may be a million.
//
// One timer of the runtime stands for all of them: the earliest's, or an
// earlier one's that was cancelled meanwhile. Then it finds nothing due, and
// goes on to the next.
//
// Thread safety: all methods, from any thread. Takes no lock but its own, and
// the runtime's timers' inside it.
#ifndef ANTEROOM_SERVER_LIFECYCLE_LEASE_TIMERS_H_
#define ANTEROOM_SERVER_LIFECYCLE_LEASE_TIMERS_H_

#include <cstddef>
#include <memory>

#include "server/coro/clock.h"
#include "server/coro/runtime.h"
#include "server/coro/timers.h"
#include "server/lifecycle/lease.h"

namespace anteroom::lifecycle {

class LeaseTimers {
 public:
  using Id = coro::Timers::Id;
  // What is called when a lease's time has come. On the executor; by time, and
  // of one instant in the order in which they were scheduled.
  using Look = void (*)(const LeasePtr& lease, coro::Instant now);

  LeaseTimers(coro::Runtime runtime, Look look);
  ~LeaseTimers() { Stop(); }
  LeaseTimers(const LeaseTimers&) = delete;
  LeaseTimers& operator=(const LeaseTimers&) = delete;

  // Has the lease looked at once `when` has come.
  Id Schedule(coro::Instant when, LeasePtr lease);
  // No effect if that has happened, or is about to, or if `id` is kNone.
  void Cancel(Id id);
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
