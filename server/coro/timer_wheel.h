// TimerWheel: pending timers with their work, on a timing wheel (timing_wheel.h
// says how that works). ThreadTimers gives it a clock, a thread and a lock.
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
#include <cstdint>
#include <memory>
#include <vector>

#include "server/coro/clock.h"
#include "server/coro/executor.h"
#include "server/coro/timers.h"
#include "server/coro/timing_wheel.h"

namespace anteroom::coro {

class TimerWheel {
 public:
  using Id = Timers::Id;

  explicit TimerWheel(Instant now) : wheel_(now, Nodes{*this}) {}
  TimerWheel(const TimerWheel&) = delete;
  TimerWheel& operator=(const TimerWheel&) = delete;

  // As TimingWheel::Add().
  Id Add(Instant when, Work work);

  // True: the timer was pending, and `dropped` is its work. False: it was taken
  // or cancelled already, or `id` is kNone.
  bool Cancel(Id id, Work& dropped);

  // Appends to `due`, and removes, what is due by `now`: by time, what is due
  // at one instant in the order in which it was added. Not all of it if that
  // takes more than kMostWheelSteps; then next() <= now. REQUIRES: `now` never
  // runs backwards, and comes before kNever.
  void TakeDue(Instant now, std::vector<Work>& due);
  // As that of TimingWheel.
  Instant next() const { return wheel_.next(); }

 private:
  static constexpr std::uint32_t kChunkSize = 256;

  using Index = TimerNode::Index;

  // A place for a timer: its work apart, which is aligned to 16 bytes.
  struct Node : TimerNode {
    // Of the timer that is in it or will be. After the last there is none: 0,
    // and the place stays empty, so that no Id is ever given twice.
    std::uint32_t generation = 1;
    Instant when;
  };
  struct Chunk {
    std::array<Node, kChunkSize> nodes;
    std::array<Work, kChunkSize> works;
  };
  struct Nodes {
    TimerNode& operator()(Index index) const { return wheel.node(index); }
    TimerWheel& wheel;
  };

  Node& node(Index index) {
    return chunks_[index / kChunkSize]->nodes[index % kChunkSize];
  }
  Work& work(Index index) {
    return chunks_[index / kChunkSize]->works[index % kChunkSize];
  }

  // A free place.
  Index Allocate();
  // Frees the place of a timer that is not pending, and returns its work.
  Work Release(Index index);

  TimingWheel<Nodes> wheel_;
  std::vector<std::unique_ptr<Chunk>> chunks_;
  Index used_ = 0;  // places that ever were
  Index free_ = TimerNode::kNoIndex;
};

}  // namespace anteroom::coro

#endif  // ANTEROOM_SERVER_CORO_TIMER_WHEEL_H_
