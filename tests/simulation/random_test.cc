// Thousands of random worlds. A failure names its seed; to look at that one:
//   ANTEROOM_SEED=4711 simulation_random_test
// ANTEROOM_SEEDS=100000 runs that many.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "gtest/gtest.h"
#include "tests/simulation/random_world.h"

namespace anteroom::lifecycle {
namespace {

std::uint64_t FromEnvironment(const char* name, std::uint64_t otherwise) {
  const char* const value = std::getenv(name);
  return value == nullptr ? otherwise : std::stoull(value);
}

TEST(SimulationTest, EveryRandomWorldKeepsTheGuarantees) {
  const std::uint64_t first = FromEnvironment("ANTEROOM_SEED", 1);
  const std::uint64_t count =
      FromEnvironment("ANTEROOM_SEEDS", first == 1 ? 5000 : 1);
  for (std::uint64_t seed = first; seed < first + count; ++seed) {
    RandomWorld world(seed);
    ASSERT_TRUE(world.Run()) << "ANTEROOM_SEED=" << seed;
  }
}

}  // namespace
}  // namespace anteroom::lifecycle
