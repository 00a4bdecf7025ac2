#include "tests/support/manual_runtime.h"

namespace anteroom::testing {

ManualExecutor::ManualExecutor(std::optional<std::uint64_t> seed) {
  if (seed.has_value()) pick_.emplace(*seed);
}

bool ManualExecutor::RunOne() {
  if (queue_.empty()) return false;
  // In a random order the last may take the place of the one that is picked.
  if (pick_.has_value()) {
    std::swap(queue_[(*pick_)() % queue_.size()], queue_.front());
  }
  coro::Work work = std::move(queue_.front());
  queue_.pop_front();
  std::move(work)();
  return true;
}

std::size_t ManualExecutor::RunUntilIdle() {
  std::size_t ran = 0;
  while (RunOne()) ++ran;
  return ran;
}

void FakeClock::Advance(absl::Duration by) {
  ANTEROOM_CHECK(by >= absl::ZeroDuration());
  now_ = coro::After(now_, by);
  wall_ += by;
}

bool FakeTimers::Before(Slot a, Slot b) const {
  const Timer& left = slots_[a];
  const Timer& right = slots_[b];
  return left.when != right.when ? left.when < right.when
                                 : left.number < right.number;
}

void FakeTimers::Put(std::size_t place, Slot slot) {
  heap_[place] = slot;
  slots_[slot].place = place;
}

void FakeTimers::SiftUp(std::size_t place) {
  const Slot slot = heap_[place];
  while (place > 0 && Before(slot, heap_[(place - 1) / 2])) {
    Put(place, heap_[(place - 1) / 2]);
    place = (place - 1) / 2;
  }
  Put(place, slot);
}

void FakeTimers::SiftDown(std::size_t place) {
  const Slot slot = heap_[place];
  while (true) {
    std::size_t child = 2 * place + 1;
    if (child >= heap_.size()) break;
    if (child + 1 < heap_.size() && Before(heap_[child + 1], heap_[child])) {
      ++child;
    }
    if (!Before(heap_[child], slot)) break;
    Put(place, heap_[child]);
    place = child;
  }
  Put(place, slot);
}

coro::Work FakeTimers::Take(Slot slot) {
  const std::size_t place = slots_[slot].place;
  const Slot last = heap_.back();
  heap_.pop_back();
  if (last != slot) {
    Put(place, last);
    SiftUp(place);
    SiftDown(slots_[last].place);
  }
  slots_[slot].number = 0;
  free_.push_back(slot);
  return std::move(slots_[slot].work);
}

coro::Timers::Id FakeTimers::Schedule(coro::Instant when, coro::Work work) {
  if (free_.empty()) {
    ANTEROOM_CHECK(slots_.size() + 1 < std::size_t{1} << kSlotBits);
    free_.push_back(static_cast<Slot>(slots_.size()));
    slots_.emplace_back();
  }
  const Slot slot = free_.back();
  free_.pop_back();
  Timer& timer = slots_[slot];
  timer.when = when;
  timer.number = ++last_number_;
  timer.work = std::move(work);
  heap_.push_back(slot);
  SiftUp(heap_.size() - 1);
  return static_cast<Id>(timer.number << kSlotBits | (slot + 1));
}

bool FakeTimers::Cancel(Id id) {
  if (id == Id::kNone) return false;
  const auto bits = static_cast<std::uint64_t>(id);
  const Slot slot =
      static_cast<Slot>(bits & ((std::uint64_t{1} << kSlotBits) - 1)) - 1;
  if (slots_[slot].number != bits >> kSlotBits) return false;
  const coro::Work dropped = Take(slot);
  return true;
}

void FakeTimers::PostDue() {
  while (!heap_.empty() && next_due() <= clock_.Now()) {
    executor_.Post(Take(heap_.front()));
  }
}

coro::Instant FakeTimers::next_due() const {
  return heap_.empty() ? coro::kNever : slots_[heap_.front()].when;
}

void ManualRuntime::RunUntilIdle() {
  do {
    timers_.PostDue();
  } while (executor_.RunUntilIdle() > 0);
}

void ManualRuntime::Advance(absl::Duration by) {
  const coro::Instant end = coro::After(clock_.Now(), by);
  RunUntilIdle();
  while (timers_.next_due() <= end && timers_.next_due() != coro::kNever) {
    clock_.Advance(coro::Between(clock_.Now(), timers_.next_due()));
    RunUntilIdle();
  }
  clock_.Advance(coro::Between(clock_.Now(), end));
}

}  // namespace anteroom::testing
