// What the parts of a call cost, each by itself: the server's own classes, in
// one process. --help says what is measured, and how.
#include <cstdio>

#include "benchmark/benchmark.h"

namespace anteroom::bench {
namespace {

constexpr char kDescription[] =
    R"(Measures the parts that calls are made of, with Google Benchmark: the
server's own classes, built as the release is.

  Task, Event, Waiter, SingleFlight, Mutex, Semaphore   server/coro
  SystemRandom   a secret's bits, from the kernel
  ThreadTimers   set and cancelled while others are pending; all due at once
  LeaseTable     found, added and dropped while others are in it
  WaitQueue      one more behind, one taken from the front
  Pool           a lease that finds its object idle; one that waits behind
                 others, and is granted; one that gives up

A number after the name says how many others there are. From one of them to the
next the processor's caches stop being of help: what is looked at is spread over
more and more memory, and costs up to some times as much for that alone. What
grows tenfold with them, the algorithm has grown.

The clock stands still and coroutines are resumed by the thread that measures,
from a queue without a lock (tests/support/manual_runtime.h): a hop to another
thread is in no figure but those named so.

Options are Google Benchmark's:

)";

void PrintHelp() {
  std::fputs(kDescription, stdout);
  benchmark::PrintDefaultHelp();
}

}  // namespace
}  // namespace anteroom::bench

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv, anteroom::bench::PrintHelp);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  const bool any = benchmark::RunSpecifiedBenchmarks() > 0;
  benchmark::Shutdown();
  return any ? 0 : 1;
}
