// TimingWheel: a hierarchical timing wheel (Varghese and Lauck, 1987) of timers
// that stand elsewhere. To add, to remove and to take one costs the same
// however many are pending. TimerWheel has it for pieces of work, LeaseTimers
// for leases.
//
// How it works: an instant is a number of 11 digits in base 64, down to the
// clock's nanosecond. The wheel stands at one. A timer is on the level of the
// highest digit in which its instant differs from the wheel's, in the slot of
// its own digit there (level 0 if they are equal). Hence
// - what is on a level is due before all that is on higher ones, and what is in
//   a slot before all that is in the level's next slots;
// - a slot of level 0 holds one instant: there is no tick by which timers are
//   late.
// Once the earliest timer of the first occupied slot is due, the slot is
// emptied: what it held is taken, one by one. From above level 0, where the
// wheel moves to that instant before, most of it comes early: whoever takes it
// knows when it is due, and puts it back, by which it moves down, at most once
// a level. The wheel itself knows no timer's instant.
//
// Thread safety: none.
#ifndef ANTEROOM_SERVER_CORO_TIMING_WHEEL_H_
#define ANTEROOM_SERVER_CORO_TIMING_WHEEL_H_

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>

#include "server/coro/check.h"
#include "server/coro/clock.h"

namespace anteroom::coro {

// How many timers are to be taken at once at most, lest others wait long.
inline constexpr int kMostWheelSteps = 128;

// What is known of a timer by its number. The owner of the nodes gives numbers
// to them; while one is pending it is the wheel's.
struct TimerNode {
  using Index = std::uint32_t;
  static constexpr Index kNoIndex = ~Index{0};  // no node's
  using Slot = std::uint16_t;
  static constexpr Slot kNoSlot = ~Slot{0};

  bool pending() const { return slot != kNoSlot; }

  Index next = kNoIndex;  // in its slot
  Index previous = kNoIndex;
  // Last, so that what has a node loses no bytes after it.
  Slot slot = kNoSlot;
};

// `Nodes` is called with the index of a timer that is pending, and returns its
// TimerNode&.
template <typename Nodes>
class TimingWheel {
 public:
  using Index = TimerNode::Index;

  // `now` is where the wheel stands first; the nearer to the timers' instants,
  // the less they are moved.
  TimingWheel(Instant now, Nodes nodes) : nodes_(nodes), position_(now) {}
  TimingWheel(const TimingWheel&) = delete;
  TimingWheel& operator=(const TimingWheel&) = delete;

  // `when` may be any instant; kNever is one that does not come. One that the
  // wheel has passed counts as the one at which it stands. REQUIRES: `node` is
  // the index's, and not pending.
  void Add(Index index, TimerNode& node, Instant when) {
    ANTEROOM_CHECK(!node.pending());
    Link(index, node, when, End::kBack);
  }

  // REQUIRES: the timer is pending.
  void Remove(TimerNode& node) {
    ANTEROOM_CHECK(node.pending());
    Unlink(node);
  }

  // When a pending timer is taken: no later than it is due.
  Instant TakenAt(const TimerNode& node) const {
    return slots_[node.slot].earliest;
  }

  // Takes out a timer that is due by `now`, or is to be put back because it is
  // early; kNoIndex: nothing is due. If all that is early is put back before
  // the next is taken, then what is due comes by time, what is due at one
  // instant in the order in which it was added. REQUIRES: `now` never runs
  // backwards, and comes before kNever.
  struct Taken {
    Index index = TimerNode::kNoIndex;
    bool early = false;
  };
  Taken Take(Instant now) {
    const int slot = FirstSlot();
    if (slot == kNoSlot || slots_[slot].earliest > now) return {};
    const bool early = slot >= kDigits;
    if (early && slot != emptying_) {
      emptying_ = slot;
      position_ = slots_[slot].earliest;
    }
    // What is put back goes before what was added since: begin with the last.
    const Index index = early ? slots_[slot].last : slots_[slot].first;
    Unlink(nodes_(index));
    return {index, early};
  }
  // `when`: as it was added. REQUIRES: it was taken early.
  void PutBack(Index index, TimerNode& node, Instant when) {
    Link(index, node, when, End::kFront);
  }

