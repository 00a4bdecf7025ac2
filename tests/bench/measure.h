// One turn of a contestant: what is measured of it, and how.
#ifndef ANTEROOM_TESTS_BENCH_MEASURE_H_
#define ANTEROOM_TESTS_BENCH_MEASURE_H_

#include <sys/types.h>

#include <vector>

#include "absl/time/time.h"
#include "tests/bench/closed_loop.h"
#include "tests/bench/statistics.h"

namespace anteroom::bench {

// The figures of a turn. A "call" is whatever a caller does in a loop.
struct Turn {
  double calls_a_second = 0;
  double server_us = 0;     // processor time of the servers for a call
  double client_us = 0;     // and of the client
  double server_cores = 0;  // that the servers kept busy
  double mean_us = 0;       // a call's latency, as its caller sees it
  double p50_us = 0;        // h2load tells no quantiles
  double p99_us = 0;
  double p999_us = 0;
  double max_us = 0;
};

// All turns of a contestant.
using Turns = std::vector<Turn>;

Series SeriesOf(const Turns& turns, double Turn::* figure);

// Lets the callers run up, unmeasured, and then for `time`. gRPC naps for up to
// 100 ms once it has had nothing to do for a second, as in another's turn: the
// run-up gets it out of bed.
Turn Measure(const Callers& callers, const std::vector<pid_t>& servers,
             absl::Duration run_up, absl::Duration time);

}  // namespace anteroom::bench

#endif  // ANTEROOM_TESTS_BENCH_MEASURE_H_
