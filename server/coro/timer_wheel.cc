#include "server/coro/timer_wheel.h"

#include <utility>

#include "server/coro/check.h"

namespace anteroom::coro {

TimerWheel::Id TimerWheel::Add(Instant when, Work work) {
  const Index index = Allocate();
  this->work(index) = std::move(work);
  node(index).when = when;
  wheel_.Add(index, node(index), when);
  return static_cast<Id>(std::uint64_t{node(index).generation} << 32 | index);
}

bool TimerWheel::Cancel(Id id, Work& dropped) {
  if (id == Id::kNone) return false;
  const auto bits = static_cast<std::uint64_t>(id);
  const auto index = static_cast<Index>(bits);
  if (node(index).generation != bits >> 32) return false;
  wheel_.Remove(node(index));
  dropped = Release(index);
  return true;
}

void TimerWheel::TakeDue(Instant now, std::vector<Work>& due) {
  for (int step = 0; step < kMostWheelSteps; ++step) {
    const auto [index, early] = wheel_.Take(now);
    if (index == TimerNode::kNoIndex) return;
    if (early) {
      wheel_.PutBack(index, node(index), node(index).when);
    } else {
      due.push_back(Release(index));
    }
  }
}

TimerWheel::Index TimerWheel::Allocate() {
  if (free_ != TimerNode::kNoIndex) {
    return std::exchange(free_, node(free_).next);
  }
  ANTEROOM_CHECK(used_ != TimerNode::kNoIndex);
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

}  // namespace anteroom::coro
