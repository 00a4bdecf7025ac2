#include "server/coro/random.h"

#include "benchmark/benchmark.h"

namespace anteroom::coro {
namespace {

// Each lease's secret id takes two of them.
void SystemRandomNext(benchmark::State& state) {
  SystemRandom random;
  for (auto _ : state) benchmark::DoNotOptimize(random.Next());
}
BENCHMARK(SystemRandomNext);

}  // namespace
}  // namespace anteroom::coro
