// TimerWheel<T>: pending timers as a hierarchical timing wheel (Varghese and
// Lauck, 1987), each with a T: what it is for. To add, to cancel and to take
// one costs the same however many are pending. Who has one gives it a clock and
// a lock: ThreadTimers, with pieces of work, and a thread; LeaseTimers, with
// leases.
//
// How it works: an instant is a number of 11 digits in base 64, down to the
// clock's nanosecond. The wheel stands at one. A timer is on the level of the
// highest digit in which its instant differs from the wheel's, in the slot of
// its own digit there (level 0 if they are equal). Hence
// - what is on a level is due before all that is on higher ones, and what is in
//   a slot before all that is in the level's next slots;
// - a slot of level 0 holds one instant: there is no tick by which timers are
//   late, and none is early.
// Once the earliest timer of the first occupied slot is due, the wheel moves to
// that instant and the slot's timers move down, at most once a level each: the
// slot is being emptied. That may take several calls; what is added meanwhile
// goes to lower levels, behind what comes down.
//
// Memory: 24 bytes a timer, and a T, in chunks that neither move nor are given
// back before the wheel is destroyed: as many as held the most that were ever
// pending at once.
//
// Destruction: drops pending timers.
//
// Thread safety: none.
#ifndef ANTEROOM_SERVER_CORO_TIMER_WHEEL_H_
#define ANTEROOM_SERVER_CORO_TIMER_WHEEL_H_

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "server/coro/check.h"
#include "server/coro/clock.h"
#include "server/coro/timers.h"

namespace anteroom::coro {

// `T` is movable, and destroyed or moved from where it is not needed.
template <typename T>
class TimerWheel {
 public:
  using Id = Timers::Id;

  // How often one TakeDue() takes or moves a timer at most.
  static constexpr int kMostSteps = 128;

  // `now` is where the wheel stands first; the nearer to the timers' instants,
  // the less they are moved.
  explicit TimerWheel(Instant now) : position_(now) {}
  TimerWheel(const TimerWheel&) = delete;
  TimerWheel& operator=(const TimerWheel&) = delete;

  // `when` may be any instant; kNever is one that does not come. One that the
  // wheel has passed counts as the one at which it stands.
  Id Add(Instant when, T payload);

  // True: the timer was pending, and `dropped` is its payload. False: it was
  // taken or cancelled already, or `id` is kNone.
  bool Cancel(Id id, T& dropped);

  // Appends to `due` what is due by `now`: by time, what is due at one instant
  // in the order in which it was added. Not all of it if that takes more than
  // kMostSteps; then next() <= now. REQUIRES: `now` never runs backwards, and
  // comes before kNever.
  void TakeDue(Instant now, std::vector<T>& due);

  // No timer is due before; kNever if none is pending. The instant of the
  // earliest timer, unless one was cancelled or a slot is being emptied.
  Instant next() const;

 private:
  static constexpr int kDigitBits = 6;
  static constexpr int kDigits = 1 << kDigitBits;
  static constexpr int kLevels = 64 / kDigitBits + 1;
  static constexpr std::uint32_t kChunkSize = 256;

  // Of a timer's place. The lists' end is kNoIndex.
  using Index = std::uint32_t;
  static constexpr Index kNoIndex = ~Index{0};
  // A level's slots follow those of the level below.
  using SlotNumber = std::uint16_t;
  static constexpr SlotNumber kNoSlot = kLevels * kDigits;

  // A place for a timer: its payload apart, which may be aligned to more.
  struct Node {
    Instant when;
    Index next = kNoIndex;  // in its slot; or of the free places
    Index previous = kNoIndex;
    // Of the timer that is in it or will be. After the last there is none: 0,
    // and the place stays empty, so that no Id is ever given twice.
    std::uint32_t generation = 1;
    SlotNumber slot = kNoSlot;
  };
  struct Chunk {
    std::array<Node, kChunkSize> nodes;
    std::array<T, kChunkSize> payloads;
  };

  // A list of timers, in the order added for those of one instant.
  struct Slot {
    Index first = kNoIndex;
    Index last = kNoIndex;
    // Of all that were added since it was last empty.
    Instant earliest;
  };

