#include "server/lifecycle/backoff.h"

#include <cstdint>
#include <limits>

#include "absl/time/time.h"
#include "gtest/gtest.h"

namespace anteroom::lifecycle {
namespace {

// Always the same number.
class Constant : public coro::Random {
 public:
  explicit Constant(std::uint64_t value) : value_(value) {}
  std::uint64_t Next() override { return value_; }

 private:
  const std::uint64_t value_;
};

constexpr std::uint64_t kMost = std::numeric_limits<std::uint64_t>::max();

absl::Duration Longest(int failures) {
  Constant most(kMost);
  return BackoffAfter(failures, absl::Seconds(1), absl::Seconds(10), most);
}
absl::Duration Shortest(int failures) {
  Constant least(0);
  return BackoffAfter(failures, absl::Seconds(1), absl::Seconds(10), least);
}

TEST(BackoffTest, ItDoublesUpToItsMaximum) {
  const absl::Duration nearly = absl::Microseconds(1);
  EXPECT_LE(absl::Seconds(1) - Longest(1), nearly);
  EXPECT_LE(absl::Seconds(2) - Longest(2), nearly);
  EXPECT_LE(absl::Seconds(8) - Longest(4), nearly);
  EXPECT_LE(absl::Seconds(10) - Longest(5), nearly);
  EXPECT_LE(absl::Seconds(10) - Longest(std::numeric_limits<int>::max()),
            nearly);
}

TEST(BackoffTest, HalfOfItIsRandom) {
  EXPECT_EQ(Shortest(1), absl::Milliseconds(500));
  EXPECT_EQ(Shortest(5), absl::Seconds(5));
  EXPECT_LE(Longest(5), absl::Seconds(10));
}

TEST(BackoffTest, NoneIsNone) {
  Constant most(kMost);
  EXPECT_EQ(BackoffAfter(7, absl::ZeroDuration(), absl::Seconds(1), most),
            absl::ZeroDuration());
}

TEST(BackoffTest, AMaximumBelowTheStartBoundsItFromTheStart) {
  Constant most(kMost);
  EXPECT_LE(BackoffAfter(1, absl::Seconds(9), absl::Seconds(2), most),
            absl::Seconds(2));
}

}  // namespace
}  // namespace anteroom::lifecycle
