// WaitQueue: the acquires that no instance has been bound to yet, first come,
// first served within a priority, higher priorities first.
//
// A ticket is one of them. It leaves the queue bound to an instance, failed, or
// by giving up; whoever signals it first decides which.
//
// All in logarithmic time, beyond what is returned, unless it says otherwise.
//
// Invariant: deferred_ holds the places of the tickets whose leases are.
//
// Thread safety: none; guarded by the mutex of the pool that owns it.
#ifndef ANTEROOM_SERVER_LIFECYCLE_WAIT_QUEUE_H_
#define ANTEROOM_SERVER_LIFECYCLE_WAIT_QUEUE_H_

#include <cstddef>
#include <cstdint>
#include <ext/pb_ds/assoc_container.hpp>
#include <ext/pb_ds/tree_policy.hpp>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "absl/container/btree_set.h"
#include "absl/status/status.h"
#include "server/coro/runtime.h"
#include "server/coro/waiter.h"
#include "server/lifecycle/instance.h"
#include "server/lifecycle/lease.h"

namespace anteroom::lifecycle {

struct Ticket : coro::Waiter {
  // `arrival` grows with each ticket of a pool.
  Ticket(coro::Runtime runtime, LeasePtr lease, std::uint64_t arrival)
      : Waiter(runtime),
        lease(std::move(lease)),
        place(-static_cast<std::int64_t>(this->lease->priority()), arrival) {}

  // Whose turn it is: the smallest place is first.
  using Place = std::pair<std::int64_t, std::uint64_t>;

  const LeasePtr lease;
  const Place place;
  // Its place as it was told last; 0: it was told none.
  std::size_t told_position = 0;
  // Numbers of the instances that were built for it, in their order.
  std::vector<std::uint64_t> caused;
  // What the signal meant: bound to an instance, or else failed.
  bool bound = false;
  absl::Status failure;
};

class WaitQueue {
 public:
  std::size_t size() const { return tickets_.size(); }
  bool empty() const { return tickets_.empty(); }
  // How many have been taken out from before others.
  std::uint64_t departures() const { return departures_; }

  // A map that counts who is before a place, which none of the standard library
  // does.
  using Tickets =
      __gnu_pbds::tree<Ticket::Place, std::shared_ptr<Ticket>,
                       std::less<Ticket::Place>, __gnu_pbds::rb_tree_tag,
                       __gnu_pbds::tree_order_statistics_node_update>;
  // In the order in which they are served.
  const Tickets& tickets() const { return tickets_; }

  void Push(const std::shared_ptr<Ticket>& ticket);
  // REQUIRES: !empty().
  std::shared_ptr<Ticket> front() const { return tickets_.begin()->second; }
  // The one that `offset` are before. REQUIRES: offset < size().
  std::shared_ptr<Ticket> At(std::size_t offset) const {
    return tickets_.find_by_order(offset)->second;
  }
  // The first deferred one that at least `offset` are before; null if there is
  // none.
  std::shared_ptr<Ticket> DeferredFrom(std::size_t offset) const;
  // How many are before `ticket`, itself included; 0: it is not in.
  std::size_t PositionOf(const Ticket& ticket) const;
  // Takes `ticket` out. False: it was not in.
  bool Remove(const Ticket& ticket);
  // Takes out up to `count` tickets, starting `offset` from the front.
  std::vector<std::shared_ptr<Ticket>> Take(std::size_t offset,
                                            std::size_t count);
  // The same, without taking them out.
  std::vector<LeasePtr> Leases(std::size_t offset, std::size_t count) const;
  // The ticket of `lease`; null if it is not in. Looks at all.
  std::shared_ptr<Ticket> Find(const Lease& lease) const;

 private:
  Tickets tickets_;
  absl::btree_set<Ticket::Place> deferred_;
  std::uint64_t departures_ = 0;
};

}  // namespace anteroom::lifecycle

#endif  // ANTEROOM_SERVER_LIFECYCLE_WAIT_QUEUE_H_
