#include "tests/support/manual_runtime.h"

namespace anteroom::testing {

ManualExecutor::ManualExecutor(std::optional<std::uint64_t> seed) {
  if (seed.has_value()) pick_.emplace(*seed);
}

bool ManualExecutor::RunOne() {
  if (queue_.empty()) return false;
  auto next = queue_.begin();
  if (pick_.has_value()) next += static_cast<long>((*pick_)() % queue_.size());
  coro::Work work = std::move(*next);
  queue_.erase(next);
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

coro::Timers::Id FakeTimers::Schedule(coro::Instant when, coro::Work work) {
  const std::uint64_t id = ++last_id_;
  pending_.emplace(std::make_pair(when, id), std::move(work));
  return static_cast<Id>(id);
}

bool FakeTimers::Cancel(Id id) {
  for (auto timer = pending_.begin(); timer != pending_.end(); ++timer) {
    if (timer->first.second != static_cast<std::uint64_t>(id)) continue;
    coro::Work dropped = std::move(timer->second);
    pending_.erase(timer);
    return true;
  }
  return false;
}

void FakeTimers::PostDue() {
  while (!pending_.empty() && pending_.begin()->first.first <= clock_.Now()) {
    coro::Work work = std::move(pending_.begin()->second);
    pending_.erase(pending_.begin());
    executor_.Post(std::move(work));
  }
}

coro::Instant FakeTimers::next_due() const {
  return pending_.empty() ? coro::kNever : pending_.begin()->first.first;
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
