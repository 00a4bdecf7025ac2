// What was measured, and how it is shown.
#ifndef ANTEROOM_TESTS_BENCH_RESULTS_H_
#define ANTEROOM_TESTS_BENCH_RESULTS_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "nlohmann/json.hpp"
#include "tests/bench/contests.h"
#include "tests/bench/measure.h"
#include "tests/bench/statistics.h"

namespace anteroom::bench {

// A figure of a turn has a name in files of results, and another in tables.
struct Figure {
  const char* name;
  const char* heading;
  int decimals;
  double Turn::* of;
};
using Figures = absl::Span<const Figure>;

// Of a contest with so many callers at once.
struct Result {
  std::string contest;
  int width = 0;
  // By contestant, in the order in which they took turns.
  std::vector<std::pair<std::string, Turns>> turns;
  std::vector<Comparison> comparisons;
};

// A figure of the subject by that of the reference, round by round.
Series Ratios(const Result& result, const Comparison& comparison,
              double Turn::* figure);

// The table on stdout: its head, and a part of it. Medians of all rounds;
// ratios are the medians of those within a round.
void PrintHead(Figures figures);
void Print(const Result& result, Figures figures);

// The same, with each round.
nlohmann::json ToJson(const Result& result, Figures figures);

}  // namespace anteroom::bench

#endif  // ANTEROOM_TESTS_BENCH_RESULTS_H_
