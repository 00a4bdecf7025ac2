#include "server/coro/semaphore.h"

#include <cstdint>
#include <utility>

#include "benchmark/benchmark.h"
#include "server/coro/sync_wait.h"
#include "server/coro/task_group.h"
#include "tests/support/manual_runtime.h"

namespace anteroom::coro {
namespace {

Task<void> AcquireFree(benchmark::State& state, Semaphore& semaphore) {
  for (auto _ : state) {
    Task<Wake> acquire = semaphore.Acquire();
    benchmark::DoNotOptimize(co_await std::move(acquire));
    semaphore.Release();
  }
}

void SemaphoreThatIsFree(benchmark::State& state) {
  testing::ManualRuntime world;
  Semaphore semaphore(world.runtime(), 1);
  SyncWait(AcquireFree(state, semaphore));
}
BENCHMARK(SemaphoreThatIsFree);

Task<void> Acquire(Semaphore& semaphore) {
  Task<Wake> acquire = semaphore.Acquire();
  benchmark::DoNotOptimize(co_await std::move(acquire));
}

// One more queues behind so many, and the first of them is served.
void SemaphoreThatOthersWaitFor(benchmark::State& state) {
  testing::ManualRuntime world;
  TaskGroup group(world.runtime());
  Semaphore semaphore(world.runtime(), 0);
  for (std::int64_t i = 0; i < state.range(0); ++i) {
    group.Spawn(Acquire(semaphore));
  }
  for (auto _ : state) {
    group.Spawn(Acquire(semaphore));
    semaphore.Release();
    world.executor().RunOne();
  }
  while (semaphore.waiting() > 0) semaphore.Release();
  world.RunUntilIdle();
}
BENCHMARK(SemaphoreThatOthersWaitFor)
    ->ArgName("waiting")
    ->RangeMultiplier(10)
    ->Range(1'000, 100'000);

}  // namespace
}  // namespace anteroom::coro
