// Anteroom beside bare gRPC, and beside what might do its work: closed loops of
// callers. --help says who takes part and what is printed.
#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/bench/contests.h"
#include "tests/bench/measure.h"
#include "tests/bench/results.h"
#include "tests/bench/run_contests.h"

namespace anteroom::bench {
namespace {

constexpr Figure kFigures[] = {
    {"calls_a_second", "calls/s", 0, &Turn::calls_a_second},
    {"server_us", "server us", 1, &Turn::server_us},
    {"client_us", "client us", 1, &Turn::client_us},
    {"p50_us", "p50 us", 1, &Turn::p50_us},
    {"p99_us", "p99 us", 1, &Turn::p99_us},
    {"p999_us", "p99.9 us", 1, &Turn::p999_us},
};

std::string Help() {
  std::string text =
      "Measures Anteroom beside bare gRPC of the same build, and beside what\n"
      "might do its work. The load is a closed loop: so many callers at once, "
      "each\n"
      "of which makes one call after the other, on up to 4 connections. The\n"
      "contestants of a contest take turns; each turn runs up for 0.1 s before "
      "it\n"
      "is measured. All share this machine's cores, and nobody is pinned to "
      "any.\n"
      "\n"
      "Printed are medians of the rounds: calls a second, processor time of "
      "the\n"
      "server and of the client for a call, and a call's latency as its "
      "caller\n"
      "sees it; and, as 'A : B', medians of the ratios within a round.\n"
      "\n"
      "Contests and contestants, with what a call is:\n";
  for (const Contest& contest : AllContests()) text += Description(contest);
  absl::StrAppend(
      &text, "and with --builds, instead:\n", Description(Builds()),
      "Arguments are 18 bytes of JSON, times to live 30 s. Anteroom's objects "
      "are\n"
      "of kind hello, style AWAITABLE: each is made by the first acquire that "
      "finds\n"
      "none idle, and then kept. So no init is in what is measured, and "
      "nobody\n"
      "waits for another: every caller has an object, or a key, of its own.\n");
  return text;
}

int Main(int argc, char** argv) {
  Options options;
  options.disk = ".";
  bool builds = false;
  CLI::App app(Help(), "bench");
  AddOptions(app, options);
  app.add_option("--disk", options.disk,
                 "Folder on a disk, where etcd keeps its data")
      ->take_last()
      ->capture_default_str()
      ->check(CLI::ExistingDirectory);
  app.add_flag("--builds", builds,
               "Servers of several builds, which ./dev bench builds makes");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  return RunContests(builds ? std::vector<Contest>{Builds()} : AllContests(),
                     kFigures, options);
}

}  // namespace
}  // namespace anteroom::bench

int main(int argc, char** argv) { return anteroom::bench::Main(argc, argv); }
