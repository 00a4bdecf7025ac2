#include "server/lifecycle/lease_table.h"

#include <algorithm>
#include <new>
#include <optional>
#include <utility>

#include "server/coro/check.h"
#include "server/coro/poison.h"
#include "server/coro/prefetch.h"
#include "server/error/error.h"

namespace anteroom::lifecycle {

LeaseTable::~LeaseTable() {
  for (Shard& shard : shards_) {
    coro::MutexLock lock(shard.mu);
    std::size_t left = shard.slots.size() - shard.free.size();
    for (Index index = 0; index < shard.slots.size(); ++index) {
      Slot& slot = shard.slots[index];
      if (shard.found[index]) {
        LeasePtr last = LeasePtr::Adopt(slot.lease());
        ANTEROOM_CHECK(last.unique());
        // Its pool, by whose table the last Ref would free it, is gone.
        last.Detach()->~Lease();
        --left;
      }
      coro::Unpoison(&slot, sizeof(Slot));
    }
    ANTEROOM_CHECK(left == 0);
  }
}

LeasePtr LeaseTable::Make(Pool& pool, std::uint64_t number,
                          AcquireOptions&& options) {
  // In turn: nothing of the secret is to be seen in the place.
  const auto shard_number = static_cast<Lease::Place>(number % shards_.size());
  Shard& shard = ShardOf(shard_number);
  Lease::Place place = Lease::kNoPlace;
  Slot* slot = nullptr;
  {
    coro::MutexLock lock(shard.mu);
    if (shard.free.empty()) {
      ANTEROOM_CHECK(shard.slots.size() < kMostPlaces / shards_.size());
      shard.free.push_back(static_cast<Index>(shard.slots.size()));
      shard.slots.emplace_back();
      shard.found.push_back(false);
    }
    const Index index = shard.free.back();
    shard.free.pop_back();
    place = index << kShardBits | shard_number;
    slot = &shard.slots[index];
  }
  coro::Unpoison(slot, sizeof(Slot));
  return LeasePtr(new (slot->lease()) Lease(pool, random_.Next(), place, number,
                                            std::move(options)));
}

void LeaseTable::Free(Lease::Place place) {
  Shard& shard = ShardOf(place);
  const Index index = IndexOf(place);
  coro::MutexLock lock(shard.mu);
  coro::Poison(&shard.slots[index], sizeof(Slot));
  shard.free.push_back(index);
}

void LeaseTable::Add(const LeasePtr& lease) {
  const Lease::Place place = lease->place();
  Shard& shard = ShardOf(place);
  coro::MutexLock lock(shard.mu);
  shard.found[IndexOf(place)] = true;
  LeasePtr(lease).Detach();
}

LeasePtr LeaseTable::Drop(Lease& lease) {
  const Lease::Place place = lease.place();
  Shard& shard = ShardOf(place);
  coro::MutexLock lock(shard.mu);
  shard.found[IndexOf(place)] = false;
  return LeasePtr::Adopt(&lease);
}

Lease& LeaseTable::At(Lease::Place place) {
  Shard& shard = ShardOf(place);
  coro::MutexLock lock(shard.mu);
  return *shard.slots[IndexOf(place)].lease();
}

absl::StatusOr<LeasePtr> LeaseTable::Find(absl::string_view text) {
  if (const std::optional<LeaseId> id = LeaseId::Parse(text)) {
    LeasePtr lease = FindAt(id->place);
    if (lease != nullptr && lease->secret() == *id) return lease;
  }
  return Error(Reason::kLeaseNotFound,
               "no lease has this id, or its receipt is no longer kept");
}

LeasePtr LeaseTable::FindAt(Lease::Place place) {
  Shard& shard = ShardOf(place);
  const Index index = IndexOf(place);
  coro::MutexLock lock(shard.mu);
  const bool found = index < shard.slots.size() && shard.found[index];
  return LeasePtr(found ? shard.slots[index].lease() : nullptr);
}

void LeaseTable::Ended(const LeasePtr& lease, coro::Instant now) {
  coro::MutexLock lock(mu_);
  ended_.push_back(Kept{coro::After(now, options_.receipts_kept), lease.get()});
  drop_at_.store(DropAt(), std::memory_order_relaxed);
}

coro::Instant LeaseTable::DropAt() const {
  if (ended_.empty()) return coro::kNever;
  return ended_.size() > options_.receipts_max ? coro::Instant::min()
                                               : ended_.front().until;
}

void LeaseTable::PrefetchOldest() const {
  // Each step looks at what the one before has prefetched.
  if (!ended_.empty()) ended_.front().lease->PrefetchRare();
  if (ended_.size() > 1) ended_[1].lease->PrefetchApart();
  if (ended_.size() > 2) coro::Prefetch(ended_[2].lease);
}

std::vector<LeasePtr> LeaseTable::Prune(coro::Instant now) {
  std::vector<LeasePtr> dropped;
  if (now < drop_at_.load(std::memory_order_relaxed)) return dropped;
  coro::MutexLock lock(mu_);
  while (DropAt() <= now) {
    dropped.push_back(Drop(*ended_.front().lease));
    ended_.pop_front();
  }
  PrefetchOldest();
  drop_at_.store(DropAt(), std::memory_order_relaxed);
  return dropped;
}

std::size_t LeaseTable::size() const {
  std::size_t size = 0;
  for (const Shard& shard : shards_) {
    coro::MutexLock lock(shard.mu);
    size += std::count(shard.found.begin(), shard.found.end(), true);
  }
  return size;
}

}  // namespace anteroom::lifecycle
