#include "server/coro/random.h"

#include <cstdint>
#include <set>
#include <thread>
#include <vector>

#include "gtest/gtest.h"

namespace anteroom::coro {
namespace {

// Many more than are fetched at once.
constexpr int kMany = 1000;

std::vector<std::uint64_t> Draw(Random& random) {
  std::vector<std::uint64_t> drawn(kMany);
  for (std::uint64_t& bits : drawn) bits = random.Next();
  return drawn;
}

// Two of 64 uniform bits are alike in one of 10^13 runs.
TEST(SystemRandomTest, NothingIsGivenOutTwice) {
  SystemRandom random;
  std::vector<std::uint64_t> other;
  std::thread thread([&] { other = Draw(random); });
  const std::vector<std::uint64_t> drawn = Draw(random);
  thread.join();
  std::set<std::uint64_t> all(drawn.begin(), drawn.end());
  all.insert(other.begin(), other.end());
  EXPECT_EQ(all.size(), 2 * kMany);
}

// Of 1000 draws, each bit is set in some and clear in others.
TEST(SystemRandomTest, EveryBitIsRandom) {
  SystemRandom random;
  std::uint64_t ever_set = 0;
  std::uint64_t ever_clear = 0;
  for (const std::uint64_t bits : Draw(random)) {
    ever_set |= bits;
    ever_clear |= ~bits;
  }
  EXPECT_EQ(ever_set, ~std::uint64_t{0});
  EXPECT_EQ(ever_clear, ~std::uint64_t{0});
}

}  // namespace
}  // namespace anteroom::coro
