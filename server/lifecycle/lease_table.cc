#include "server/lifecycle/lease_table.h"

#include "absl/hash/hash.h"
#include "server/error/error.h"

namespace anteroom::lifecycle {

LeaseTable::Shard& LeaseTable::ShardOf(absl::string_view id) {
  return shards_[absl::Hash<absl::string_view>()(id) % kShards];
}

void LeaseTable::Add(const std::shared_ptr<Lease>& lease) {
  Shard& shard = ShardOf(lease->id());
  coro::MutexLock lock(shard.mu);
  shard.leases.emplace(lease->id(), lease);
}

absl::StatusOr<std::shared_ptr<Lease>> LeaseTable::Find(absl::string_view id) {
  Shard& shard = ShardOf(id);
  coro::MutexLock lock(shard.mu);
  const auto found = shard.leases.find(id);
  if (found == shard.leases.end()) {
    return Error(Reason::kLeaseNotFound,
                 "no lease has this id, or its receipt is no longer kept");
  }
  return found->second;
}

void LeaseTable::Ended(std::shared_ptr<Lease> lease) {
  coro::MutexLock lock(mu_);
  ended_.push_back(Kept{coro::After(clock_.Now(), options_.receipts_kept),
                        std::move(lease)});
}

std::vector<std::shared_ptr<Lease>> LeaseTable::Prune() {
  std::vector<std::shared_ptr<Lease>> dropped;
  {
    coro::MutexLock lock(mu_);
    const coro::Instant now = clock_.Now();
    while (!ended_.empty() && (ended_.size() > options_.receipts_max ||
                               ended_.front().until <= now)) {
      dropped.push_back(std::move(ended_.front().lease));
      ended_.pop_front();
    }
  }
  for (const std::shared_ptr<Lease>& lease : dropped) {
    Shard& shard = ShardOf(lease->id());
    coro::MutexLock lock(shard.mu);
    shard.leases.erase(lease->id());
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
