#include "server/coro/single_flight.h"

#include <stop_token>
#include <utility>

#include "absl/status/statusor.h"
#include "benchmark/benchmark.h"
#include "server/coro/sync_wait.h"
#include "server/coro/yield.h"
#include "tests/support/manual_runtime.h"

namespace anteroom::coro {
namespace {

using Flight = SingleFlight<int>;

Task<absl::StatusOr<int>> Succeed() { co_return 1; }

// Ends once it has been posted: others join it until then.
Task<absl::StatusOr<int>> SucceedLater(Executor& executor) {
  co_await Yield(executor);
  co_return 1;
}

Task<void> Get(Flight& flight) {
  Task<absl::StatusOr<int>> get = flight.Get();
  benchmark::DoNotOptimize(co_await std::move(get));
}

Task<void> GetKept(benchmark::State& state, Flight& flight) {
  for (auto _ : state) {
    Task<absl::StatusOr<int>> get = flight.Get();
    benchmark::DoNotOptimize(co_await std::move(get));
  }
}

// What an enter pays once the object's init is done.
void SingleFlightGetOfWhatIsKept(benchmark::State& state) {
  testing::ManualRuntime world;
  TaskGroup group(world.runtime());
  Flight flight(world.runtime(), group, OnAbandon::kKeep,
                [](const std::stop_token&) { return Succeed(); });
  SyncWait(Get(flight));
  SyncWait(GetKept(state, flight));
}
BENCHMARK(SingleFlightGetOfWhatIsKept);

// One attempt that so many wait for; the cost of one of them.
void SingleFlightAttempt(benchmark::State& state) {
  testing::ManualRuntime world;
  TaskGroup group(world.runtime());
  TaskGroup callers(world.runtime());
  const auto waiting = static_cast<benchmark::IterationCount>(state.range(0));
  while (state.KeepRunningBatch(waiting)) {
    Flight flight(world.runtime(), group, OnAbandon::kKeep,
                  [&world](const std::stop_token&) {
                    return SucceedLater(world.executor());
                  });
    for (benchmark::IterationCount i = 0; i < waiting; ++i) {
      callers.Spawn(Get(flight));
    }
    world.executor().RunUntilIdle();
  }
}
BENCHMARK(SingleFlightAttempt)->ArgName("waiting")->Arg(1)->Arg(1000);

}  // namespace
}  // namespace anteroom::coro
