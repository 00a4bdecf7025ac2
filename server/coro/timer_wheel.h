// TimerWheel: pending timers as a hierarchical timing wheel (Varghese and
// Lauck, 1987). To add, to cancel and to take one costs the same however many
// are pending. ThreadTimers gives it a clock, a thread and a lock.
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
// Memory: 56 bytes a timer, in chunks that neither move nor are given back
// before the wheel is destroyed: as many as held the most that were ever
// pending at once.
//
// Destruction: drops pending timers.
//
// Thread safety: none.
#ifndef ANTEROOM_SERVER_CORO_TIMER_WHEEL_H_
#define ANTEROOM_SERVER_CORO_TIMER_WHEEL_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "server/coro/clock.h"
#include "server/coro/executor.h"
#include "server/coro/timers.h"

namespace anteroom::coro {

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
  Id Add(Instant when, Work work);

  // True: the timer was pending, and `dropped` is its work. False: it was taken
  // or cancelled already, or `id` is kNone.
  bool Cancel(Id id, Work& dropped);

  // Appends to `due` what is due by `now`: by time, what is due at one instant
  // in the order in which it was added. Not all of it if that takes more than
  // kMostSteps; then next() <= now. REQUIRES: `now` never runs backwards, and
  // comes before kNever.
  void TakeDue(Instant now, std::vector<Work>& due);

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

  // A place for a timer: its work apart, which is aligned to 16 bytes.
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
    std::array<Work, kChunkSize> works;
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
  Work& work(Index index) {
    return chunks_[index / kChunkSize]->works[index % kChunkSize];
  }

  // A free place.
  Index Allocate();
  // Frees the place of a timer that is in no slot, and returns its work.
  Work Release(Index index);

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

}  // namespace anteroom::coro

#endif  // ANTEROOM_SERVER_CORO_TIMER_WHEEL_H_
