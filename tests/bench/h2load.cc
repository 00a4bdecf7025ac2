#include "tests/bench/h2load.h"

#include <sys/resource.h>

#include <array>
#include <cstdio>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "server/coro/check.h"
#include "tests/bench/closed_loop.h"

namespace anteroom::bench {
namespace {

std::string CommandOf(const H2load& h2load, std::int64_t requests) {
  return absl::StrCat("exec h2load -t 1 -c ", h2load.connections, " -m ",
                      h2load.streams, " -n ", requests,
                      " -H 'content-type: application/grpc' -H 'te: trailers'"
                      " -d '",
                      h2load.body_file, "' '", h2load.url, "' 2>&1");
}

// What the command says.
std::string OutputOf(const std::string& command) {
  std::FILE* const pipe = popen(command.c_str(), "re");
  ANTEROOM_CHECK(pipe != nullptr);
  std::string output;
  std::array<char, 4096> buffer;
  while (const std::size_t size =
             std::fread(buffer.data(), 1, buffer.size(), pipe)) {
    output.append(buffer.data(), size);
  }
  pclose(pipe);  // 0 even where all requests failed
  return output;
}

// Of all processes of this program that have ended.
double ProcessorTimeOfEnded() {
  rusage usage{};
  ANTEROOM_CHECK(getrusage(RUSAGE_CHILDREN, &usage) == 0);
  return absl::ToDoubleSeconds(absl::DurationFromTimeval(usage.ru_utime) +
                               absl::DurationFromTimeval(usage.ru_stime));
}

}  // namespace

H2loadRun RunH2load(const H2load& h2load, std::int64_t requests) {
  const double before = ProcessorTimeOfEnded();
  const std::string output = OutputOf(CommandOf(h2load, requests));
  const double took = ProcessorTimeOfEnded() - before;
  const std::optional<H2loadReport> report = ReadH2loadReport(output);
  if (!report.has_value() || report->succeeded != requests ||
      report->failed != 0 || report->status_2xx != requests) {
    Fail(absl::StrCat("not each of h2load's requests succeeded:\n", output));
  }
  return {*report, took};
}

}  // namespace anteroom::bench
