#include "server/lifecycle/lease_table.h"

#include <optional>
#include <utility>

#include "server/coro/check.h"
#include "server/coro/prefetch.h"
#include "server/error/error.h"

namespace anteroom::lifecycle {

void LeaseTable::Add(const LeasePtr& lease) {
  LeaseId id{random_.Next(), static_cast<std::uint32_t>(random_.Next())};
  const auto shard_number =
      static_cast<std::uint32_t>(id.high % shards_.size());
  Shard& shard = ShardOf(shard_number);
  coro::MutexLock lock(shard.mu);
  if (shard.free.empty()) {
    ANTEROOM_CHECK(shard.places.size() < kMostPlaces / shards_.size());
    shard.free.push_back(static_cast<Index>(shard.places.size()));
    shard.places.emplace_back();
  }
  const Index index = shard.free.back();
  shard.free.pop_back();
  id.place = index << kShardBits | shard_number;
  lease->SetId(id);
  shard.places[index] = lease;
}

Lease& LeaseTable::At(std::uint32_t place) const {
  const Shard& shard = ShardOf(place);
  coro::MutexLock lock(shard.mu);
  return *shard.places[IndexOf(place)];
}

absl::StatusOr<LeasePtr> LeaseTable::Find(absl::string_view text) {
  if (const std::optional<LeaseId> id = LeaseId::Parse(text)) {
    Shard& shard = ShardOf(id->place);
    const Index index = IndexOf(id->place);
    coro::MutexLock lock(shard.mu);
    if (index < shard.places.size()) {
      const LeasePtr& lease = shard.places[index];
      if (lease != nullptr && lease->secret() == *id) return lease;
    }
  }
  return Error(Reason::kLeaseNotFound,
               "no lease has this id, or its receipt is no longer kept");
}

void LeaseTable::Ended(LeasePtr lease, coro::Instant now) {
  coro::MutexLock lock(mu_);
  ended_.push_back(
      Kept{coro::After(now, options_.receipts_kept), std::move(lease)});
  drop_at_.store(DropAt(), std::memory_order_relaxed);
}

coro::Instant LeaseTable::DropAt() const {
  if (ended_.empty()) return coro::kNever;
  return ended_.size() > options_.receipts_max ? coro::Instant::min()
                                               : ended_.front().until;
}

void LeaseTable::PrefetchOldest() const {
  // The first itself was prefetched when it was the second.
  if (!ended_.empty()) ended_.front().lease->PrefetchKept();
  if (ended_.size() > 1) coro::Prefetch(ended_[1].lease.get());
}

std::vector<LeasePtr> LeaseTable::Prune(coro::Instant now) {
  std::vector<LeasePtr> dropped;
  if (now < drop_at_.load(std::memory_order_relaxed)) return dropped;
  {
    coro::MutexLock lock(mu_);
    while (DropAt() <= now) {
      dropped.push_back(std::move(ended_.front().lease));
      ended_.pop_front();
    }
    PrefetchOldest();
    drop_at_.store(DropAt(), std::memory_order_relaxed);
  }
  for (const LeasePtr& lease : dropped) {
    const std::uint32_t place = lease->secret().place;
    Shard& shard = ShardOf(place);
    coro::MutexLock lock(shard.mu);
    shard.places[IndexOf(place)] = nullptr;
    shard.free.push_back(IndexOf(place));
  }
  return dropped;
}

std::size_t LeaseTable::size() const {
  std::size_t size = 0;
  for (const Shard& shard : shards_) {
    coro::MutexLock lock(shard.mu);
    size += shard.places.size() - shard.free.size();
  }
  return size;
}

}  // namespace anteroom::lifecycle
