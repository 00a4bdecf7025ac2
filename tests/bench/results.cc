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

void PrintHead() {
  std::printf("%-36s %10s %10s %10s %10s %10s %10s\n", "", "calls/s",
              "server us", "client us", "p50 us", "p99 us", "p99.9 us");
}

void Print(const Result& result) {
  std::printf("%s, %d at once\n", result.contest.c_str(), result.width);
  for (const auto& [contestant, turns] : result.turns) {
    std::printf("  %-34s", contestant.c_str());
    for (const Figure& figure : kFigures) {
      const double median = Median(SeriesOf(turns, figure.of));
      const bool is_rate = figure.of == &Turn::calls_a_second;
      std::printf(" %10.*f", is_rate || median >= 1000 ? 0 : 1, median);
    }
    std::printf("\n");
  }
  for (const Comparison& comparison : result.comparisons) {
    const std::string title =
        absl::StrCat(comparison.subject, " : ", comparison.reference);
    std::printf("    %-32s", title.c_str());
    for (const Figure& figure : kFigures) {
      std::printf(" %10.2f", Median(Ratios(result, comparison, figure.of)));
    }
    std::printf("\n");
  }
  std::fflush(stdout);
}

nlohmann::json ToJson(const Result& result) {
  nlohmann::json json = {{"contest", result.contest},
                         {"width", result.width},
                         {"contestants", nlohmann::json::array()},
                         {"comparisons", nlohmann::json::array()}};
  for (const auto& [contestant, turns] : result.turns) {
    nlohmann::json entry = {{"name", contestant}};
    for (const Figure& figure : kFigures) {
      entry[figure.name] = ToJson(SeriesOf(turns, figure.of));
    }
    json["contestants"].push_back(std::move(entry));
  }
  for (const Comparison& comparison : result.comparisons) {
    nlohmann::json entry = {{"subject", comparison.subject},
                            {"reference", comparison.reference}};
    for (const Figure& figure : kFigures) {
      entry[figure.name] = ToJson(Ratios(result, comparison, figure.of));
    }
    json["comparisons"].push_back(std::move(entry));
  }
  return json;
}

}  // namespace anteroom::bench
