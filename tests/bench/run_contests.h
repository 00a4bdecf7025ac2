// What the programs of contests have in common: their options, and the contests
// themselves, contestants taking turns (A B A B ...), each against a server
// process of its own.
//
// Neither the servers nor the clients are pinned to cores: on a machine of few
// they share them, as a user's would. Servers that do not have their turn are
// alive, and idle.
#ifndef ANTEROOM_TESTS_BENCH_RUN_CONTESTS_H_
#define ANTEROOM_TESTS_BENCH_RUN_CONTESTS_H_

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "tests/bench/contests.h"
#include "tests/bench/results.h"

namespace anteroom::bench {

struct Options {
  int rounds = 9;
  double seconds = 1;
  std::vector<int> widths = {1, 16, 64, 256};
  std::vector<std::string> only;
  std::string json;
  std::string disk = "/dev/shm";  // where servers put what belongs on a disk
  bool quick = false;
};

// All but the disk. What `options` says by then is what holds unless the user
// says otherwise. REQUIRES: `options` outlives the app.
void AddOptions(CLI::App& app, Options& options);

// What a call of each contestant is.
std::string Description(const Contest& contest);

// Prints these figures of those contests that `options` names, and says who
// cannot take part. The program's exit status. REQUIRES: gRPC has begun nothing
// yet.
int RunContests(const std::vector<Contest>& all, Figures figures,
                const Options& options);

}  // namespace anteroom::bench

#endif  // ANTEROOM_TESTS_BENCH_RUN_CONTESTS_H_
