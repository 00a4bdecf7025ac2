// Pool: what a lease costs from its acquire to its end, and what a waiter adds.
//
// The end of a lease has the next one granted. So what a grant costs is
// PoolEndAndGrant without PoolEnd.
#include "server/lifecycle/pool.h"

#include <cstdint>
#include <stop_token>

#include "absl/time/time.h"
#include "benchmark/benchmark.h"
#include "tests/bench/micro/lending.h"

namespace anteroom::lifecycle {
namespace {

// What is done at once before the clock of the benchmark is stopped: that takes
// a while by itself.
constexpr int kBatch = 500;

void Sizes(benchmark::internal::Benchmark* benchmark) {
  benchmark->ArgName("waiting")->RangeMultiplier(10)->Range(1'000, 100'000);
}

// The object is held, and `waiting` wait for it.
void Queue(Lending& lending, std::int64_t waiting) {
  for (std::int64_t i = 0; i <= waiting; ++i) lending.Acquire();
}

void EndAll(Lending& lending) {
  while (lending.held()) lending.End();
}

// Of as many acquires as ends, the time of one or of the other.
void TimeAcquires(benchmark::State& state, Lending& lending) {
  while (state.KeepRunningBatch(kBatch)) {
    for (int i = 0; i < kBatch; ++i) lending.Acquire();
    state.PauseTiming();
    for (int i = 0; i < kBatch; ++i) lending.End();
    state.ResumeTiming();
  }
  EndAll(lending);
}

void TimeEnds(benchmark::State& state, Lending& lending) {
  while (state.KeepRunningBatch(kBatch)) {
    state.PauseTiming();
    for (int i = 0; i < kBatch; ++i) lending.Acquire();
    state.ResumeTiming();
    for (int i = 0; i < kBatch; ++i) lending.End();
  }
  EndAll(lending);
}

// Of an object that everybody may hold at once.
void PoolAcquire(benchmark::State& state) {
  Lending lending(/*max_holders=*/0);
  lending.Acquire();
  TimeAcquires(state, lending);
}
BENCHMARK(PoolAcquire);

void PoolEnd(benchmark::State& state) {
  Lending lending(/*max_holders=*/0);
  lending.Acquire();
  TimeEnds(state, lending);
}
BENCHMARK(PoolEnd);

// One more waits, the holder ends its lease, the first of those who wait is
// granted its own.
void PoolEnqueueAndEndAndGrant(benchmark::State& state) {
  Lending lending;
  Queue(lending, state.range(0));
  for (auto _ : state) {
    lending.Acquire();
    lending.End();
  }
  EndAll(lending);
}
BENCHMARK(PoolEnqueueAndEndAndGrant)->Apply(Sizes);

// The first part of that.
void PoolEnqueue(benchmark::State& state) {
  Lending lending;
  Queue(lending, state.range(0));
  TimeAcquires(state, lending);
}
BENCHMARK(PoolEnqueue)->Apply(Sizes);

// The other part.
void PoolEndAndGrant(benchmark::State& state) {
  Lending lending;
  Queue(lending, state.range(0));
  TimeEnds(state, lending);
}
BENCHMARK(PoolEndAndGrant)->Apply(Sizes);

// One more waits, and leaves again.
void PoolEnqueueAndGiveUp(benchmark::State& state) {
  Lending lending;
  Queue(lending, state.range(0));
  for (auto _ : state) {
    std::stop_source stop;
    lending.Acquire(stop.get_token());
    stop.request_stop();
    lending.Run();
  }
  EndAll(lending);
}
BENCHMARK(PoolEnqueueAndGiveUp)->Apply(Sizes);

// Once a second, if anybody has left the queue, those in it are told their
// places: the cost of a look at one of them.
void PoolTellPlaces(benchmark::State& state) {
  Lending lending;
  Queue(lending, state.range(0));
  while (state.KeepRunningBatch(state.range(0))) {
    state.PauseTiming();
    lending.Acquire();
    lending.End();
    state.ResumeTiming();
    lending.world().Advance(absl::Seconds(1));
  }
  EndAll(lending);
}
BENCHMARK(PoolTellPlaces)->Apply(Sizes);

}  // namespace
}  // namespace anteroom::lifecycle
