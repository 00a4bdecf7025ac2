// WaitQueue, as the pool uses it when one more queues up and the first is
// bound.
#include "server/lifecycle/wait_queue.h"

#include <cstdint>
#include <memory>

#include "benchmark/benchmark.h"
#include "tests/bench/micro/lending.h"

namespace anteroom::lifecycle {
namespace {

LeasePtr NewLease(Lending& lending) {
  Pool& pool = lending.pool();
  return pool.leases().Make(pool, /*number=*/1, AcquireOptions());
}

void WaitQueuePushAndRemoveFirst(benchmark::State& state) {
  Lending lending;
  const LeasePtr lease = NewLease(lending);
  WaitQueue queue;
  std::uint64_t arrival = 0;
  const auto push = [&] {
    queue.Push(
        std::make_shared<Ticket>(lending.world().runtime(), lease, ++arrival));
  };
  for (std::int64_t i = 0; i < state.range(0); ++i) push();
  for (auto _ : state) {
    push();
    queue.Remove(*queue.front());
  }
}
BENCHMARK(WaitQueuePushAndRemoveFirst)
    ->ArgName("waiting")
    ->RangeMultiplier(10)
    ->Range(1'000, 100'000);

}  // namespace
}  // namespace anteroom::lifecycle
