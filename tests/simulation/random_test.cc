// Some hundred random worlds; simulate runs as many as one likes. A failure
// names its seed; to look at that one:
//   simulate --first=4711 --seeds=1
#include <cstdint>

#include "gtest/gtest.h"
#include "tests/simulation/random_world.h"

namespace anteroom::lifecycle {
namespace {

TEST(SimulationTest, EveryRandomWorldKeepsTheGuarantees) {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    const WorldReport report = RunRandomWorld(seed);
    ASSERT_EQ(report.violation, "");
  }
}

TEST(SimulationTest, TheSameSeedTellsTheSameStory) {
  for (std::uint64_t seed = 1000; seed < 1010; ++seed) {
    const WorldReport once = RunRandomWorld(seed);
    const WorldReport again = RunRandomWorld(seed);
    EXPECT_EQ(once.hash, again.hash) << "seed " << seed;
    EXPECT_NE(once.hash, RunRandomWorld(seed + 1).hash) << "seed " << seed;
  }
}

TEST(SimulationTest, AWorldGoesItsWayWithNobodyWatching) {
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    const WorldReport report = RunRandomWorld(seed, /*checks=*/false);
    ASSERT_EQ(report.violation, "");
    EXPECT_GT(report.granted, 0) << "seed " << seed;
  }
}

}  // namespace
}  // namespace anteroom::lifecycle
