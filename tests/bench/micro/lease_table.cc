// LeaseTable: what each call pays to find its lease, and each lease to be
// found.
#include "server/lifecycle/lease_table.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "benchmark/benchmark.h"
#include "server/coro/clock.h"
#include "tests/bench/micro/lending.h"

namespace anteroom::lifecycle {
namespace {

// A table of so many leases, with ids as the pool makes them.
class Table {
 public:
  explicit Table(std::int64_t size) {
    for (std::int64_t i = 0; i < size; ++i) {
      const LeasePtr lease = NewLease();
      table().Add(lease);
      ids_.push_back(lease->id());
    }
    std::shuffle(ids_.begin(), ids_.end(), std::mt19937_64(1));
  }

  LeasePtr NewLease() {
    return table().Make(lending_.pool(), /*number=*/1, AcquireOptions());
  }

  LeaseTable& table() { return lending_.pool().leases(); }
  // In no order that the table knows.
  const std::vector<std::string>& ids() const { return ids_; }

 private:
  Lending lending_{/*max_holders=*/1,
                   {.receipts = {.receipts_kept = absl::ZeroDuration()}}};
  std::vector<std::string> ids_;
};

void Sizes(benchmark::internal::Benchmark* benchmark) {
  benchmark->ArgName("leases")->RangeMultiplier(10)->Range(1'000, 1'000'000);
}

void LeaseTableFind(benchmark::State& state) {
  Table table(state.range(0));
  std::size_t next = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(table.table().Find(table.ids()[next]));
    next = next + 1 == table.ids().size() ? 0 : next + 1;
  }
}
BENCHMARK(LeaseTableFind)->Apply(Sizes);

// From a lease's first moment to the end of its receipt.
void LeaseTableAddAndDrop(benchmark::State& state) {
  Table table(state.range(0));
  const coro::Instant now = coro::SystemClock().Now();
  for (auto _ : state) {
    const LeasePtr lease = table.NewLease();
    table.table().Add(lease);
    table.table().Ended(lease, now);
    benchmark::DoNotOptimize(table.table().Prune(now));
  }
}
BENCHMARK(LeaseTableAddAndDrop)->Apply(Sizes);

}  // namespace
}  // namespace anteroom::lifecycle
