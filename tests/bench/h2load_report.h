// What h2load prints once it is done (nghttp2's manual, "h2load(1)").
#ifndef ANTEROOM_TESTS_BENCH_H2LOAD_REPORT_H_
#define ANTEROOM_TESTS_BENCH_H2LOAD_REPORT_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/time/time.h"

namespace anteroom::bench {

struct H2loadReport {
  double requests_a_second = 0;
  std::int64_t succeeded = 0;
  std::int64_t failed = 0;  // or not done at all
  std::int64_t status_2xx = 0;
  std::int64_t answered_bytes = 0;  // without headers and frames
  absl::Duration mean;              // from a request to the end of its answer
  absl::Duration max;
};

// nullopt if one of them is not in it.
std::optional<H2loadReport> ReadH2loadReport(const std::string& output);

}  // namespace anteroom::bench

#endif  // ANTEROOM_TESTS_BENCH_H2LOAD_REPORT_H_
