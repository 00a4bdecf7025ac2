#include "server/lifecycle/lease_timers.h"

#include <cstddef>
#include <optional>
#include <vector>

#include "absl/time/time.h"
#include "server/lifecycle/lease_table.h"
#include "tests/lifecycle/lifecycle_test.h"

namespace anteroom::lifecycle {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class LeaseTimersTest : public LifecycleTest {
 protected:
  LeaseTimersTest() {
    Serve(kNoHooks);
    timers_.emplace(world_.runtime(), *calls_, pool().leases(),
                    [](const LeasePtr& lease, coro::Instant) {
                      looked_at.push_back(lease);
                    });
    for (int i = 0; i < kLeases; ++i) {
      leases_.push_back(MakeTicket({})->lease);
    }
  }
  ~LeaseTimersTest() override { looked_at.clear(); }

  void Schedule(int lease, absl::Duration in) {
    timers_->Schedule(*leases_[lease], coro::After(world_.clock().Now(), in));
  }

  static constexpr int kLeases = 1'000;
  static std::vector<LeasePtr> looked_at;

  std::vector<LeasePtr> leases_;
  std::optional<LeaseTimers> timers_;
};

std::vector<LeasePtr> LeaseTimersTest::looked_at;

TEST_F(LeaseTimersTest, ALeaseIsLookedAtWhenItsTimeHasComeAndNotBefore) {
  Schedule(2, absl::Seconds(2));
  Schedule(1, absl::Seconds(1));
  world_.Advance(absl::Seconds(1) - absl::Nanoseconds(1));
  EXPECT_THAT(looked_at, IsEmpty());
  world_.Advance(absl::Nanoseconds(1));
  EXPECT_THAT(looked_at, ElementsAre(leases_[1]));
  world_.Advance(absl::Seconds(1));
  EXPECT_THAT(looked_at, ElementsAre(leases_[1], leases_[2]));
  EXPECT_EQ(timers_->pending(), 0u);
}

TEST_F(LeaseTimersTest, OneThatIsCancelledIsNotLookedAtAndOthersAre) {
  Schedule(1, absl::Seconds(1));
  Schedule(2, absl::Seconds(2));
  timers_->Cancel(*leases_[1]);
  timers_->Cancel(*leases_[1]);
  EXPECT_EQ(timers_->pending(), 1u);
  world_.Advance(absl::Seconds(2));
  EXPECT_THAT(looked_at, ElementsAre(leases_[2]));
}

TEST_F(LeaseTimersTest, OfTwoTimesForALeaseTheEarlierHolds) {
  Schedule(1, absl::Seconds(2));
  Schedule(1, absl::Seconds(1));
  Schedule(1, absl::Seconds(3));
  EXPECT_EQ(timers_->pending(), 1u);
  world_.Advance(absl::Seconds(1));
  EXPECT_THAT(looked_at, ElementsAre(leases_[1]));
  world_.Advance(absl::Seconds(3));
  EXPECT_THAT(looked_at, ElementsAre(leases_[1]));
}

TEST_F(LeaseTimersTest, HoweverManyThereAreTheyTakeOneTimerOfTheRuntime) {
  for (int i = kLeases - 1; i >= 0; --i) Schedule(i, absl::Seconds(i + 1));
  EXPECT_EQ(world_.timers().pending(), 1u);
  EXPECT_EQ(timers_->pending(), std::size_t{kLeases});
  world_.Advance(absl::Seconds(kLeases / 2));
  EXPECT_EQ(looked_at.size(), std::size_t{kLeases / 2});
  EXPECT_EQ(world_.timers().pending(), 1u);
}

TEST_F(LeaseTimersTest, AllThatAreDueAtOnceAreLookedAt) {
  for (int i = 0; i < kLeases; ++i) Schedule(i, absl::Seconds(1));
  world_.Advance(absl::Seconds(1));
  EXPECT_EQ(looked_at, leases_);
}

TEST_F(LeaseTimersTest, OnceStoppedItLooksAtNoneAndLeavesNoTimer) {
  Schedule(1, absl::Seconds(1));
  timers_->Stop();
  Schedule(2, absl::Seconds(1));
  EXPECT_EQ(world_.timers().pending(), 0u);
  world_.Advance(absl::Seconds(2));
  EXPECT_THAT(looked_at, IsEmpty());
}

TEST_F(LeaseTimersTest, ItMayGoWhileItsTimerIsPosted) {
  Schedule(1, absl::Seconds(1));
  world_.clock().Advance(absl::Seconds(1));
  world_.timers().PostDue();
  timers_.reset();
  world_.RunUntilIdle();
  EXPECT_THAT(looked_at, IsEmpty());
}

}  // namespace
}  // namespace anteroom::lifecycle
