#include "tests/bench/h2load_report.h"

#include "re2/re2.h"

namespace anteroom::bench {

std::optional<H2loadReport> ReadH2loadReport(const std::string& output) {
  H2loadReport report;
  std::int64_t total = 0;
  std::string max;
  std::string mean;
  const bool complete =
      RE2::PartialMatch(output, R"(finished in \S+, (\S+) req/s)",
                        &report.requests_a_second) &&
      RE2::PartialMatch(output, R"(requests: (\d+) total,.* (\d+) succeeded,)",
                        &total, &report.succeeded) &&
      RE2::PartialMatch(output, R"(status codes: (\d+) 2xx,)",
                        &report.status_2xx) &&
      RE2::PartialMatch(output, R"(traffic: .*\((\d+)\) data)",
                        &report.answered_bytes) &&
      RE2::PartialMatch(output, R"(time for request: +\S+ +(\S+) +(\S+))", &max,
                        &mean) &&
      absl::ParseDuration(max, &report.max) &&
      absl::ParseDuration(mean, &report.mean);
  if (!complete) return std::nullopt;
  report.failed = total - report.succeeded;
  return report;
}

}  // namespace anteroom::bench
