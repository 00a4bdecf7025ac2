// How what a server holds grows with how many it holds: time and memory of one
// of them among a thousand, and among a million. --help says what is measured.
//
// Each measurement has a process of its own; this program measures nothing, and
// never begins anything of gRPC's.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <functional>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "grpcpp/grpcpp.h"
#include "nlohmann/json.hpp"
#include "tests/bench/closed_loop.h"
#include "tests/bench/growth/holdings.h"
#include "tests/bench/growth/in_child.h"
#include "tests/bench/growth/ladder.h"
#include "tests/bench/growth/report.h"
#include "tests/bench/growth/streams.h"
#include "tests/bench/scratch.h"

namespace anteroom::bench {
namespace {

constexpr char kWithStream[] = "with-stream";
constexpr char kBareStream[] = "bare-stream";
constexpr char kKilled[] = "killed";
constexpr std::int64_t kStreamCounts[] = {100, 1'000, 10'000, 20'000};
constexpr std::int64_t kScopesKilled = 10'000;

struct Options {
  int rounds = 3;
  std::int64_t largest = 1'000'000;
  double longest = 30;
  std::vector<std::string> only;
  std::string json;
};

// What so many of one kind cost.
struct Subject {
  std::string name;
  std::string does;
  std::vector<std::int64_t> counts;
  std::function<Cost(std::int64_t count)> measure;
};

std::string Description() {
  std::string text =
      "Measures what one thing costs that a server holds, among 10^3 up to "
      "10^6 of\n"
      "its like: the processor time to begin and to end it, in nanoseconds, "
      "and "
      "its\n"
      "bytes. Each figure is the median of the rounds, and each measurement "
      "has "
      "a\n"
      "process of its own.\n"
      "\n";
  for (const Holding& holding : AllHoldings()) {
    absl::StrAppendFormat(
        &text, "  %-17s%s\n", holding.name,
        absl::StrReplaceAll(holding.does, {{"\n", "\n                   "}}));
  }
  absl::StrAppend(
      &text, "  ", kWithStream,
      "      an idle With stream: its server's part\n", "  ", kBareStream,
      "      an idle stream of a server that is nothing but gRPC\n", "  ",
      kKilled,
      "           a client with 10,000 With streams is killed: until all "
      "exits\n"
      "                   have begun\n"
      "\n"
      "All but the last three are held by the lifecycle alone, on the server's "
      "own\n"
      "runtime with one thread. Their time is with the translation of the "
      "request, and\n"
      "on memory that was used before: what is touched for the first time "
      "costs "
      "a call\n"
      "of the kernel. They end in random order. Streams are those of a client "
      "process to\n"
      "a server process, whose costs are shown; a message was sent and "
      "answered "
      "on each.\n"
      "\n"
      "Bytes are what malloc has handed out for it, as malloc rounds it up "
      "(tcmalloc's\n"
      "current_allocated_bytes), and so is what a table keeps free to grow. "
      "`resident`\n"
      "is by how much the process grew, with what malloc keeps for itself. "
      "Events and\n"
      "receipts are not in them: there are bounds to both.\n"
      "\n"
      "A growth 'x 1.20' says that one costs 1.2 times what it costs among a "
      "tenth as\n"
      "many. What is linear, in all of them, has x 1. Caches are in it: a "
      "thousand\n"
      "leases fit into one, a million do not, and what is found or freed in a "
      "random\n"
      "order is then read from memory. That alone was seen to be x 3.4, within "
      "the\n"
      "decade where a cache ends; a tree adds up to x 1.3. So time is held "
      "superlinear,\n"
      "and is marked '!', where it is beyond x 2.5 as the mean of two decades: "
      "what\n"
      "grows as the square of their number has x 10, its power of 1.5 x 3.2. "
      "Bytes are,\n"
      "beyond x 1.5: a hash table may have doubled just before.\n");
  return text;
}

// The exit status, if the program is to end here.
std::optional<int> Parse(int argc, char** argv, Options& options) {
  CLI::App app(Description(), "growth");
  app.add_option("--rounds", options.rounds, "Measurements of each")
      ->capture_default_str()
      ->check(CLI::Range(1, 1000));
  app.add_option("--largest", options.largest, "Not more of anything")
      ->capture_default_str()
      ->check(CLI::Range(100, 1'000'000));
  app.add_option("--longest", options.longest,
                 "Seconds: what takes longer, to begin and to end all, is "
                 "measured once, and what is expected to is left out")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  app.add_option("--only", options.only, "These, and no others")
      ->delimiter(',');
  app.add_option("--json", options.json,
                 "File for the results, with the figures of each round")
      ->take_last();
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  return std::nullopt;
}

bool IsWanted(const Options& options, const std::string& name) {
  return options.only.empty() || absl::c_linear_search(options.only, name);
}

std::vector<std::int64_t> TenfoldFrom(std::int64_t least, std::int64_t most) {
  std::vector<std::int64_t> counts;
  for (std::int64_t count = least; count <= most; count *= 10) {
    counts.push_back(count);
  }
  return counts;
}

std::vector<Subject> Subjects(const std::string& config_file) {
  std::vector<Subject> subjects;
  for (const Holding& holding : AllHoldings()) {
    subjects.push_back(
        {holding.name, holding.does, TenfoldFrom(holding.least, holding.most),
         [&holding](std::int64_t count) {
           return MeasureInChild([&] { return holding.measure(count); });
         }});
  }
  const std::vector<std::int64_t> counts(std::begin(kStreamCounts),
                                         std::end(kStreamCounts));
  subjects.push_back({kWithStream, "an idle With stream", counts,
                      [config_file](std::int64_t count) {
                        return MeasureWithStreams(count, config_file);
                      }});
  subjects.push_back(
      {kBareStream, "an idle bare stream", counts,
       [](std::int64_t count) { return MeasureBareStreams(count); }});
  return subjects;
}

Grown Measure(const Subject& subject, const Options& options) {
  Grown grown{subject.name, subject.does, {}};
  for (const std::int64_t count : subject.counts) {
    if (count > options.largest) break;
    const double expected = SecondsExpected(grown.ladder, count);
    if (expected > options.longest) {
      absl::FPrintF(stderr,
                    "growth: %s: %d left out, since a round would take some "
                    "%.0f s\n",
                    subject.name, count, expected);
      break;
    }
    Rung rung{count, {}};
    for (int round = 1; round <= options.rounds; ++round) {
      absl::FPrintF(stderr, "growth: %s, %d: round %d of %d\n", subject.name,
                    count, round, options.rounds);
      rung.rounds.push_back(subject.measure(count));
      const Cost& cost = rung.rounds.back();
      const double each = (cost.begin_ns + cost.end_ns) / 1e9;
      if (each * static_cast<double>(count) > options.longest) break;
    }
    grown.ladder.push_back(std::move(rung));
  }
  return grown;
}

const Ladder* LadderOf(const std::vector<Grown>& all, const std::string& name) {
  for (const Grown& grown : all) {
    if (grown.name == name) return &grown.ladder;
  }
  return nullptr;
}

// That of the rung with most of them.
void PromiseBytes(const Ladder* ladder, const std::string& what, double most,
                  std::vector<Promise>& promises) {
  if (ladder == nullptr || ladder->empty()) return;
  promises.push_back(
      {absl::StrCat("bytes ", what, ", at ", ladder->back().count),
       most,
       {MedianOf(ladder->back(), &Cost::bytes)}});
}

Promise MeasureKilled(const Options& options, const std::string& config_file) {
  Promise promise{
      absl::StrCat("seconds from SIGKILL to ", kScopesKilled, " exits begun"),
      1,
      {}};
  for (int round = 1; round <= options.rounds; ++round) {
    absl::FPrintF(stderr, "growth: %s: round %d of %d\n", kKilled, round,
                  options.rounds);
    promise.rounds.push_back(SecondsToExits(kScopesKilled, config_file));
  }
  return promise;
}

int Main(int argc, char** argv) {
  Options options;
  const std::optional<int> ended = Parse(argc, argv, options);
  if (ended.has_value()) return *ended;
  const Scratch scratch("/dev/shm");
  const std::string config =
      scratch.Write("anteroomd.textproto", StreamsConfig());
  std::vector<Grown> all;
  for (const Subject& subject : Subjects(config)) {
    if (!IsWanted(options, subject.name)) continue;
    all.push_back(Measure(subject, options));
    Print(all.back());
  }
  const Ladder* const with = LadderOf(all, kWithStream);
  const Ladder* const bare = LadderOf(all, kBareStream);
  if (with != nullptr && bare != nullptr) {
    all.push_back({"with-stream-adds",
                   "what an idle With stream adds to a bare one",
                   Difference(*with, *bare)});
    Print(all.back());
  }
  std::vector<Promise> promises;
  PromiseBytes(LadderOf(all, "lease"), "of a held lease", 96, promises);
  PromiseBytes(LadderOf(all, "labelled-lease"),
               "of one with labels and request_id", 256, promises);
  PromiseBytes(LadderOf(all, "with-stream-adds"),
               "that an idle With stream adds", 2048, promises);
  if (IsWanted(options, kKilled)) {
    promises.push_back(MeasureKilled(options, config));
  }
  if (!promises.empty()) Print(promises);
  if (options.json.empty()) return 0;
  nlohmann::json json = {
      {"circumstances",
       {{"time", absl::FormatTime(absl::Now(), absl::UTCTimeZone())},
        {"cores", std::thread::hardware_concurrency()},
        {"grpc", grpc::Version()},
        {"rounds", options.rounds}}},
      {"subjects", nlohmann::json::array()},
      {"promises", nlohmann::json::array()}};
  for (const Grown& grown : all) json["subjects"].push_back(ToJson(grown));
  for (const Promise& promise : promises) {
    json["promises"].push_back(ToJson(promise));
  }
  std::ofstream file(options.json);
  file << json.dump(1) << '\n';
  if (file.good()) return 0;
  Fail(absl::StrCat("cannot write ", options.json));
}

}  // namespace
}  // namespace anteroom::bench

int main(int argc, char** argv) { return anteroom::bench::Main(argc, argv); }
