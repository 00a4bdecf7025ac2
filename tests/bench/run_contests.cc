#include "tests/bench/run_contests.h"

#include <sys/utsname.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "grpcpp/grpcpp.h"
#include "nlohmann/json.hpp"
#include "tests/bench/measure.h"
#include "tests/bench/peers.h"
#include "tests/bench/posting.h"
#include "tests/bench/process.h"
#include "tests/bench/scratch.h"

namespace anteroom::bench {
namespace {

constexpr absl::Duration kRunUp = absl::Milliseconds(100);

using Servers = std::map<Peer, Process>;
using TakeTurn = std::function<Turn()>;

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

// Of a contestant, by whatever client makes its calls.
TakeTurn TurnsOf(const Contestant& contestant, const Process& server, int width,
                 absl::Duration time, const Scratch& memory) {
  if (contestant.post != nullptr) {
    const auto posting = std::make_shared<Posting>(
        server, contestant.post(server.address), width,
        absl::StrCat(memory.path(), "/", contestant.name));
    return [posting, time] { return posting->TakeTurn(kRunUp, time); };
  }
  const auto callers =
      std::make_shared<const Callers>(contestant.open(server.address, width));
  return [callers, server, time] {
    return Measure(*callers, {server.id}, kRunUp, time);
  };
}

Result Run(const Contest& contest, int width, const Servers& servers,
           const Options& options, const Scratch& memory) {
  Result result{contest.name, width, {}, contest.comparisons};
  std::vector<TakeTurn> contestants;
  for (const Contestant& contestant : contest.contestants) {
    contestants.push_back(TurnsOf(contestant, servers.at(contestant.server),
                                  width, absl::Seconds(options.seconds),
                                  memory));
    result.turns.emplace_back(contestant.name, Turns());
    contestants.back()();  // warms up
  }
  for (int round = 1; round <= options.rounds; ++round) {
    std::fprintf(stderr, "bench: %s, %d at once: round %d of %d\n",
                 contest.name.c_str(), width, round, options.rounds);
    for (std::size_t i = 0; i < contestants.size(); ++i) {
      result.turns[i].second.push_back(contestants[i]());
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

}  // namespace

void AddOptions(CLI::App& app, Options& options) {
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
  app.add_flag("--quick", options.quick,
               "Under 3 minutes: 5 rounds of 0.2 s unless said otherwise");
  app.parse_complete_callback([&options, rounds, seconds] {
    if (options.quick && rounds->count() == 0) options.rounds = 5;
    if (options.quick && seconds->count() == 0) options.seconds = 0.2;
  });
}

std::string Description(const Contest& contest) {
  std::string text = absl::StrCat("  ", contest.name, "\n");
  for (const Contestant& contestant : contest.contestants) {
    absl::StrAppendFormat(&text, "    %-18s %s\n", contestant.name,
                          contestant.does);
  }
  return text;
}

int RunContests(const std::vector<Contest>& all, Figures figures,
                const Options& options) {
  std::vector<std::string> left_out;
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
  Servers servers;
  for (const Peer peer : PeersOf(contests)) {
    servers[peer] = Start(peer, {memory, disk});
  }
  nlohmann::json json = {{"circumstances", Circumstances(options, left_out)},
                         {"results", nlohmann::json::array()}};
  PrintHead(figures);
  for (const Contest& contest : contests) {
    for (const int width : options.widths) {
      const Result result = Run(contest, width, servers, options, memory);
      Print(result, figures);
      json["results"].push_back(ToJson(result, figures));
    }
  }
  if (options.json.empty()) return 0;
  std::ofstream file(options.json);
  file << json.dump(1) << '\n';
  if (file.good()) return 0;
  std::fprintf(stderr, "bench: cannot write %s\n", options.json.c_str());
  return 1;
}

}  // namespace anteroom::bench
