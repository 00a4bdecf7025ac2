#include "server/coro/thread_timers.h"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <random>
#include <utility>
#include <vector>

#include "benchmark/benchmark.h"
#include "tests/support/manual_runtime.h"

namespace anteroom::coro {
namespace {

// Far enough away that none fires while it is measured.
constexpr auto kSoonest = std::chrono::hours(1);

// So many timers, due at random within a minute, behind one: whatever is set
// there does not wake the timers' thread.
class Pending {
 public:
  explicit Pending(std::int64_t count) {
    timers_.Schedule(begin_, [] {});
    for (std::int64_t i = 1; i < count; ++i)
      timers_.Schedule(AtRandom(), [] {});
  }

  Instant AtRandom() {
    return begin_ +
           std::chrono::nanoseconds(random_() % std::uint64_t{60'000'000'000});
  }
  Instant last() const { return begin_ + std::chrono::minutes(1); }
  ThreadTimers& timers() { return timers_; }

 private:
  const SystemClock clock_;
  testing::ManualExecutor executor_;  // nothing is ever posted
  const Instant begin_ = clock_.Now() + kSoonest;
  std::mt19937_64 random_{1};
  ThreadTimers timers_{executor_, clock_};
};

void Sizes(benchmark::internal::Benchmark* benchmark) {
  benchmark->ArgName("pending")->RangeMultiplier(10)->Range(1'000, 1'000'000);
}

// As for leases of different times to live, and their renewals.
void ThreadTimersSetAndCancelledAmongOthers(benchmark::State& state) {
  Pending pending(state.range(0));
  std::vector<Instant> instants;
  for (int i = 0; i < 1 << 16; ++i) instants.push_back(pending.AtRandom());
  std::size_t next = 0;
  for (auto _ : state) {
    const Instant when = instants[next++ % instants.size()];
    pending.timers().Cancel(pending.timers().Schedule(when, [] {}));
  }
}
BENCHMARK(ThreadTimersSetAndCancelledAmongOthers)->Apply(Sizes);

// As for leases of one time to live.
void ThreadTimersSetAndCancelledBehindOthers(benchmark::State& state) {
  Pending pending(state.range(0));
  for (auto _ : state) {
    pending.timers().Cancel(pending.timers().Schedule(pending.last(), [] {}));
  }
}
BENCHMARK(ThreadTimersSetAndCancelledBehindOthers)->Apply(Sizes);

// As for leases that are renewed in turn: what is cancelled was set as many
// timers ago as are pending.
void ThreadTimersOldestCancelledAndSet(benchmark::State& state) {
  Pending pending(1);
  std::vector<Timers::Id> ids(state.range(0));
  for (Timers::Id& id : ids) {
    id = pending.timers().Schedule(pending.AtRandom(), [] {});
  }
  std::size_t next = 0;
  for (auto _ : state) {
    pending.timers().Cancel(ids[next]);
    ids[next] = pending.timers().Schedule(pending.AtRandom(), [] {});
    if (++next == ids.size()) next = 0;
  }
}
BENCHMARK(ThreadTimersOldestCancelledAndSet)->Apply(Sizes);

// The machine's time, and an hour more each time it is told to skip one.
class SkippingClock : public Clock {
 public:
  Instant Now() const override {
    return std::chrono::steady_clock::now() + std::chrono::hours(skipped_);
  }
  absl::Time WallNow() const override { return absl::Now(); }
  void SkipAnHour() { ++skipped_; }

 private:
  std::atomic<int> skipped_ = 0;
};

// Runs work at once, and counts it.
class CountingExecutor : public Executor {
 public:
  void Post(Work work) override {
    std::move(work)();
    if (--left_ == 0) left_.notify_one();
  }
  void Expect(std::int64_t count) { left_ = count; }
  void WaitForAll() {
    while (const std::int64_t left = left_) left_.wait(left);
  }

 private:
  std::atomic<std::int64_t> left_ = 0;
};

// All due within a minute that has passed, and one that wakes the thread.
void ThreadTimersAllFire(benchmark::State& state) {
  const std::int64_t count = state.range(0);
  SkippingClock clock;
  CountingExecutor executor;
  ThreadTimers timers(executor, clock);
  std::mt19937_64 random{1};
  for (auto _ : state) {
    state.PauseTiming();
    const Instant begin = clock.Now() + std::chrono::minutes(2);
    for (std::int64_t i = 1; i < count; ++i) {
      timers.Schedule(begin + std::chrono::nanoseconds(
                                  random() % std::uint64_t{60'000'000'000}),
                      [] {});
    }
    executor.Expect(count);
    clock.SkipAnHour();
    state.ResumeTiming();
    timers.Schedule(Instant::min(), [] {});
    executor.WaitForAll();
  }
  state.SetItemsProcessed(state.iterations() * count);
}
BENCHMARK(ThreadTimersAllFire)->Apply(Sizes)->UseRealTime();

}  // namespace
}  // namespace anteroom::coro
