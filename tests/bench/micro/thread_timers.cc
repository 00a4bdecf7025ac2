#include "server/coro/thread_timers.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <random>
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

}  // namespace
}  // namespace anteroom::coro
