// What was measured of growth, and how it is shown.
#ifndef ANTEROOM_TESTS_BENCH_GROWTH_REPORT_H_
#define ANTEROOM_TESTS_BENCH_GROWTH_REPORT_H_

#include <string>
#include <vector>

#include "nlohmann/json.hpp"
#include "tests/bench/growth/ladder.h"
#include "tests/bench/statistics.h"

namespace anteroom::bench {

// Of one kind of thing that a server holds many of.
struct Grown {
  std::string name;
  std::string does;
  Ladder ladder;
};

// What a figure is to be at most.
struct Promise {
  std::string what;
  double most = 0;
  Series rounds;
};

// Tables on stdout. A growth that is more than it may be is marked.
void Print(const Grown& grown);
void Print(const std::vector<Promise>& promises);

nlohmann::json ToJson(const Grown& grown);
nlohmann::json ToJson(const Promise& promise);

}  // namespace anteroom::bench

#endif  // ANTEROOM_TESTS_BENCH_GROWTH_REPORT_H_
