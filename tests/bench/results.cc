#include "tests/bench/results.h"

#include <algorithm>
#include <cstdio>

#include "absl/strings/str_cat.h"
#include "server/coro/check.h"

namespace anteroom::bench {
namespace {

const Turns& TurnsOf(const Result& result, const std::string& contestant) {
  const auto found = std::find_if(
      result.turns.begin(), result.turns.end(),
      [&contestant](const auto& turns) { return turns.first == contestant; });
  ANTEROOM_CHECK(found != result.turns.end());
  return found->second;
}

nlohmann::json ToJson(const Series& series) {
  return {{"median", Median(series)}, {"rounds", series}};
}

}  // namespace

Series Ratios(const Result& result, const Comparison& comparison,
              double Turn::* figure) {
  return Quotients(SeriesOf(TurnsOf(result, comparison.subject), figure),
                   SeriesOf(TurnsOf(result, comparison.reference), figure));
}

void PrintHead(Figures figures) {
  std::printf("%-36s", "");
  for (const Figure& figure : figures) std::printf(" %10s", figure.heading);
  std::printf("\n");
}

void Print(const Result& result, Figures figures) {
  std::printf("%s, %d at once\n", result.contest.c_str(), result.width);
  for (const auto& [contestant, turns] : result.turns) {
    std::printf("  %-34s", contestant.c_str());
    for (const Figure& figure : figures) {
      const double median = Median(SeriesOf(turns, figure.of));
      std::printf(" %10.*f", median >= 1000 ? 0 : figure.decimals, median);
    }
    std::printf("\n");
  }
  for (const Comparison& comparison : result.comparisons) {
    const std::string title =
        absl::StrCat(comparison.subject, " : ", comparison.reference);
    std::printf("    %-32s", title.c_str());
    for (const Figure& figure : figures) {
      std::printf(" %10.2f", Median(Ratios(result, comparison, figure.of)));
    }
    std::printf("\n");
  }
  std::fflush(stdout);
}

nlohmann::json ToJson(const Result& result, Figures figures) {
  nlohmann::json json = {{"contest", result.contest},
                         {"width", result.width},
                         {"contestants", nlohmann::json::array()},
                         {"comparisons", nlohmann::json::array()}};
  for (const auto& [contestant, turns] : result.turns) {
    nlohmann::json entry = {{"name", contestant}};
    for (const Figure& figure : figures) {
      entry[figure.name] = ToJson(SeriesOf(turns, figure.of));
    }
    json["contestants"].push_back(std::move(entry));
  }
  for (const Comparison& comparison : result.comparisons) {
    nlohmann::json entry = {{"subject", comparison.subject},
                            {"reference", comparison.reference}};
    for (const Figure& figure : figures) {
      entry[figure.name] = ToJson(Ratios(result, comparison, figure.of));
    }
    json["comparisons"].push_back(std::move(entry));
  }
  return json;
}

}  // namespace anteroom::bench