  Node& node(Index index) {
    return chunks_[index / kChunkSize]->nodes[index % kChunkSize];
  }
  T& payload(Index index) {
    return chunks_[index / kChunkSize]->payloads[index % kChunkSize];
  }

  // A free place.
  Index Allocate();
  // Frees the place of a timer that is in no slot, and returns its payload.
  T Release(Index index);

  // The instants' order, from 0.
  static std::uint64_t Number(Instant when) {
    return static_cast<std::uint64_t>(when.time_since_epoch().count()) ^
           std::uint64_t{1} << 63;
  }
  // Of a slot, in its level's bits.
  static std::uint64_t Bit(int slot) { return std::uint64_t{1} << slot % 64; }

  SlotNumber SlotOf(Instant when) const;
  // The occupied slot with the earliest timer; kNoSlot if all are empty.
  SlotNumber FirstSlot() const;
  enum class End { kFront, kBack };
  // Puts a timer at that end of its instant's slot.
  void Link(Index index, End end);
  void Unlink(Index index);

  std::array<Slot, kLevels * kDigits> slots_;
  std::array<std::uint64_t, kLevels> occupied_ = {};  // a bit a slot
  Instant position_;
  SlotNumber emptying_ = kNoSlot;  // occupied, if any, and above level 0

  std::vector<std::unique_ptr<Chunk>> chunks_;
  Index used_ = 0;  // places that ever were
  Index free_ = kNoIndex;
};

template <typename T>
typename TimerWheel<T>::Id TimerWheel<T>::Add(Instant when, T payload) {
  const Index index = Allocate();
  Node& added = node(index);
  added.when = std::max(when, position_);
  this->payload(index) = std::move(payload);
  Link(index, End::kBack);
  return static_cast<Id>(std::uint64_t{added.generation} << 32 | index);
}

template <typename T>
bool TimerWheel<T>::Cancel(Id id, T& dropped) {
  if (id == Id::kNone) return false;
  const auto bits = static_cast<std::uint64_t>(id);
  const auto index = static_cast<Index>(bits);
  if (node(index).generation != bits >> 32) return false;
  Unlink(index);
  dropped = Release(index);
  return true;
}

template <typename T>
void TimerWheel<T>::TakeDue(Instant now, std::vector<T>& due) {
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

template <typename T>
Instant TimerWheel<T>::next() const {
  const SlotNumber slot = FirstSlot();
  return slot == kNoSlot ? kNever : slots_[slot].earliest;
}

template <typename T>
typename TimerWheel<T>::Index TimerWheel<T>::Allocate() {
  if (free_ != kNoIndex) return std::exchange(free_, node(free_).next);
  ANTEROOM_CHECK(used_ != kNoIndex);
  if (used_ % kChunkSize == 0) chunks_.push_back(std::make_unique<Chunk>());
  return used_++;
}

template <typename T>
T TimerWheel<T>::Release(Index index) {
  Node& released = node(index);
  if (++released.generation != 0) {
    released.next = free_;
    free_ = index;
  }
  return std::move(payload(index));
}

template <typename T>
typename TimerWheel<T>::SlotNumber TimerWheel<T>::SlotOf(Instant when) const {
  const std::uint64_t number = Number(when);
  const std::uint64_t differs = number ^ Number(position_);
  const int level = (63 - std::countl_zero(differs | 1)) / kDigitBits;
  const auto digit = number >> level * kDigitBits & (kDigits - 1);
  return static_cast<SlotNumber>(level * kDigits + digit);
}

template <typename T>
typename TimerWheel<T>::SlotNumber TimerWheel<T>::FirstSlot() const {
  if (emptying_ != kNoSlot) return emptying_;
  for (int level = 0; level < kLevels; ++level) {
    if (occupied_[level] == 0) continue;
    return static_cast<SlotNumber>(level * kDigits +
                                   std::countr_zero(occupied_[level]));
  }
  return kNoSlot;
}

template <typename T>
void TimerWheel<T>::Link(Index index, End end) {
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

template <typename T>
void TimerWheel<T>::Unlink(Index index) {
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

#endif  // ANTEROOM_SERVER_CORO_TIMER_WHEEL_H_
