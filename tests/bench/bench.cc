// Anteroom beside bare gRPC, and beside what might do its work: closed loops of
// callers, in turns (A B A B ...), each against a server process of its own.
// --help says who takes part and what is printed.
//
// Neither the servers nor this program are pinned to cores: on a machine of few
// they share them, as a user's would. Servers that do not have their turn are
// alive, and idle.
#include <sys/utsname.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <fstream>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "grpcpp/grpcpp.h"
#include "nlohmann/json.hpp"
#include "tests/bench/contests.h"
#include "tests/bench/measure.h"
#include "tests/bench/peers.h"
#include "tests/bench/process.h"
#include "tests/bench/results.h"
#include "tests/bench/scratch.h"

namespace anteroom::bench {
namespace {

constexpr absl::Duration kRunUp = absl::Milliseconds(100);

struct Options {
  int rounds = 9;
  double seconds = 1;
  std::vector<int> widths = {1, 16, 64, 256};
  std::vector<std::string> only;
  std::string json;
  std::string disk = ".";
  bool quick = false;
  bool builds = false;
};

// What a call of each contestant is.
void Describe(const Contest& contest, std::string& text) {
  absl::StrAppend(&text, "  ", contest.name, "\n");
  for (const Contestant& contestant : contest.contestants) {
    absl::StrAppendFormat(&text, "    %-18s %s\n", contestant.name,
                          contestant.does);
  }
}

std::string Description() {
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
  for (const Contest& contest : AllContests()) Describe(contest, text);
  absl::StrAppend(&text, "and with --builds, instead:\n");
  Describe(Builds(), text);
  absl::StrAppend(
      &text,
      "Arguments are 18 bytes of JSON, times to live 30 s. Anteroom's objects "
      "are\n"
      "of kind hello, style AWAITABLE: each is made by the first acquire that "
      "finds\n"
      "none idle, and then kept. So no init is in what is measured, and "
      "nobody\n"
      "waits for another: every caller has an object, or a key, of its own.\n");
  return text;
}

// The exit status, if the program is to end here.
std::optional<int> Parse(int argc, char** argv, Options& options) {
  CLI::App app(Description(), "bench");
  CLI::Option* const rounds =
      app.add_option("--rounds", options.rounds, "Turns of each contestant");
  CLI::Option* const seconds =
      app.add_option("--seconds", options.seconds, "How long a turn takes");
  for (CLI::Option* const option : {rounds, seconds}) {
    option->capture_default_str()->check(CLI::PositiveNumber);
  }
  app.add_option("--widths", options.widths, "How many call at once")
      ->capture_default_str()
      ->delimiter(',')
      ->check(CLI::Range(1, 1000));
  app.add_option("--only", options.only,
                 "These contests and contestants, and no others")
      ->delimiter(',');
  app.add_option("--json", options.json,
                 "File for the results, with the figures of each round")
      ->take_last();
  app.add_option("--disk", options.disk,
                 "Folder on a disk, where etcd keeps its data")
      ->take_last()
      ->capture_default_str()
      ->check(CLI::ExistingDirectory);
  app.add_flag("--builds", options.builds,
               "Servers of several builds, which ./dev bench builds makes");
  app.add_flag("--quick", options.quick,
               "Under 3 minutes: 5 rounds of 0.2 s unless said otherwise");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  if (options.quick && rounds->count() == 0) options.rounds = 5;
  if (options.quick && seconds->count() == 0) options.seconds = 0.2;
  return std::nullopt;
}

std::set<Peer> PeersOf(const std::vector<Contest>& contests) {
  std::set<Peer> peers;
  for (const Contest& contest : contests) {
    for (const Contestant& contestant : contest.contestants) {
      peers.insert(contestant.server);
    }
  }
  return peers;
}

// Says who cannot take part, and goes on without.
std::vector<Contest> WithoutMissing(std::vector<Contest> contests,
                                    std::vector<std::string>& reasons) {
  std::vector<Peer> missing;
  for (const Peer peer : PeersOf(contests)) {
    const std::string why = WhyMissing(peer);
    if (why.empty()) continue;
    missing.push_back(peer);
    for (const Contest& contest : contests) {
      for (const Contestant& contestant : contest.contestants) {
        if (contestant.server != peer) continue;
        reasons.push_back(absl::StrCat(contestant.name, ": ", why));
        std::fprintf(stderr, "bench: left out %s\n", reasons.back().c_str());
      }
    }
  }
  return WithServers(std::move(contests), missing);
}

Result Run(const Contest& contest, int width,
           const std::map<Peer, Process>& servers, const Options& options) {
  const absl::Duration time = absl::Seconds(options.seconds);
  Result result{contest.name, width, {}, contest.comparisons};
  std::vector<Callers> callers;
  for (const Contestant& contestant : contest.contestants) {
    const Process& server = servers.at(contestant.server);
    callers.push_back(contestant.open(server.address, width));
    result.turns.emplace_back(contestant.name, Turns());
    Measure(callers.back(), {server.id}, kRunUp, time);  // warms up
  }
  for (int round = 1; round <= options.rounds; ++round) {
    std::fprintf(stderr, "bench: %s, %d at once: round %d of %d\n",
                 contest.name.c_str(), width, round, options.rounds);
    for (std::size_t i = 0; i < callers.size(); ++i) {
      const pid_t server = servers.at(contest.contestants[i].server).id;
      result.turns[i].second.push_back(
          Measure(callers[i], {server}, kRunUp, time));
    }
  }
  return result;
}

// What the figures depend on.
nlohmann::json Circumstances(const Options& options,
                             const std::vector<std::string>& left_out) {
  utsname system{};
  uname(&system);
  return {{"time", absl::FormatTime(absl::Now(), absl::UTCTimeZone())},
          {"cores", std::thread::hardware_concurrency()},
          {"kernel", absl::StrCat(system.sysname, " ", system.release)},
          {"architecture", system.machine},
          {"grpc", grpc::Version()},
          {"rounds", options.rounds},
          {"seconds", options.seconds},
          {"left_out", left_out}};
}

int Main(int argc, char** argv) {
  Options options;
  const std::optional<int> ended = Parse(argc, argv, options);
  if (ended.has_value()) return *ended;
  std::vector<std::string> left_out;
  const std::vector<Contest> all =
      options.builds ? std::vector<Contest>{Builds()} : AllContests();
  const std::vector<Contest> contests =
      WithoutMissing(Selected(all, options.only), left_out);
  if (contests.empty()) {
    std::fprintf(stderr, "bench: nobody is left to take part\n");
    return 1;
  }
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  // Before gRPC has begun anything here.
  const Scratch memory("/dev/shm");
  const Scratch disk(options.disk);
  std::map<Peer, Process> servers;
  for (const Peer peer : PeersOf(contests)) {
    servers[peer] = Start(peer, {memory, disk});
  }
  nlohmann::json json = {{"circumstances", Circumstances(options, left_out)},
                         {"results", nlohmann::json::array()}};
  PrintHead();
  for (const Contest& contest : contests) {
    for (const int width : options.widths) {
      const Result result = Run(contest, width, servers, options);
      Print(result);
      json["results"].push_back(ToJson(result));
    }
  }
  if (options.json.empty()) return 0;
  std::ofstream file(options.json);
  file << json.dump(1) << '\n';
  if (file.good()) return 0;
  std::fprintf(stderr, "bench: cannot write %s\n", options.json.c_str());
  return 1;
}

}  // namespace
}  // namespace anteroom::bench

int main(int argc, char** argv) { return anteroom::bench::Main(argc, argv); }
