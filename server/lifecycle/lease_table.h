// LeaseTable: from the secret lease id to its lease, ended ones included for as
// long as their receipts are kept.
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
#include <deque>
#include <memory>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/coro/clock.h"
#include "server/coro/mutex.h"
#include "server/lifecycle/lease.h"
#include "server/lifecycle/lease_id.h"

namespace anteroom::lifecycle {

class LeaseTable {
 public:
  struct Options {
    absl::Duration receipts_kept = absl::Minutes(10);
    std::size_t receipts_max = 100'000;
  };

  LeaseTable(const coro::Clock& clock, Options options)
      : clock_(clock), options_(options) {}
  LeaseTable(const LeaseTable&) = delete;
  LeaseTable& operator=(const LeaseTable&) = delete;

  void Add(const LeasePtr& lease);
  // By its id as clients write it. LEASE_NOT_FOUND for one that never was, or
  // whose receipt is gone.
  absl::StatusOr<LeasePtr> Find(absl::string_view text);

  // Starts the time that the receipt of `lease` is kept.
  void Ended(LeasePtr lease);
  // Drops, and returns, what is kept no longer. Cheap when there is nothing.
  std::vector<LeasePtr> Prune();

  std::size_t size() const;

 private:
  // An id is random: it is its own hash. Its lease holds it, alone.
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(const LeaseId& id) const { return id.low; }
    std::size_t operator()(const LeasePtr& lease) const {
      return lease->secret().low;
    }
  };
  struct Same {
    using is_transparent = void;
    bool operator()(const LeasePtr& a, const LeasePtr& b) const {
      return a == b;
    }
    bool operator()(const LeasePtr& lease, const LeaseId& id) const {
      return lease->secret() == id;
    }
  };
  using Leases = absl::flat_hash_set<LeasePtr, Hash, Same>;
  static constexpr int kShardBits = 4;
  struct Shard {
    mutable coro::Mutex mu;
    Leases leases ABSL_GUARDED_BY(mu);
  };
  struct Kept {
    coro::Instant until;
    LeasePtr lease;
  };

  Shard& ShardOf(const LeaseId& id) {
    return shards_[id.high >> (64 - kShardBits)];
  }
  // When the oldest of ended_ is to be dropped; kNever: there is none.
  coro::Instant DropAt() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const coro::Clock& clock_;
  const Options options_;
  std::array<Shard, 1 << kShardBits> shards_;
  coro::Mutex mu_;
  std::deque<Kept> ended_ ABSL_GUARDED_BY(mu_);  // oldest first
  // DropAt(), for whoever looks without the lock; written under it.
  std::atomic<coro::Instant> drop_at_{coro::kNever};
};

}  // namespace anteroom::lifecycle

#endif  // ANTEROOM_SERVER_LIFECYCLE_LEASE_TABLE_H_
