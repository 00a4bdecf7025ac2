#include "server/coro/waiter.h"

#include <memory>
#include <stop_token>
#include <utility>

#include "absl/time/time.h"
#include "benchmark/benchmark.h"
#include "server/coro/sync_wait.h"
#include "server/coro/task.h"
#include "server/coro/task_group.h"
#include "tests/support/manual_runtime.h"

namespace anteroom::coro {
namespace {

Task<void> Await(std::shared_ptr<Waiter> waiter, std::stop_token stop,
                 Instant deadline) {
  benchmark::DoNotOptimize(co_await waiter->Wait(std::move(stop), deadline));
}

Task<void> AwaitSignalled(benchmark::State& state, Runtime runtime) {
  for (auto _ : state) {
    const auto waiter = std::make_shared<Waiter>(runtime);
    waiter->Signal();
    benchmark::DoNotOptimize(co_await waiter->Wait({}, kNever));
  }
}

void WaiterSignalledBeforeItWaits(benchmark::State& state) {
  testing::ManualRuntime world;
  SyncWait(AwaitSignalled(state, world.runtime()));
}
BENCHMARK(WaiterSignalledBeforeItWaits);

// `signal`: ends its wait.
template <typename SignalIt>
void SignalThem(benchmark::State& state, const std::stop_token& stop,
                absl::Duration bound, SignalIt signal) {
  testing::ManualRuntime world;
  TaskGroup group(world.runtime());
  const Instant deadline = After(world.clock().Now(), bound);
  for (auto _ : state) {
    const auto waiter = std::make_shared<Waiter>(world.runtime());
    group.Spawn(Await(waiter, stop, deadline));
    signal(*waiter);
    world.executor().RunUntilIdle();
  }
}

void WaiterSignalled(benchmark::State& state) {
  SignalThem(state, {}, absl::InfiniteDuration(),
             [](Waiter& waiter) { waiter.Signal(); });
}
BENCHMARK(WaiterSignalled);

void WaiterResumed(benchmark::State& state) {
  SignalThem(state, {}, absl::InfiniteDuration(),
             [](Waiter& waiter) { waiter.Resume(); });
}
BENCHMARK(WaiterResumed);

// As a call's: it may be cancelled, and has a deadline.
void WaiterWithStopAndDeadlineSignalled(benchmark::State& state) {
  const std::stop_source stop;
  SignalThem(state, stop.get_token(), absl::Seconds(30),
             [](Waiter& waiter) { waiter.Signal(); });
}
BENCHMARK(WaiterWithStopAndDeadlineSignalled);

}  // namespace
}  // namespace anteroom::coro
