// Ladder: what one of many costs, for more and more of them.
//
// Thread safety: free functions on values.
#ifndef ANTEROOM_TESTS_BENCH_GROWTH_LADDER_H_
#define ANTEROOM_TESTS_BENCH_GROWTH_LADDER_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace anteroom::bench {

// Of one of them.
struct Cost {
  double begin_ns = 0;  // processor time to begin it
  double end_ns = 0;    // and to end it
  double bytes = 0;     // allocated for it in between
  double resident = 0;  // by how much the process grew
};

// A figure has a name, in tables and in files of results, and may grow so many
// times while they become ten times as many.
struct CostFigure {
  const char* name;
  double Cost::* of;
  double most_growth;
};
inline constexpr CostFigure kCostFigures[] = {
    {"begin_ns", &Cost::begin_ns, 2.5},
    {"end_ns", &Cost::end_ns, 2.5},
    {"bytes", &Cost::bytes, 1.5},
    {"resident", &Cost::resident, 1.5},
};

struct Rung {
  std::int64_t count = 0;
  std::vector<Cost> rounds;
};

// More and more of them.
using Ladder = std::vector<Rung>;

// The median of the rounds. REQUIRES: there is one.
double MedianOf(const Rung& rung, double Cost::* figure);

// By how much ten times as many make a figure grow: as a mean of the `decades`
// before that rung. Of the last rung that is so far below, which may be further
// down. Nothing if there is none.
std::optional<double> GrowthOf(const Ladder& ladder, std::size_t rung,
                               double Cost::* figure, int decades = 1);

// Whether it grows more than it may, over two decades: within one, caches come
// to an end.
bool IsSuperlinear(const Ladder& ladder, std::size_t rung,
                   const CostFigure& figure);

// How long it would take to begin and end `count`, if time goes on to grow as
// it does up to the last rung.
double SecondsExpected(const Ladder& ladder, std::int64_t count);

// What `subject` costs more than `reference`, where both have the rung; by
// medians.
Ladder Difference(const Ladder& subject, const Ladder& reference);

}  // namespace anteroom::bench

#endif  // ANTEROOM_TESTS_BENCH_GROWTH_LADDER_H_
