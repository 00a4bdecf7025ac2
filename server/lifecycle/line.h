// Line: the instances of one key of a resource (the only one, where it is not
// keyed), and who queues for them.
//
// It answers who may be bound to what, in constant or logarithmic time, and
// decides nothing: that is the pool's.
//
// An instance is *under way* for the queue while it will take waiters later:
// under construction, in an init that is awaited before binding, or in a check.
// Instances under way serve, in the order in which they were begun, the waiters
// from the front of the queue, as many as each has slots left (deferred leases
// may be bound to it already).
//
// Invariant: Note() was called after the last change to an instance's state,
// holders, retirement, check or warmth.
//
// Thread safety: none; guarded by the mutex of the pool that owns it.
#ifndef ANTEROOM_SERVER_LIFECYCLE_LINE_H_
#define ANTEROOM_SERVER_LIFECYCLE_LINE_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/container/btree_set.h"
#include "server/lifecycle/instance.h"
#include "server/lifecycle/lease.h"
#include "server/lifecycle/under_way.h"
#include "server/lifecycle/wait_queue.h"

namespace anteroom::lifecycle {

class Line {
 public:
  using Instances = absl::btree_map<std::uint64_t, std::shared_ptr<Instance>>;

  // `slots`: leases side by side on one instance, at most kManySlots.
  Line(std::string key, std::size_t slots)
      : key_(std::move(key)), slots_(slots) {}
  Line(const Line&) = delete;
  Line& operator=(const Line&) = delete;

  const std::string& key() const { return key_; }
  WaitQueue& queue() { return queue_; }
  const WaitQueue& queue() const { return queue_; }
  // By number: in the order in which they were begun.
  const Instances& instances() const { return instances_; }
  // Tells those that no instance under way will serve their place, where it is
  // another than they were told and worth telling: one of the first three, or
  // no more than half. (So a waiter is told a logarithm of its places.)
  void TellPlaces();
  // Whether anybody's place may have changed since the last TellPlaces().
  bool PlacesChanged() const {
    return unserved() > 0 && queue_.departures() != told_departures_;
  }
  // Nobody waits and there is nothing to wait for.
  bool unused() const { return queue_.empty() && instances_.empty(); }

  void Add(const std::shared_ptr<Instance>& instance);
  void Remove(Instance& instance);
  // Looks at `instance` anew.
  void Note(Instance& instance);

  static constexpr std::size_t kManySlots = std::size_t{1} << 31;

  // An instance that takes the next waiter now: a ready one, if there is.
  Instance* FindRoom() const;
  // A deferred waiter, and the instance under way and constructed that will
  // serve it: it may be bound already. Nulls if there is none.
  std::pair<std::shared_ptr<Ticket>, Instance*> FindDeferred() const;
  // Waiters that no instance under way will serve.
  std::size_t unserved() const;
  // What the pool has counted of them in its sum.
  std::size_t counted_unserved = 0;
  // Where the pool counts it among those that compete for max_instances.
  std::optional<Ticket::Place> hungry_at;
  // The first of them. REQUIRES: unserved() > 0.
  std::shared_ptr<Ticket> FirstUnserved() const;
  std::vector<std::shared_ptr<Ticket>> TakeUnserved();
  // Whether some instance will be, or come, free.
  bool HasHope() const { return !marked(kLendable).empty(); }

  bool IsUnderWay(const Instance& instance) const;
  // The waiters that `instance`, under way, will serve.
  std::vector<LeasePtr> WaitersOf(const Instance& instance) const;
  std::vector<std::shared_ptr<Ticket>> TakeWaitersOf(const Instance& instance);
  // The last begun of the instances under way that no waiter needs, no lease is
  // bound to and that are not in a check; null if there is none.
  Instance* LastUnneeded() const { return UnneededOf(marked(kUnawaited)); }
  // The same, of those that are not warm.
  Instance* LastUnneededCold() const { return UnneededOf(marked(kCold)); }

  // Ready instances that nobody holds.
  std::size_t idle() const { return marked(kIdle).size(); }
  // Instances ready, or to be ready by themselves, beyond what the queue takes.
  std::size_t spares() const;

 private:
  using Numbers = absl::btree_set<std::uint64_t>;

  // What an instance may be, several at a time.
  enum Mark : std::uint8_t {
    kReadyRoom,
    kEarlyRoom,
    kBinding,    // under way and constructed: to deferred waiters
    kUnawaited,  // under way, not in a check, and no lease is bound to it
    kCold,       // and not warm
    kIdle,
    kUnheld,    // and ready, under way or warm
    kLendable,  // not retired
    kMarks
  };
  const Numbers& marked(Mark mark) const { return marked_[mark]; }
  // `marks`: a bit for each that is so; the others are not.
  void SetMarks(Instance& instance, unsigned marks);

  // Slots of `instance` that no lease is bound to.
  std::size_t SlotsLeft(const Instance& instance) const;
  // Slots of the instances under way that were begun before `instance`.
  std::size_t SlotsBefore(const Instance& instance) const;
  // The queue needs those under way that have smaller numbers than this.
  std::uint64_t NeededEnd() const;
  // The last of `numbers`, all of them under way, if no waiter needs it.
  Instance* UnneededOf(const Numbers& numbers) const;

  const std::string key_;
  const std::size_t slots_;
  WaitQueue queue_;
  std::uint64_t told_departures_ = 0;
  Instances instances_;
  UnderWay under_way_;
  // Numbers of instances.
  std::array<Numbers, kMarks> marked_;
};

}  // namespace anteroom::lifecycle

#endif  // ANTEROOM_SERVER_LIFECYCLE_LINE_H_
