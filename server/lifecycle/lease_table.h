// LeaseTable: from the secret lease id to its lease, ended ones included for as
// long as their receipts are kept.
//
// How it works: each lease has a place, and its id says where that is; the rest
// of the id is random, and compared. So an id is found without a search, and a
// place costs one pointer. A place that is free is taken again before there is
// a new one, the last first: it is in a cache.
//
// Memory: 8 bytes a place, and 4 more for one that was free ever; not given
// back.
//
// Invariants:
//  1. A lease is in the table from its grant until receipts_kept after its end,
//     or until it is the oldest of more than receipts_max ended ones.
//  2. Look-ups touch one shard's lock alone.
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
  LeaseTable(const LeaseTable&) = delete;
  LeaseTable& operator=(const LeaseTable&) = delete;

  // Gives the lease its id. At most some 2^32 are in it.
  void Add(const LeasePtr& lease);
  // The lease at this place. REQUIRES: it is in the table.
  Lease& At(std::uint32_t place) const;
  // By its id as clients write it. LEASE_NOT_FOUND for one that never was, or
  // whose receipt is gone.
  absl::StatusOr<LeasePtr> Find(absl::string_view text);

  // Starts the time that the receipt of `lease` is kept.
  void Ended(LeasePtr lease, coro::Instant now);
  // Drops, and returns, what is kept no longer. Cheap when there is nothing.
  std::vector<LeasePtr> Prune(coro::Instant now);

  std::size_t size() const;

 private:
  static constexpr int kShardBits = 4;
  // The last number is no place's: see TimerNode.
  static constexpr std::uint32_t kMostPlaces =
      ~std::uint32_t{0} >> kShardBits << kShardBits;
  // Of a shard's places.
  using Index = std::uint32_t;
  struct Shard {
    mutable coro::Mutex mu;
    std::deque<LeasePtr> places ABSL_GUARDED_BY(mu);
    std::vector<Index> free ABSL_GUARDED_BY(mu);
  };
  struct Kept {
    coro::Instant until;
    LeasePtr lease;
  };

  Shard& ShardOf(std::uint32_t place) {
    return shards_[place % shards_.size()];
  }
  const Shard& ShardOf(std::uint32_t place) const {
    return shards_[place % shards_.size()];
  }
  static Index IndexOf(std::uint32_t place) { return place >> kShardBits; }
  // What the next calls drop: that ended long ago.
  void PrefetchOldest() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // When the oldest of ended_ is to be dropped; kNever: there is none.
  coro::Instant DropAt() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  coro::Random& random_;
  const Options options_;
  std::array<Shard, 1 << kShardBits> shards_;
  coro::Mutex mu_;
  // Oldest first, but for those that ended side by side.
  std::deque<Kept> ended_ ABSL_GUARDED_BY(mu_);
  // DropAt(), for whoever looks without the lock; written under it.
  std::atomic<coro::Instant> drop_at_{coro::kNever};
};

}  // namespace anteroom::lifecycle

#endif  // ANTEROOM_SERVER_LIFECYCLE_LEASE_TABLE_H_
