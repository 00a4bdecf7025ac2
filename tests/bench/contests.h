// Who is measured against whom.
#ifndef ANTEROOM_TESTS_BENCH_CONTESTS_H_
#define ANTEROOM_TESTS_BENCH_CONTESTS_H_

#include <string>
#include <vector>

#include "tests/bench/closed_loop.h"
#include "tests/bench/peers.h"
#include "tests/bench/posts.h"

namespace anteroom::bench {

struct Contestant {
  std::string name;
  std::string does;  // a call of it
  Peer server;
  // So many callers of the server at `address`, ready to call.
  Callers (*open)(const std::string& address, int width);
  // The same call for h2load, which then makes it instead of them.
  Post (*post)(const std::string& address) = nullptr;
};

// Its figures by those of another, as ratios.
struct Comparison {
  std::string subject;
  std::string reference;
};

// Contestants that take turns with each other.
struct Contest {
  std::string name;
  std::vector<Contestant> contestants;
  std::vector<Comparison> comparisons;
};

std::vector<Contest> AllContests();
// Servers of several builds, which are programs of their own.
Contest Builds();
// Those of AllContests() whose limit is the client, by a cheaper one.
Contest Ceilings();

// Without what `only` does not name: contests, with all who take part, or
// single contestants. Everything if it names nothing. Ends the program (status
// 2) where it names what there is not.
std::vector<Contest> Selected(std::vector<Contest> contests,
                              const std::vector<std::string>& only);
// Without those whose server there is not, nor the comparisons with them.
std::vector<Contest> WithServers(std::vector<Contest> contests,
                                 const std::vector<Peer>& missing);

}  // namespace anteroom::bench

#endif  // ANTEROOM_TESTS_BENCH_CONTESTS_H_
