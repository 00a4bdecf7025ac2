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
//   late, and none is early.
// Once the earliest timer of the first occupied slot is due, the wheel moves to
// that instant and the slot's timers move down, at most once a level each: the
// slot is being emptied. That may take several calls; what is added meanwhile
// goes to lower levels, behind what comes down.
//
// Thread safety: none.
#ifndef ANTEROOM_SERVER_CORO_TIMING_WHEEL_H_
#define ANTEROOM_SERVER_CORO_TIMING_WHEEL_H_

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <vector>

#include "server/coro/check.h"
#include "server/coro/clock.h"

namespace anteroom::coro {

// How often one TakeDue() takes or moves a timer at most.
inline constexpr int kMostWheelSteps = 128;

// What is known of a timer by its number. The owner of the nodes gives numbers
// to them; while one is pending it is the wheel's.
struct TimerNode {
  using Index = std::uint32_t;
  static constexpr Index kNoIndex = ~Index{0};  // no node's
  static constexpr std::uint8_t kNoLevel = 0xff;

  bool pending() const { return level != kNoLevel; }

  Instant when;
  Index next = kNoIndex;  // in its slot
  Index previous = kNoIndex;
  // Last, so that what has a node loses no bytes after it.
  std::uint8_t level = kNoLevel;
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
    node.when = std::max(when, position_);
    Link(index, node, End::kBack);
  }

  // REQUIRES: the timer is pending.
  void Remove(TimerNode& node) {
    ANTEROOM_CHECK(node.pending());
    Unlink(node);
  }

  // Appends to `due`, and removes, what is due by `now`: by time, what is due
  // at one instant in the order in which it was added. Not all of it if that
  // takes more than kMostWheelSteps; then next() <= now. REQUIRES: `now` never
  // runs backwards, and comes before kNever.
  void TakeDue(Instant now, std::vector<Index>& due) {
    for (int step = 0; step < kMostWheelSteps; ++step) {
      const int slot = FirstSlot();
      if (slot == kNoSlot || slots_[slot].earliest > now) return;
      if (slot < kDigits) {
        due.push_back(slots_[slot].first);
        Unlink(nodes_(slots_[slot].first));
        continue;
      }
      if (slot != emptying_) {
        emptying_ = slot;
        position_ = slots_[slot].earliest;
      }
      // From the end, and to the front: before what was added since.
      const Index index = slots_[slot].last;
      TimerNode& node = nodes_(index);
      Unlink(node);
      Link(index, node, End::kFront);
    }
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
  // That a timer is in, on the level that it has.
  static int SlotOf(const TimerNode& node) {
    const auto digit =
        Number(node.when) >> node.level * kDigitBits & (kDigits - 1);
    return node.level * kDigits + static_cast<int>(digit);
  }
  std::uint8_t LevelOf(Instant when) const {
    const std::uint64_t differs = Number(when) ^ Number(position_);
    return static_cast<std::uint8_t>((63 - std::countl_zero(differs | 1)) /
                                     kDigitBits);
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
  void Link(Index index, TimerNode& linked, End end) {
    linked.level = LevelOf(linked.when);
    const int number = SlotOf(linked);
    Slot& slot = slots_[number];
    slot.earliest = slot.first == kNoIndex
                        ? linked.when
                        : std::min(slot.earliest, linked.when);
    linked.previous = end == End::kBack ? slot.last : kNoIndex;
    linked.next = end == End::kFront ? slot.first : kNoIndex;
    (linked.previous == kNoIndex ? slot.first : nodes_(linked.previous).next) =
        index;
    (linked.next == kNoIndex ? slot.last : nodes_(linked.next).previous) =
        index;
    occupied_[linked.level] |= Bit(number);
  }

  void Unlink(TimerNode& gone) {
    const int number = SlotOf(gone);
    Slot& slot = slots_[number];
    (gone.previous == kNoIndex ? slot.first : nodes_(gone.previous).next) =
        gone.next;
    (gone.next == kNoIndex ? slot.last : nodes_(gone.next).previous) =
        gone.previous;
    const int level = gone.level;
    gone.level = TimerNode::kNoLevel;
    if (slot.first != kNoIndex) return;
    occupied_[level] &= ~Bit(number);
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
