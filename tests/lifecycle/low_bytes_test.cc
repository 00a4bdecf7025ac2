#include "server/lifecycle/low_bytes.h"

#include <cstdint>

#include "gtest/gtest.h"

namespace anteroom::lifecycle {
namespace {

static_assert(sizeof(LowBytes<5>) == 5 && alignof(LowBytes<5>) == 1);

constexpr std::int64_t kHalf = std::int64_t{1} << 15;  // of what two bytes tell

TEST(LowBytesTest, ACountIsKnownToWhoeverIsNearIt) {
  for (const std::int64_t count :
       {std::int64_t{0}, std::int64_t{1}, std::int64_t{-1}, 0x12345678ffff,
        0x123456780000, -0x7fffffffffff}) {
    const LowBytes<2> kept(count);
    for (const std::int64_t away :
         {std::int64_t{0}, std::int64_t{1}, kHalf - 1, kHalf}) {
      EXPECT_EQ(kept.Near(count + away), count) << count << " + " << away;
    }
    EXPECT_EQ(kept.Near(count - 1), count);
    EXPECT_EQ(kept.Near(count - kHalf + 1), count);
  }
}

TEST(LowBytesTest, FartherAwayItIsTakenForAnother) {
  const LowBytes<2> kept(5);
  EXPECT_EQ(kept.Near(5 + kHalf + 1), 5 + 2 * kHalf);
  EXPECT_EQ(kept.Near(5 - kHalf), 5 - 2 * kHalf);
}

TEST(LowBytesTest, TheLowBitsAreThoseOfTheCount) {
  EXPECT_EQ(LowBytes<6>(0x123456789abcdef0).low(), 0x56789abcdef0u);
  EXPECT_EQ(LowBytes<6>(-1).low(), 0xffffffffffffu);
}

}  // namespace
}  // namespace anteroom::lifecycle
