// Anteroom beside bare gRPC where the client is the cheaper one, h2load: what
// the servers reach. --help says who takes part and what is printed.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <string>

#include "absl/strings/str_cat.h"
#include "tests/bench/contests.h"
#include "tests/bench/measure.h"
#include "tests/bench/process.h"
#include "tests/bench/results.h"
#include "tests/bench/run_contests.h"

namespace anteroom::bench {
namespace {

constexpr Figure kFigures[] = {
    {"calls_a_second", "calls/s", 0, &Turn::calls_a_second},
    {"server_us", "server us", 1, &Turn::server_us},
    {"server_cores", "srv cores", 2, &Turn::server_cores},
    {"client_us", "client us", 1, &Turn::client_us},
    {"mean_us", "mean us", 1, &Turn::mean_us},
    {"max_us", "max us", 1, &Turn::max_us},
};

constexpr char kNote[] =
    "The client is h2load, but for asyncio's: its client is ./dev bench's "
    "closed\n"
    "loop. That server is one thread of Python: where it keeps a core busy, "
    "no\n"
    "client gets more of it.\n";

std::string Help() {
  return absl::StrCat(
      "Measures Anteroom beside bare gRPC of the same build as ./dev bench "
      "does,\n"
      "but with h2load of nghttp2: one thread, up to 4 connections, a turn is "
      "as\n"
      "many requests as take about so long. The contestants take turns; each "
      "turn\n"
      "runs up for 0.1 s before it is measured. After each, the server has to "
      "show\n"
      "that it has done all that was asked of it.\n",
      kNote,
      "\n"
      "Printed are medians of the rounds: calls a second, processor time of "
      "the\n"
      "server for a call, how many cores that keeps busy, processor time of "
      "the\n"
      "client for a call, and a call's latency as the client sees it; and, as\n"
      "'A : B', medians of the ratios within a round.\n"
      "\n"
      "Contestants, with what a call is:\n",
      Description(Ceilings()),
      "h2load always posts the same bytes: all calls of use have one lease.\n");
}

int Main(int argc, char** argv) {
  Options options;
  options.rounds = 5;
  options.widths = {16, 64, 256};
  CLI::App app(Help(), "bench ceilings");
  AddOptions(app, options);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  if (!IsInPath("h2load")) {
    std::fprintf(stderr, "bench: no h2load in PATH (Debian: nghttp2-client)\n");
    return 1;
  }
  std::printf("%s\n", kNote);
  std::fflush(stdout);  // before servers are forked
  return RunContests({Ceilings()}, kFigures, options);
}

}  // namespace
}  // namespace anteroom::bench

int main(int argc, char** argv) { return anteroom::bench::Main(argc, argv); }