  // No timer is due before; kNever if none is pending. The instant of the
  // earliest timer, unless one was removed or a slot is being emptied.
  Instant next() const {
    const int slot = FirstSlot();
    return slot == kNoSlot ? kNever : slots_[slot].earliest;
  }

 private:
  static constexpr int kDigitBits = 6;
  static constexpr int kDigits = 1 << kDigitBits;
  static constexpr int kLevels = 64 / kDigitBits + 1;
  static constexpr Index kNoIndex = TimerNode::kNoIndex;
  // A level's slots follow those of the level below.
  static constexpr int kNoSlot = kLevels * kDigits;

  // A list of timers, in the order added for those of one instant.
  struct Slot {
    Index first = kNoIndex;
    Index last = kNoIndex;
    // Of all that were added since it was last empty.
    Instant earliest;
  };

  // The instants' order, from 0.
  static std::uint64_t Number(Instant when) {
    return static_cast<std::uint64_t>(when.time_since_epoch().count()) ^
           std::uint64_t{1} << 63;
  }
  // Of a slot, in its level's bits.
  static std::uint64_t Bit(int slot) {
    return std::uint64_t{1} << slot % kDigits;
  }
  // Where a timer belongs that is not due before the wheel's instant.
  int SlotOf(Instant when) const {
    const std::uint64_t differs = Number(when) ^ Number(position_);
    const int level = (63 - std::countl_zero(differs | 1)) / kDigitBits;
    const auto digit = Number(when) >> level * kDigitBits & (kDigits - 1);
    return level * kDigits + static_cast<int>(digit);
  }

  // The occupied slot with the earliest timer; kNoSlot if all are empty.
  int FirstSlot() const {
    if (emptying_ != kNoSlot) return emptying_;
    for (int level = 0; level < kLevels; ++level) {
      if (occupied_[level] == 0) continue;
      return level * kDigits + std::countr_zero(occupied_[level]);
    }
    return kNoSlot;
  }

  enum class End { kFront, kBack };
  // Puts a timer at that end of its instant's slot.
  void Link(Index index, TimerNode& linked, Instant when, End end) {
    const Instant due = std::max(when, position_);
    const int number = SlotOf(due);
    linked.slot = static_cast<TimerNode::Slot>(number);
    Slot& slot = slots_[number];
    slot.earliest = slot.first == kNoIndex ? due : std::min(slot.earliest, due);
    linked.previous = end == End::kBack ? slot.last : kNoIndex;
    linked.next = end == End::kFront ? slot.first : kNoIndex;
    (linked.previous == kNoIndex ? slot.first : nodes_(linked.previous).next) =
        index;
    (linked.next == kNoIndex ? slot.last : nodes_(linked.next).previous) =
        index;
    occupied_[number / kDigits] |= Bit(number);
  }

  void Unlink(TimerNode& gone) {
    const int number = gone.slot;
    Slot& slot = slots_[number];
    (gone.previous == kNoIndex ? slot.first : nodes_(gone.previous).next) =
        gone.next;
    (gone.next == kNoIndex ? slot.last : nodes_(gone.next).previous) =
        gone.previous;
    gone.slot = TimerNode::kNoSlot;
    if (slot.first != kNoIndex) return;
    occupied_[number / kDigits] &= ~Bit(number);
    if (number == emptying_) emptying_ = kNoSlot;
  }

  Nodes nodes_;
  std::array<Slot, kLevels * kDigits> slots_;
  std::array<std::uint64_t, kLevels> occupied_ = {};  // a bit a slot
  Instant position_;
  int emptying_ = kNoSlot;  // occupied, if any, and above level 0
};

}  // namespace anteroom::coro

#endif  // ANTEROOM_SERVER_CORO_TIMING_WHEEL_H_
