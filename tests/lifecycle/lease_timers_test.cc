#include "server/lifecycle/lease_timers.h"

#include <cstddef>
#include <memory>
#include <optional>
#include <vector>

#include "absl/time/time.h"
#include "tests/lifecycle/lifecycle_test.h"

namespace anteroom::lifecycle {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class LeaseTimersTest : public LifecycleTest {
 protected:
  LeaseTimersTest() {
    Serve(kNoHooks);
    looked_at.clear();
    timers_.emplace(world_.runtime(), [](const LeasePtr& lease, coro::Instant) {
      looked_at.push_back(lease);
    });
    first_ = MakeTicket({})->lease;
    second_ = MakeTicket({})->lease;
  }

  LeaseTimers::Id Schedule(const LeasePtr& lease, absl::Duration in) {
    return timers_->Schedule(coro::After(world_.clock().Now(), in), lease);
  }

  static std::vector<LeasePtr> looked_at;

  std::optional<LeaseTimers> timers_;
  LeasePtr first_;
  LeasePtr second_;
};

std::vector<LeasePtr> LeaseTimersTest::looked_at;

TEST_F(LeaseTimersTest, ALeaseIsLookedAtWhenItsTimeHasComeAndNotBefore) {
  Schedule(second_, absl::Seconds(2));
  Schedule(first_, absl::Seconds(1));
  world_.Advance(absl::Seconds(1) - absl::Nanoseconds(1));
  EXPECT_THAT(looked_at, IsEmpty());
  world_.Advance(absl::Nanoseconds(1));
  EXPECT_THAT(looked_at, ElementsAre(first_));
  world_.Advance(absl::Seconds(1));
  EXPECT_THAT(looked_at, ElementsAre(first_, second_));
  EXPECT_EQ(timers_->pending(), 0u);
}

TEST_F(LeaseTimersTest, OneThatIsCancelledIsNotLookedAtAndOthersAre) {
  const LeaseTimers::Id first = Schedule(first_, absl::Seconds(1));
  Schedule(second_, absl::Seconds(2));
  timers_->Cancel(first);
  timers_->Cancel(first);
  timers_->Cancel(LeaseTimers::Id::kNone);
  EXPECT_EQ(timers_->pending(), 1u);
  world_.Advance(absl::Seconds(2));
  EXPECT_THAT(looked_at, ElementsAre(second_));
}

TEST_F(LeaseTimersTest, HoweverManyThereAreTheyTakeOneTimerOfTheRuntime) {
  constexpr int kMany = 1'000;
  for (int i = kMany; i > 0; --i) Schedule(first_, absl::Seconds(i));
  EXPECT_EQ(world_.timers().pending(), 1u);
  EXPECT_EQ(timers_->pending(), std::size_t{kMany});
  world_.Advance(absl::Seconds(kMany / 2));
  EXPECT_EQ(looked_at.size(), std::size_t{kMany / 2});
  EXPECT_EQ(world_.timers().pending(), 1u);
}

TEST_F(LeaseTimersTest, AllThatAreDueAtOnceAreLookedAt) {
  constexpr int kMany = 1'000;
  for (int i = 0; i < kMany; ++i) Schedule(first_, absl::Seconds(1));
  world_.Advance(absl::Seconds(1));
  EXPECT_EQ(looked_at.size(), std::size_t{kMany});
}

TEST_F(LeaseTimersTest, OnceStoppedItLooksAtNoneAndLeavesNoTimer) {
  Schedule(first_, absl::Seconds(1));
  timers_->Stop();
  Schedule(second_, absl::Seconds(1));
  EXPECT_EQ(world_.timers().pending(), 0u);
  world_.Advance(absl::Seconds(2));
  EXPECT_THAT(looked_at, IsEmpty());
}

TEST_F(LeaseTimersTest, ItMayGoWhileItsTimerIsPosted) {
  Schedule(first_, absl::Seconds(1));
  world_.clock().Advance(absl::Seconds(1));
  world_.timers().PostDue();
  timers_.reset();
  world_.RunUntilIdle();
  EXPECT_THAT(looked_at, IsEmpty());
}

}  // namespace
}  // namespace anteroom::lifecycle
