#include "server/lifecycle/small_duration.h"

#include <chrono>
#include <cstdint>
#include <random>

#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "server/coro/clock.h"

namespace anteroom::lifecycle {
namespace {

static_assert(sizeof(SmallDuration) == 4);

absl::Duration Kept(absl::Duration duration) {
  return SmallDuration(duration).value();
}

TEST(SmallDurationTest, WhatPeopleWriteIsKeptAsItIs) {
  EXPECT_EQ(SmallDuration().value(), absl::ZeroDuration());
  for (const absl::Duration duration :
       {absl::ZeroDuration(), absl::Microseconds(1),
        absl::Microseconds(999'999), absl::Milliseconds(1'500),
        absl::Seconds(30), absl::Minutes(10),
        absl::Hours(24) - absl::Milliseconds(1), absl::Hours(24 * 30),
        absl::Hours(24 * 365) + absl::Seconds(1), absl::InfiniteDuration()}) {
    EXPECT_EQ(Kept(duration), duration);
  }
  for (int micros = 0; micros < 1'000; ++micros) {
    EXPECT_EQ(Kept(absl::Microseconds(micros)), absl::Microseconds(micros));
  }
}

TEST(SmallDurationTest, OthersAreRoundedUpByALittle) {
  EXPECT_EQ(Kept(absl::Nanoseconds(1)), absl::Microseconds(1));
  EXPECT_EQ(Kept(absl::Seconds(1) + absl::Nanoseconds(1)),
            absl::Seconds(1) + absl::Microseconds(1));
  std::mt19937_64 random(1);
  for (int i = 0; i < 100'000; ++i) {
    const absl::Duration duration = absl::Nanoseconds(
        static_cast<std::int64_t>(random() >> random() % 62 >> 1));
    const absl::Duration kept = Kept(duration);
    ASSERT_GE(kept, duration);
    ASSERT_LE(kept - duration, absl::Microseconds(1) + duration * 4e-8);
    ASSERT_EQ(Kept(kept), kept);
  }
}

TEST(SmallDurationTest, ALongerOneIsNeverKeptAsAShorterOne) {
  absl::Duration before = absl::ZeroDuration();
  for (absl::Duration duration = absl::Microseconds(1);
       duration < absl::Hours(24) * 365 * 100; duration *= 1.01) {
    ASSERT_GE(Kept(duration), before);
    before = Kept(duration);
  }
}

TEST(SmallDurationTest, WhatIsBelowNoneIsNoneAndWhatIsTooLongIsInfinite) {
  EXPECT_EQ(Kept(absl::Seconds(-1)), absl::ZeroDuration());
  EXPECT_EQ(Kept(-absl::InfiniteDuration()), absl::ZeroDuration());
  const absl::Duration year = absl::Hours(24) * 365;
  EXPECT_EQ(Kept(year * 80'000), year * 80'000);
  EXPECT_EQ(Kept(year * 90'000), absl::InfiniteDuration());
  EXPECT_EQ(Kept(absl::Microseconds(INT64_MAX)), absl::InfiniteDuration());
}

TEST(SmallDurationTest, AnInstantAfterItIsExactAndSaturates) {
  const coro::Instant now{std::chrono::hours(1)};
  EXPECT_EQ(SmallDuration().After(now), now);
  EXPECT_EQ(SmallDuration(absl::Seconds(30)).After(now),
            now + std::chrono::seconds(30));
  EXPECT_EQ(SmallDuration(absl::Seconds(30)).After(coro::Instant::min()),
            coro::Instant::min() + std::chrono::seconds(30));
  for (const absl::Duration endless :
       {absl::InfiniteDuration(), absl::Hours(24) * 365 * 300}) {
    EXPECT_EQ(SmallDuration(endless).After(now), coro::kNever);
    EXPECT_EQ(SmallDuration(endless).After(coro::kNever), coro::kNever);
  }
  EXPECT_EQ(SmallDuration(absl::Microseconds(1)).After(coro::kNever),
            coro::kNever);
}

}  // namespace
}  // namespace anteroom::lifecycle
