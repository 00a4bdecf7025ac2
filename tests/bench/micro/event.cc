#include "server/coro/event.h"

#include <memory>
#include <utility>

#include "benchmark/benchmark.h"
#include "server/coro/sync_wait.h"
#include "server/coro/task_group.h"
#include "tests/support/manual_runtime.h"

namespace anteroom::coro {
namespace {

Task<void> AwaitEvent(Event& event) {
  Task<Wake> wait = event.Wait();
  benchmark::DoNotOptimize(co_await std::move(wait));
}

Task<void> AwaitSet(benchmark::State& state, Event& event) {
  for (auto _ : state) {
    Task<Wake> wait = event.Wait();
    benchmark::DoNotOptimize(co_await std::move(wait));
  }
}

void EventThatIsSetAwaited(benchmark::State& state) {
  testing::ManualRuntime world;
  Event event(world.runtime());
  event.Set();
  SyncWait(AwaitSet(state, event));
}
BENCHMARK(EventThatIsSetAwaited);

// Each with so many that wait for it; the cost of one of them.
template <typename Wake>
void WakeThem(benchmark::State& state, Wake wake) {
  testing::ManualRuntime world;
  TaskGroup group(world.runtime());
  const auto waiting = static_cast<benchmark::IterationCount>(state.range(0));
  while (state.KeepRunningBatch(waiting)) {
    Event event(world.runtime());
    for (benchmark::IterationCount i = 0; i < waiting; ++i) {
      group.Spawn(AwaitEvent(event));
    }
    wake(event);
    world.executor().RunUntilIdle();
  }
}

void EventAwaitedAndSet(benchmark::State& state) {
  WakeThem(state, [](Event& event) { event.Set(); });
}
BENCHMARK(EventAwaitedAndSet)->ArgName("waiting")->Arg(1)->Arg(1000);

// Resumed within the call.
void EventAwaitedAndResumed(benchmark::State& state) {
  WakeThem(state, [](Event& event) { event.Resume(); });
}
BENCHMARK(EventAwaitedAndResumed)->ArgName("waiting")->Arg(1)->Arg(1000);

}  // namespace
}  // namespace anteroom::coro
