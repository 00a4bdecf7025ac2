#include "server/coro/timer_wheel.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "server/coro/check.h"

namespace anteroom::coro {
namespace {

// The instants' order, from 0.
std::uint64_t Number(Instant when) {
  return static_cast<std::uint64_t>(when.time_since_epoch().count()) ^
         std::uint64_t{1} << 63;
}

// Of a slot, in its level's bits.
std::uint64_t Bit(int slot) { return std::uint64_t{1} << slot % 64; }

}  // namespace

TimerWheel::Id TimerWheel::Add(Instant when, Work work) {
  const Index index = Allocate();
  Node& added = node(index);
  added.when = std::max(when, position_);
  this->work(index) = std::move(work);
  Link(index, End::kBack);
  return static_cast<Id>(std::uint64_t{added.generation} << 32 | index);
}

bool TimerWheel::Cancel(Id id, Work& dropped) {
  if (id == Id::kNone) return false;
  const auto bits = static_cast<std::uint64_t>(id);
  const auto index = static_cast<Index>(bits);
  if (node(index).generation != bits >> 32) return false;
  Unlink(index);
  dropped = Release(index);
  return true;
}

void TimerWheel::TakeDue(Instant now, std::vector<Work>& due) {
  for (int step = 0; step < kMostSteps; ++step) {
    const SlotNumber slot = FirstSlot();
    if (slot == kNoSlot || slots_[slot].earliest > now) return;
    if (slot < kDigits) {
      const Index index = slots_[slot].first;
      Unlink(index);
      due.push_back(Release(index));
      continue;
    }
    if (slot != emptying_) {
      emptying_ = slot;
      position_ = slots_[slot].earliest;
    }
    // From the end, and to the front: before what was added since.
    const Index index = slots_[slot].last;
    Unlink(index);
    Link(index, End::kFront);
  }
}

Instant TimerWheel::next() const {
  const SlotNumber slot = FirstSlot();
  return slot == kNoSlot ? kNever : slots_[slot].earliest;
}

TimerWheel::Index TimerWheel::Allocate() {
  if (free_ != kNoIndex) return std::exchange(free_, node(free_).next);
  ANTEROOM_CHECK(used_ != kNoIndex);
  if (used_ % kChunkSize == 0) chunks_.push_back(std::make_unique<Chunk>());
  return used_++;
}

Work TimerWheel::Release(Index index) {
  Node& released = node(index);
  if (++released.generation != 0) {
    released.next = free_;
    free_ = index;
  }
  return std::move(work(index));
}

TimerWheel::SlotNumber TimerWheel::SlotOf(Instant when) const {
  const std::uint64_t number = Number(when);
  const std::uint64_t differs = number ^ Number(position_);
  const int level = (63 - std::countl_zero(differs | 1)) / kDigitBits;
  const auto digit = number >> level * kDigitBits & (kDigits - 1);
  return static_cast<SlotNumber>(level * kDigits + digit);
}

TimerWheel::SlotNumber TimerWheel::FirstSlot() const {
  if (emptying_ != kNoSlot) return emptying_;
  for (int level = 0; level < kLevels; ++level) {
    if (occupied_[level] == 0) continue;
    return static_cast<SlotNumber>(level * kDigits +
                                   std::countr_zero(occupied_[level]));
  }
  return kNoSlot;
}

void TimerWheel::Link(Index index, End end) {
  Node& linked = node(index);
  linked.slot = SlotOf(linked.when);
  Slot& slot = slots_[linked.slot];
  slot.earliest = slot.first == kNoIndex ? linked.when
                                         : std::min(slot.earliest, linked.when);
  linked.previous = end == End::kBack ? slot.last : kNoIndex;
  linked.next = end == End::kFront ? slot.first : kNoIndex;
  (linked.previous == kNoIndex ? slot.first : node(linked.previous).next) =
      index;
  (linked.next == kNoIndex ? slot.last : node(linked.next).previous) = index;
  occupied_[linked.slot / kDigits] |= Bit(linked.slot);
}

void TimerWheel::Unlink(Index index) {
  const Node& gone = node(index);
  Slot& slot = slots_[gone.slot];
  (gone.previous == kNoIndex ? slot.first : node(gone.previous).next) =
      gone.next;
  (gone.next == kNoIndex ? slot.last : node(gone.next).previous) =
      gone.previous;
  if (slot.first != kNoIndex) return;
  occupied_[gone.slot / kDigits] &= ~Bit(gone.slot);
  if (gone.slot == emptying_) emptying_ = kNoSlot;
}

}  // namespace anteroom::coro
