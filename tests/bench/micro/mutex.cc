#include "server/coro/mutex.h"

#include "benchmark/benchmark.h"

namespace anteroom::coro {
namespace {

Mutex shared;

// By one thread, and by two that do nothing else.
void MutexLockAndUnlock(benchmark::State& state) {
  for (auto _ : state) {
    MutexLock lock(shared);
    benchmark::ClobberMemory();
  }
}
BENCHMARK(MutexLockAndUnlock)->Threads(1)->Threads(2)->UseRealTime();

}  // namespace
}  // namespace anteroom::coro
