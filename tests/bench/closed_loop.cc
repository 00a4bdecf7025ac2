#include "tests/bench/closed_loop.h"

#include <cstdio>
#include <cstdlib>

namespace anteroom::bench {

using Steady = std::chrono::steady_clock;

struct Loop {
  Loop(const Callers& callers, absl::Duration time)
      : end(Steady::now() + absl::ToChronoNanoseconds(time)),
        running(static_cast<int>(callers.size())) {
    for (const auto& caller : callers) {
      caller->loop_ = this;
      caller->latencies_.Clear();
      caller->begun_ = Steady::now();
      caller->Begin();
    }
  }

  static Histogram LatenciesOf(const Callers& callers) {
    Histogram latencies;
    for (const auto& caller : callers) latencies.Add(caller->latencies_);
    return latencies;
  }

  const Steady::time_point end;
  absl::BlockingCounter running;
};

void Caller::Done() {
  const Steady::time_point now = Steady::now();
  latencies_.Record(std::chrono::nanoseconds(now - begun_).count());
  if (now < loop_->end) {
    begun_ = now;
    Begin();
  } else {
    loop_->running.DecrementCount();
  }
}

LoopResult RunClosedLoop(const Callers& callers, absl::Duration time) {
  const Steady::time_point begin = Steady::now();
  Loop loop(callers, time);
  loop.running.Wait();
  const std::chrono::duration<double> took = Steady::now() - begin;
  return {took.count(), Loop::LatenciesOf(callers)};
}

void Fail(const std::string& what) {
  std::fprintf(stderr, "bench: %s\n", what.c_str());
  std::_Exit(1);
}

}  // namespace anteroom::bench
