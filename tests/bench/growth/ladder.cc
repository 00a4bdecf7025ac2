#include "tests/bench/growth/ladder.h"

#include <algorithm>
#include <cmath>

#include "tests/bench/statistics.h"

namespace anteroom::bench {

double MedianOf(const Rung& rung, double Cost::* figure) {
  Series series;
  for (const Cost& cost : rung.rounds) series.push_back(cost.*figure);
  return Median(series);
}

std::optional<double> GrowthOf(const Ladder& ladder, std::size_t rung,
                               double Cost::* figure, int decades) {
  const auto decades_above = [&](std::size_t below) {
    return std::log10(static_cast<double>(ladder[rung].count) /
                      static_cast<double>(ladder[below].count));
  };
  constexpr double kRounding = 1e-9;
  std::size_t below = rung;
  while (below > 0 && decades_above(below) < decades - kRounding) --below;
  if (decades_above(below) < decades - kRounding) return std::nullopt;
  const double now = MedianOf(ladder[rung], figure);
  const double then = MedianOf(ladder[below], figure);
  if (now <= 0 || then <= 0) return std::nullopt;
  return std::pow(now / then, 1 / decades_above(below));
}

bool IsSuperlinear(const Ladder& ladder, std::size_t rung,
                   const CostFigure& figure) {
  return GrowthOf(ladder, rung, figure.of, /*decades=*/2).value_or(0) >
         figure.most_growth;
}

double SecondsExpected(const Ladder& ladder, std::int64_t count) {
  if (ladder.empty()) return 0;
  const double decades = std::log10(static_cast<double>(count) /
                                    static_cast<double>(ladder.back().count));
  double nanoseconds = 0;
  for (double Cost::* const time : {&Cost::begin_ns, &Cost::end_ns}) {
    const double growth = GrowthOf(ladder, ladder.size() - 1, time).value_or(1);
    nanoseconds += MedianOf(ladder.back(), time) *
                   std::pow(std::max(growth, 1.0), decades);
  }
  return nanoseconds * static_cast<double>(count) / 1e9;
}

Ladder Difference(const Ladder& subject, const Ladder& reference) {
  Ladder difference;
  for (const Rung& rung : subject) {
    for (const Rung& other : reference) {
      if (other.count != rung.count) continue;
      Cost cost;
      for (const CostFigure& figure : kCostFigures) {
        cost.*figure.of =
            MedianOf(rung, figure.of) - MedianOf(other, figure.of);
      }
      difference.push_back({rung.count, {cost}});
    }
  }
  return difference;
}

}  // namespace anteroom::bench
