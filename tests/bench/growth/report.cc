#include "tests/bench/growth/report.h"

#include <cstddef>
#include <cstdio>

#include "absl/strings/str_format.h"

namespace anteroom::bench {
namespace {

// 0: it was not measured.
std::string ShownFigure(double median) {
  if (median == 0) return "-";
  return absl::StrFormat("%.*f", median < 100 ? 1 : 0, median);
}

std::string ShownGrowth(const Ladder& ladder, std::size_t rung,
                        const CostFigure& figure) {
  const auto growth = GrowthOf(ladder, rung, figure.of);
  if (!growth.has_value()) return "";
  return absl::StrFormat("x %.2f%s", *growth,
                         IsSuperlinear(ladder, rung, figure) ? " !" : "");
}

}  // namespace

void Print(const Grown& grown) {
  absl::PrintF("\n%s: %s\n%10s", grown.name, grown.does, "count");
  for (const CostFigure& figure : kCostFigures) {
    absl::PrintF(" %12s %-9s", figure.name, "");
  }
  for (std::size_t rung = 0; rung < grown.ladder.size(); ++rung) {
    absl::PrintF("\n%10d", grown.ladder[rung].count);
    for (const CostFigure& figure : kCostFigures) {
      absl::PrintF(" %12s %-9s",
                   ShownFigure(MedianOf(grown.ladder[rung], figure.of)),
                   ShownGrowth(grown.ladder, rung, figure));
    }
  }
  absl::PrintF("\n");
  std::fflush(stdout);
}

void Print(const std::vector<Promise>& promises) {
  absl::PrintF("\n%-58s %12s %10s\n", "promised", "measured", "at most");
  for (const Promise& promise : promises) {
    const double measured = Median(promise.rounds);
    absl::PrintF("%-58s %12.*f %10g%s\n", promise.what, measured < 10 ? 3 : 0,
                 measured, promise.most,
                 measured > promise.most ? "  MISSED" : "");
  }
}

nlohmann::json ToJson(const Grown& grown) {
  nlohmann::json json = {{"name", grown.name},
                         {"does", grown.does},
                         {"rungs", nlohmann::json::array()}};
  for (std::size_t rung = 0; rung < grown.ladder.size(); ++rung) {
    nlohmann::json entry = {{"count", grown.ladder[rung].count}};
    for (const CostFigure& figure : kCostFigures) {
      Series rounds;
      for (const Cost& cost : grown.ladder[rung].rounds) {
        rounds.push_back(cost.*figure.of);
      }
      nlohmann::json& shown = entry[figure.name];
      shown = {{"median", Median(rounds)}, {"rounds", rounds}};
      const auto growth = GrowthOf(grown.ladder, rung, figure.of);
      if (!growth.has_value()) continue;
      shown["growth"] = *growth;
      shown["superlinear"] = IsSuperlinear(grown.ladder, rung, figure);
    }
    json["rungs"].push_back(std::move(entry));
  }
  return json;
}

nlohmann::json ToJson(const Promise& promise) {
  return {{"what", promise.what},
          {"at_most", promise.most},
          {"median", Median(promise.rounds)},
          {"rounds", promise.rounds}};
}

}  // namespace anteroom::bench
