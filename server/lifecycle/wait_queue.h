// WaitQueue: the acquires that no instance has been bound to yet, first come,
// first served within a priority, higher priorities first.
//
// A ticket is one of them. It leaves the queue bound to an instance, failed, or
// by giving up; whoever signals it first decides which.
//
// How it works: a skip list whose links know how far they reach (Pugh, "Skip
// lists: a probabilistic alternative to balanced trees" and "A skip list
// cookbook", 1990), so that it can count who is before a ticket. The links are
// in the tickets: of four that have one on a level, one has one on the next,
// too. Which one, its arrival's hash decides.
//
// One more behind and one less in front, as most come and go, take the same
// time however many wait, and touch no other ticket than the last or the next.
// All else takes a logarithm of it, beyond what is returned, unless it says
// otherwise.
//
// Invariants:
//  1. A link reaches the next ticket of its level, and `steps` is how many
//     tickets that is behind the link's own; with no next, how many come after.
//  2. ends_ has the last of each level.
//  3. deferred_ has the tickets whose leases are.
//
// Thread safety: none; guarded by the mutex of the pool that owns it.
#ifndef ANTEROOM_SERVER_LIFECYCLE_WAIT_QUEUE_H_
#define ANTEROOM_SERVER_LIFECYCLE_WAIT_QUEUE_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <utility>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/container/inlined_vector.h"
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

 private:
  friend class WaitQueue;

  struct Link {
    Ticket* next = nullptr;
    std::size_t steps = 0;
  };
  absl::InlinedVector<Link, 1> links_;  // by level, from the lowest
  std::shared_ptr<Ticket> kept_;        // itself, while it is in a queue
};

class WaitQueue {
 public:
  WaitQueue() = default;
  ~WaitQueue() { Take(0, size_); }
  WaitQueue(const WaitQueue&) = delete;
  WaitQueue& operator=(const WaitQueue&) = delete;

  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  // How many have been taken out from before others.
  std::uint64_t departures() const { return departures_; }

  // Over the tickets, in the order in which they are served. Invalid once its
  // ticket is taken out.
  class Iterator {
   public:
    using iterator_category = std::forward_iterator_tag;
    using value_type = Ticket;
    using difference_type = std::ptrdiff_t;
    using pointer = Ticket*;
    using reference = Ticket&;

    Iterator() = default;
    explicit Iterator(Ticket* ticket) : ticket_(ticket) {}
    Ticket& operator*() const { return *ticket_; }
    Ticket* operator->() const { return ticket_; }
    Iterator& operator++() {
      ticket_ = ticket_->links_.front().next;
      return *this;
    }
    Iterator operator++(int) {
      const Iterator before = *this;
      ++*this;
      return before;
    }
    friend bool operator==(Iterator, Iterator) = default;

   private:
    Ticket* ticket_ = nullptr;
  };
  Iterator begin() const { return Iterator(head_.front().next); }
  static Iterator end() { return {}; }

  // REQUIRES: `ticket` is in no queue.
  void Push(const std::shared_ptr<Ticket>& ticket);
  // REQUIRES: !empty().
  std::shared_ptr<Ticket> front() const { return head_.front().next->kept_; }
  // The one that `offset` are before. REQUIRES: offset < size().
  std::shared_ptr<Ticket> At(std::size_t offset) const {
    return Reach(offset)->kept_;
  }
  // The first deferred one that at least `offset` are before; null if there is
  // none.
  std::shared_ptr<Ticket> DeferredFrom(std::size_t offset) const;
  // How many are before `ticket`, itself included; 0: it is not in.
  std::size_t PositionOf(const Ticket& ticket) const;
  // Takes `ticket` out. False: it was not in.
  bool Remove(Ticket& ticket);
  // Takes out up to `count` tickets, starting `offset` from the front.
  std::vector<std::shared_ptr<Ticket>> Take(std::size_t offset,
                                            std::size_t count);
  // The leases of the same, without taking them out.
  std::vector<LeasePtr> Leases(std::size_t offset, std::size_t count) const;
  // The ticket of `lease`; null if it is not in. Looks at all.
  std::shared_ptr<Ticket> Find(const Lease& lease) const;

 private:
  using Link = Ticket::Link;
  // For 4^16 tickets, which are more than fit into memory.
  static constexpr std::size_t kLevels = 16;

  // On each level, the last ticket before a place (null: there is none), and
  // how many tickets there are up to and with it.
  struct Path {
    std::array<Ticket*, kLevels> tickets;
    std::array<std::size_t, kLevels> counts;
  };

  static std::size_t HeightOf(const Ticket& ticket);
  // The link of `ticket`, or before the first where that is null.
  const Link& LinkOf(const Ticket* ticket, std::size_t level) const {
    return ticket == nullptr ? head_[level] : ticket->links_[level];
  }
  Link& LinkOf(Ticket* ticket, std::size_t level) {
    return ticket == nullptr ? head_[level] : ticket->links_[level];
  }
  Path PathTo(const Ticket::Place& place) const;
  // What is looked at when the next are taken from the front: they came long
  // ago.
  void PrefetchFront() const;
  // The ticket that `offset` are before; null if there are no more.
  Ticket* Reach(std::size_t offset) const;

  std::array<Link, kLevels> head_;  // from before the first
  std::array<Ticket*, kLevels> ends_ = {};
  std::size_t levels_ = 0;  // that ever had a ticket
  std::size_t size_ = 0;
  absl::btree_map<Ticket::Place, Ticket*> deferred_;
  std::uint64_t departures_ = 0;
};

}  // namespace anteroom::lifecycle

#endif  // ANTEROOM_SERVER_LIFECYCLE_WAIT_QUEUE_H_
