#include "server/lifecycle/lease_table.h"

#include <optional>

#include "server/error/error.h"

namespace anteroom::lifecycle {

void LeaseTable::Add(const LeasePtr& lease) {
  Shard& shard = ShardOf(lease->secret());
  coro::MutexLock lock(shard.mu);
  shard.leases.insert(lease);
}

absl::StatusOr<LeasePtr> LeaseTable::Find(absl::string_view text) {
  if (const std::optional<LeaseId> id = LeaseId::Parse(text)) {
    Shard& shard = ShardOf(*id);
    coro::MutexLock lock(shard.mu);
    const auto found = shard.leases.find(*id);
    if (found != shard.leases.end()) return *found;
  }
  return Error(Reason::kLeaseNotFound,
               "no lease has this id, or its receipt is no longer kept");
}

void LeaseTable::Ended(LeasePtr lease) {
  coro::MutexLock lock(mu_);
  ended_.push_back(Kept{coro::After(clock_.Now(), options_.receipts_kept),
                        std::move(lease)});
  drop_at_.store(DropAt(), std::memory_order_relaxed);
}

coro::Instant LeaseTable::DropAt() const {
  if (ended_.empty()) return coro::kNever;
  return ended_.size() > options_.receipts_max ? coro::Instant::min()
                                               : ended_.front().until;
}

std::vector<LeasePtr> LeaseTable::Prune() {
  std::vector<LeasePtr> dropped;
  const coro::Instant now = clock_.Now();
  if (now < drop_at_.load(std::memory_order_relaxed)) return dropped;
  {
    coro::MutexLock lock(mu_);
    while (DropAt() <= now) {
      dropped.push_back(std::move(ended_.front().lease));
      ended_.pop_front();
    }
    drop_at_.store(DropAt(), std::memory_order_relaxed);
  }
  for (const LeasePtr& lease : dropped) {
    Shard& shard = ShardOf(lease->secret());
    coro::MutexLock lock(shard.mu);
    shard.leases.erase(lease);
  }
  return dropped;
}

std::size_t LeaseTable::size() const {
  std::size_t size = 0;
  for (const Shard& shard : shards_) {
    coro::MutexLock lock(shard.mu);
    size += shard.leases.size();
  }
  return size;
}

}  // namespace anteroom::lifecycle
