#include "tests/bench/baseline.h"

#include <fstream>
#include <utility>

#include "nlohmann/json.hpp"

namespace anteroom::bench {
namespace {

Verdict VerdictOn(double percent, double tolerated_percent) {
  if (percent > tolerated_percent) return Verdict::kAbove;
  if (percent < -tolerated_percent) return Verdict::kBelow;
  return Verdict::kWithin;
}

}  // namespace

std::optional<Baseline> ReadBaseline(const std::string& file) {
  try {
    const auto json = nlohmann::json::parse(std::ifstream(file));
    return Baseline{json.at("made_with").get<std::string>(),
                    json.at("counts").get<Counts>()};
  } catch (const nlohmann::json::exception&) {
    return std::nullopt;
  }
}

bool WriteBaseline(const std::string& file, const Baseline& baseline) {
  std::ofstream stream(file);
  stream << nlohmann::json{{"made_with", baseline.made_with},
                           {"counts", baseline.counts}}
                .dump(2)
         << std::endl;
  return stream.good();
}

std::vector<Compared> Compare(const Counts& counts, const Counts& baseline,
                              double tolerated_percent) {
  std::map<std::string, Compared> all;
  for (const auto& [name, count] : baseline) {
    all[name] = {name, 0, count, 0, Verdict::kUncounted};
  }
  for (const auto& [name, count] : counts) {
    Compared& compared = all[name];
    compared.name = name;
    compared.count = count;
    if (compared.baseline == 0) {
      compared.verdict = Verdict::kNew;
      continue;
    }
    const auto before = static_cast<double>(compared.baseline);
    compared.percent = (static_cast<double>(count) - before) / before * 100;
    compared.verdict = VerdictOn(compared.percent, tolerated_percent);
  }
  std::vector<Compared> result;
  for (auto& [name, compared] : all) result.push_back(std::move(compared));
  return result;
}

bool Passes(Verdict verdict) {
  return verdict == Verdict::kWithin || verdict == Verdict::kBelow;
}

}  // namespace anteroom::bench
