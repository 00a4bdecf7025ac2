#include "tests/bench/measure.h"

#include <unistd.h>

#include <algorithm>
#include <iterator>

#include "tests/bench/process.h"

namespace anteroom::bench {

Series SeriesOf(const Turns& turns, double Turn::* figure) {
  Series series;
  std::transform(turns.begin(), turns.end(), std::back_inserter(series),
                 [figure](const Turn& turn) { return turn.*figure; });
  return series;
}

Turn Measure(const Callers& callers, const std::vector<pid_t>& servers,
             absl::Duration run_up, absl::Duration time) {
  RunClosedLoop(callers, run_up);
  const double servers_before = ProcessorTime(servers);
  const double client_before = ProcessorTime({getpid()});
  const LoopResult result = RunClosedLoop(callers, time);
  const double servers_took = ProcessorTime(servers) - servers_before;
  const double client_took = ProcessorTime({getpid()}) - client_before;
  const auto calls = static_cast<double>(result.latencies.count());
  Turn turn;
  turn.calls_a_second = calls / result.seconds;
  turn.server_us = servers_took / calls * 1e6;
  turn.server_cores = servers_took / result.seconds;
  turn.client_us = client_took / calls * 1e6;
  // Each caller is in a call all the time.
  turn.mean_us =
      result.seconds / calls * static_cast<double>(callers.size()) * 1e6;
  turn.p50_us = result.latencies.Quantile(0.5) / 1e3;
  turn.p99_us = result.latencies.Quantile(0.99) / 1e3;
  turn.p999_us = result.latencies.Quantile(0.999) / 1e3;
  turn.max_us = result.latencies.Quantile(1) / 1e3;
  return turn;
}

}  // namespace anteroom::bench
