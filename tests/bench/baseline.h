// Counts of instructions beside those of before.
#ifndef ANTEROOM_TESTS_BENCH_BASELINE_H_
#define ANTEROOM_TESTS_BENCH_BASELINE_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace anteroom::bench {

// Instructions of a call, by contestant.
using Counts = std::map<std::string, std::int64_t>;

struct Baseline {
  std::string made_with;  // what the counts depend on
  Counts counts;
};

// As JSON, in a file. nullopt if there is no such thing in it.
std::optional<Baseline> ReadBaseline(const std::string& file);
// False if it cannot be written.
bool WriteBaseline(const std::string& file, const Baseline& baseline);

enum class Verdict {
  kWithin,
  kAbove,      // exceeds its baseline by more than is tolerated
  kBelow,      // lies below it by more than that: the baseline is out of date
  kNew,        // has no baseline
  kUncounted,  // has only a baseline
};

struct Compared {
  std::string name;
  std::int64_t count = 0;     // 0: kUncounted
  std::int64_t baseline = 0;  // 0: kNew
  double percent = 0;         // of the baseline, by which the count exceeds it
  Verdict verdict = Verdict::kWithin;
};

// All who have a count or a baseline, by name. REQUIRES: all of these are
// positive.
std::vector<Compared> Compare(const Counts& counts, const Counts& baseline,
                              double tolerated_percent);

// Whether that is no reason to fail.
bool Passes(Verdict verdict);

}  // namespace anteroom::bench

#endif  // ANTEROOM_TESTS_BENCH_BASELINE_H_
