#include "server/lifecycle/breaker.h"

#include "absl/time/time.h"
#include "gtest/gtest.h"

namespace anteroom::lifecycle {
namespace {

class BreakerTest : public ::testing::Test {
 protected:
  void Pass(absl::Duration time) { now_ = coro::After(now_, time); }
  // One init that fails at once.
  void FailOnce(Breaker& breaker) {
    ASSERT_TRUE(breaker.Allows(now_));
    const std::uint64_t probe = breaker.Began();
    breaker.Failed(now_, probe);
  }

  coro::Instant now_{std::chrono::hours(1)};
};

TEST_F(BreakerTest, ZeroFailuresMeansThatItNeverOpens) {
  Breaker breaker(0, absl::Seconds(30));
  for (int i = 0; i < 100; ++i) FailOnce(breaker);
  EXPECT_TRUE(breaker.Allows(now_));
}

TEST_F(BreakerTest, FailuresInARowOpenIt) {
  Breaker breaker(3, absl::Seconds(30));
  FailOnce(breaker);
  FailOnce(breaker);
  EXPECT_TRUE(breaker.Allows(now_));
  FailOnce(breaker);
  EXPECT_FALSE(breaker.Allows(now_));
  EXPECT_EQ(breaker.retry_at(), coro::After(now_, absl::Seconds(30)));
}

TEST_F(BreakerTest, ASuccessBetweenThemStartsTheCountAnew) {
  Breaker breaker(2, absl::Seconds(30));
  FailOnce(breaker);
  breaker.Began();
  breaker.Succeeded();
  FailOnce(breaker);
  EXPECT_TRUE(breaker.Allows(now_));
}

TEST_F(BreakerTest, HalfOpenItAllowsOne) {
  Breaker breaker(1, absl::Seconds(30));
  FailOnce(breaker);
  Pass(absl::Seconds(30) - absl::Nanoseconds(1));
  EXPECT_FALSE(breaker.Allows(now_));
  Pass(absl::Nanoseconds(1));
  EXPECT_TRUE(breaker.Allows(now_));
  EXPECT_TRUE(breaker.Began());
  EXPECT_FALSE(breaker.Allows(now_));
}

TEST_F(BreakerTest, TheProbesSuccessClosesItAndItsFailureOpensItAgain) {
  Breaker breaker(1, absl::Seconds(30));
  FailOnce(breaker);
  Pass(absl::Seconds(30));
  FailOnce(breaker);
  EXPECT_FALSE(breaker.Allows(now_));
  Pass(absl::Seconds(30));
  ASSERT_TRUE(breaker.Began());
  breaker.Succeeded();
  EXPECT_TRUE(breaker.Allows(now_));
  EXPECT_FALSE(breaker.Began());
}

TEST_F(BreakerTest, AProbeThatIsGivenUpMakesRoomForAnother) {
  Breaker breaker(1, absl::Seconds(30));
  FailOnce(breaker);
  Pass(absl::Seconds(30));
  const std::uint64_t probe = breaker.Began();
  ASSERT_TRUE(probe);
  breaker.GivenUp(probe);
  EXPECT_TRUE(breaker.Allows(now_));
}

TEST_F(BreakerTest, WhatBeganBeforeItOpenedDoesNotKeepItOpen) {
  Breaker breaker(1, absl::Seconds(30));
  const std::uint64_t early = breaker.Began();
  FailOnce(breaker);
  Pass(absl::Seconds(29));
  breaker.Failed(now_, early);
  Pass(absl::Seconds(1));
  EXPECT_TRUE(breaker.Allows(now_));
  ASSERT_TRUE(breaker.Began());
  breaker.Failed(now_, early);  // nor does it end the probe
  EXPECT_FALSE(breaker.Allows(now_));
}

TEST_F(BreakerTest, AProbeThatOutlivesItsSpellIsNoProbeOfTheNext) {
  Breaker breaker(1, absl::Seconds(30));
  FailOnce(breaker);
  Pass(absl::Seconds(30));
  const std::uint64_t old = breaker.Began();
  breaker.Succeeded();  // one that began before
  FailOnce(breaker);
  Pass(absl::Seconds(29));
  breaker.Failed(now_, old);
  Pass(absl::Seconds(1));
  EXPECT_TRUE(breaker.Allows(now_));
  ASSERT_TRUE(breaker.Began());
  breaker.GivenUp(old);
  EXPECT_FALSE(breaker.Allows(now_));
}

}  // namespace
}  // namespace anteroom::lifecycle
