#include "server/lifecycle/lease_timers.h"

#include <algorithm>
#include <cstddef>
#include <map>
#include <optional>
#include <vector>

#include "absl/time/time.h"
#include "tests/lifecycle/lifecycle_test.h"

namespace anteroom::lifecycle {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAreArray;

// Looks at leases as their pools do: those that are early are scheduled again.
class LeaseTimersTest : public LifecycleTest {
 protected:
  LeaseTimersTest() {
    Serve(kNoHooks);
    timers_.emplace(world_.runtime(), *calls_, pool().leases(), Look);
    for (int i = 0; i < kLeases; ++i) {
      leases_.push_back(MakeTicket({})->lease);
    }
    test = this;
  }

  static void Look(const LeasePtr& lease, coro::Instant now) {
    const coro::Instant due = test->due_.at(lease);
    if (due > now) {
      ++test->early_looks_;
      test->timers_->Schedule(*lease, due);
    } else {
      test->looked_at_.push_back(lease);
    }
  }

  void Schedule(int lease, absl::Duration in) {
    const coro::Instant when = coro::After(world_.clock().Now(), in);
    const auto [due, first] = due_.emplace(leases_[lease], when);
    due->second = std::min(due->second, when);
    timers_->Schedule(*leases_[lease], when);
  }

  static constexpr int kLeases = 1'000;
  static LeaseTimersTest* test;

  std::vector<LeasePtr> leases_;
  std::map<LeasePtr, coro::Instant> due_;
  // Each when it was due; how often one was looked at before.
  std::vector<LeasePtr> looked_at_;
  int early_looks_ = 0;
  std::optional<LeaseTimers> timers_;
};

LeaseTimersTest* LeaseTimersTest::test = nullptr;

TEST_F(LeaseTimersTest, ALeaseIsLookedAtWhenItsTimeHasComeAndNotBefore) {
  Schedule(2, absl::Seconds(2));
  Schedule(1, absl::Seconds(1));
  world_.Advance(absl::Seconds(1) - absl::Nanoseconds(1));
  EXPECT_THAT(looked_at_, IsEmpty());
  world_.Advance(absl::Nanoseconds(1));
  EXPECT_THAT(looked_at_, ElementsAre(leases_[1]));
  world_.Advance(absl::Seconds(1));
  EXPECT_THAT(looked_at_, ElementsAre(leases_[1], leases_[2]));
  EXPECT_EQ(timers_->pending(), 0u);
}

TEST_F(LeaseTimersTest, OneThatIsCancelledIsNotLookedAtAndOthersAre) {
  Schedule(1, absl::Seconds(1));
  Schedule(2, absl::Seconds(2));
  timers_->Cancel(*leases_[1]);
  timers_->Cancel(*leases_[1]);
  EXPECT_EQ(timers_->pending(), 1u);
  world_.Advance(absl::Seconds(2));
  EXPECT_THAT(looked_at_, ElementsAre(leases_[2]));
}

TEST_F(LeaseTimersTest, OfTwoTimesForALeaseTheEarlierHolds) {
  Schedule(1, absl::Seconds(2));
  Schedule(1, absl::Seconds(1));
  Schedule(1, absl::Seconds(3));
  EXPECT_EQ(timers_->pending(), 1u);
  world_.Advance(absl::Seconds(1));
  EXPECT_THAT(looked_at_, ElementsAre(leases_[1]));
  world_.Advance(absl::Seconds(3));
  EXPECT_THAT(looked_at_, ElementsAre(leases_[1]));
}

TEST_F(LeaseTimersTest, HoweverManyThereAreTheyTakeOneTimerOfTheRuntime) {
  for (int i = kLeases - 1; i >= 0; --i) Schedule(i, absl::Seconds(i + 1));
  EXPECT_EQ(world_.timers().pending(), 1u);
  EXPECT_EQ(timers_->pending(), std::size_t{kLeases});
  world_.Advance(absl::Seconds(kLeases / 2));
  EXPECT_EQ(looked_at_.size(), std::size_t{kLeases / 2});
  EXPECT_EQ(world_.timers().pending(), 1u);
}

TEST_F(LeaseTimersTest, ALeaseIsSeldomLookedAtBeforeItsTime) {
  constexpr int kWheelLevels = 11;
  for (int i = 0; i < kLeases; ++i) Schedule(i, absl::Microseconds(10'000 + i));
  world_.Advance(absl::Seconds(1));
  EXPECT_EQ(looked_at_, leases_);
  EXPECT_LE(early_looks_, kWheelLevels * kLeases);
}

TEST_F(LeaseTimersTest, AllThatAreDueAtOnceAreLookedAt) {
  for (int i = 0; i < kLeases; ++i) Schedule(i, absl::Seconds(1));
  world_.Advance(absl::Seconds(1));
  EXPECT_THAT(looked_at_, UnorderedElementsAreArray(leases_));
}

TEST_F(LeaseTimersTest, OnceStoppedItLooksAtNoneAndLeavesNoTimer) {
  Schedule(1, absl::Seconds(1));
  timers_->Stop();
  Schedule(2, absl::Seconds(1));
  EXPECT_EQ(world_.timers().pending(), 0u);
  world_.Advance(absl::Seconds(2));
  EXPECT_THAT(looked_at_, IsEmpty());
}

TEST_F(LeaseTimersTest, ItMayGoWhileItsTimerIsPosted) {
  Schedule(1, absl::Seconds(1));
  world_.clock().Advance(absl::Seconds(1));
  world_.timers().PostDue();
  timers_.reset();
  world_.RunUntilIdle();
  EXPECT_THAT(looked_at_, IsEmpty());
}

}  // namespace
}  // namespace anteroom::lifecycle
