// LeaseTable: the memory of all leases, and from a lease's secret id to the
// lease, once that is granted; ended ones included for as long as their
// receipts are kept.
//
// How it works: each lease has a place, and its id says which; the rest of the
// id is random, and compared. So an id is found without a search. A place that
// is free is taken again before there is a new one, the last first: it is in a
// cache.
//
// Memory: a lease's own a place, in chunks that do not move, and 4 bytes more
// for a place that was free ever; not given back.
//
// Invariants:
//  1. A lease is found from its grant until receipts_kept after its end, or
//     until it is the oldest of more than receipts_max ended ones. As long, the
//     table itself refers to it.
//  2. Look-ups touch one shard's lock alone.
//
// Destruction: REQUIRES that nobody else refers to a lease any more, nor work
// that was posted.
//
// Thread safety: all methods, from any thread.
#ifndef ANTEROOM_SERVER_LIFECYCLE_LEASE_TABLE_H_
#define ANTEROOM_SERVER_LIFECYCLE_LEASE_TABLE_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/coro/clock.h"
#include "server/coro/mutex.h"
#include "server/coro/random.h"
#include "server/lifecycle/lease.h"
#include "server/lifecycle/lease_id.h"

namespace anteroom::lifecycle {

class LeaseTable {
 public:
  struct Options {
    absl::Duration receipts_kept = absl::Minutes(10);
    std::size_t receipts_max = 100'000;
  };

  LeaseTable(coro::Random& random, Options options)
      : random_(random), options_(options) {}
  ~LeaseTable();
  LeaseTable(const LeaseTable&) = delete;
  LeaseTable& operator=(const LeaseTable&) = delete;

  // A lease that nobody finds yet, of a pool whose table this is. `number` is
  // its public name's. At most some 2^32 live at once.
  LeasePtr Make(Pool& pool, std::uint64_t number, AcquireOptions&& options);
  // It is granted: has it found from now on. Once a lease.
  void Add(const LeasePtr& lease);
  // The lease at this place. REQUIRES: there is one.
  Lease& At(Lease::Place place);
  // By its id as clients write it. LEASE_NOT_FOUND for one that never was, or
  // whose receipt is gone.
  absl::StatusOr<LeasePtr> Find(absl::string_view text);
  // The one at this place, if there is one that has been granted, and may have
  // ended; else null.
  LeasePtr FindAt(Lease::Place place);

  // Starts the time that the receipt of `lease` is kept. REQUIRES: it was
  // added.
  void Ended(const LeasePtr& lease, coro::Instant now);
  // Drops, and returns, what is kept no longer. Cheap when there is nothing.
  std::vector<LeasePtr> Prune(coro::Instant now);

  // How many would be found. Looks at all places.
  std::size_t size() const;

 private:
  friend Lease;

  static constexpr int kShardBits = 4;
  static constexpr Lease::Place kMostPlaces =
      Lease::kNoPlace >> kShardBits << kShardBits;
  // Of a shard's places.
  using Index = std::uint32_t;
  // One lease's memory, whether or not there is one in it.
  class Slot {
   public:
    Lease* lease() { return reinterpret_cast<Lease*>(memory_); }

   private:
    alignas(Lease) std::byte memory_[sizeof(Lease)];
  };
  struct Shard {
    mutable coro::Mutex mu;
    std::deque<Slot> slots ABSL_GUARDED_BY(mu);
    std::vector<Index> free ABSL_GUARDED_BY(mu);
    // Whether the lease there is found.
    std::vector<bool> found ABSL_GUARDED_BY(mu);
  };
  struct Kept {
    coro::Instant until;
    Lease* lease;
  };

  Shard& ShardOf(Lease::Place place) { return shards_[place % shards_.size()]; }
  static Index IndexOf(Lease::Place place) { return place >> kShardBits; }
  // Its lease is no more.
  void Free(Lease::Place place);
  // Has it found no more; the reference that the table had.
  LeasePtr Drop(Lease& lease) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // What the next calls drop: that ended long ago.
  void PrefetchOldest() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // When the oldest of ended_ is to be dropped; kNever: there is none.
  coro::Instant DropAt() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  coro::Random& random_;
  const Options options_;
  std::array<Shard, 1 << kShardBits> shards_;
  coro::Mutex mu_;  // before a shard's
  // Oldest first, but for those that ended side by side.
  std::deque<Kept> ended_ ABSL_GUARDED_BY(mu_);
  // DropAt(), for whoever looks without the lock; written under it.
  std::atomic<coro::Instant> drop_at_{coro::kNever};
};

}  // namespace anteroom::lifecycle

#endif  // ANTEROOM_SERVER_LIFECYCLE_LEASE_TABLE_H_
