// Task and TaskGroup: what it costs that a call is a coroutine.
#include "server/coro/task.h"

#include <coroutine>
#include <utility>

#include "absl/base/attributes.h"
#include "benchmark/benchmark.h"
#include "server/coro/sync_wait.h"
#include "server/coro/task_group.h"
#include "server/coro/thread_pool.h"
#include "server/coro/yield.h"
#include "tests/support/manual_runtime.h"

namespace anteroom::coro {
namespace {

// Where a coroutine waits to be resumed by hand.
class Parking {
 public:
  auto Park() {
    struct Awaiter {
      Parking& parking;
      bool await_ready() const noexcept { return false; }
      void await_suspend(std::coroutine_handle<> handle) const noexcept {
        parking.parked_ = handle;
      }
      void await_resume() const noexcept {}
    };
    return Awaiter{*this};
  }
  // False: nobody is here.
  bool Resume() {
    if (!parked_) return false;
    std::exchange(parked_, nullptr).resume();
    return true;
  }

 private:
  std::coroutine_handle<> parked_;
};

// Not inlined, lest its frame be elided: those of the server are called from
// other files.
ABSL_ATTRIBUTE_NOINLINE Task<int> EndsInline(int value) { co_return value; }

ABSL_ATTRIBUTE_NOINLINE Task<int> Parks(Parking& parking, int value) {
  co_await parking.Park();
  co_return value;
}

ABSL_ATTRIBUTE_NOINLINE Task<void> Nothing() { co_return; }

Task<void> AwaitInline(benchmark::State& state) {
  for (auto _ : state) {
    Task<int> task = EndsInline(1);
    benchmark::DoNotOptimize(co_await std::move(task));
  }
}

void TaskThatEndsInline(benchmark::State& state) {
  SyncWait(AwaitInline(state));
}
BENCHMARK(TaskThatEndsInline);

Task<void> AwaitParked(benchmark::State& state, Parking& parking) {
  for (auto _ : state) {
    Task<int> task = Parks(parking, 1);
    benchmark::DoNotOptimize(co_await std::move(task));
  }
}

void TaskThatSuspendsAndIsResumed(benchmark::State& state) {
  testing::ManualRuntime world;
  TaskGroup group(world.runtime());
  Parking parking;
  group.Spawn(AwaitParked(state, parking));
  while (parking.Resume()) {
  }
}
BENCHMARK(TaskThatSuspendsAndIsResumed);

void TaskGroupSpawn(benchmark::State& state) {
  testing::ManualRuntime world;
  TaskGroup group(world.runtime());
  for (auto _ : state) group.Spawn(Nothing());
}
BENCHMARK(TaskGroupSpawn);

Task<void> YieldTo(benchmark::State& state, Executor& executor) {
  for (auto _ : state) co_await Yield(executor);
}

// As every other figure's executor is.
void YieldToManualExecutor(benchmark::State& state) {
  testing::ManualRuntime world;
  TaskGroup group(world.runtime());
  group.Spawn(YieldTo(state, world.executor()));
  world.RunUntilIdle();
}
BENCHMARK(YieldToManualExecutor);

// Posted by a thread of the pool itself: another one is woken up, or is not.
void YieldToThreadPool(benchmark::State& state) {
  ThreadPool pool(static_cast<int>(state.range(0)));
  SyncWait(YieldTo(state, pool));
}
BENCHMARK(YieldToThreadPool)
    ->ArgName("threads")
    ->Arg(1)
    ->Arg(2)
    ->MeasureProcessCPUTime()
    ->UseRealTime();

}  // namespace
}  // namespace anteroom::coro
