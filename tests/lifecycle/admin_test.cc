// What an operator sees of a pool, and does to it.
#include <stop_token>
#include <string>
#include <vector>

#include "server/lifecycle/pool.h"
#include "tests/lifecycle/lifecycle_test.h"

namespace anteroom::lifecycle {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;

using DrainOutcome = testing::Outcome<absl::StatusOr<bool>>;

class PoolAdminTest : public LifecycleTest {
 protected:
  // Heeds no stop.
  void ExitWaitsForGate() {
    script_.exit = [this](ExitContext&) { return ExitAfter(gate_); };
  }
  DrainOutcome StartDrain(absl::Duration timeout, std::stop_token stop = {}) {
    return {*calls_,
            anteroom_->DrainWithin("r", std::move(stop),
                                   coro::After(world_.clock().Now(), timeout))};
  }
  static AcquireOptions OnStream() {
    AcquireOptions options;
    options.stream_bound = true;
    return options;
  }

 private:
  static coro::Task<absl::StatusOr<ExitResult>> ExitAfter(
      std::shared_ptr<coro::Event> gate) {
    coro::Task<coro::Wake> wait = gate->Wait();
    co_await std::move(wait);
    co_return ExitResult();
  }
};

// ---- leases ----

TEST_F(PoolAdminTest, ALeaseIsFoundByItsNameUntilItHasEnded) {
  ExitWaitsForGate();
  Serve(kAllHooks);
  const LeasePtr lease = Acquire(OnStream());
  const AcquireOutcome waiting = StartAcquire();
  world_.RunUntilIdle();
  Pool::LeaseCursor cursor;
  const std::vector<LeasePtr> leases = pool().Leases(cursor, 10);
  ASSERT_THAT(leases, SizeIs(2));
  EXPECT_EQ(pool().FindLease(leases[0]->number()), leases[0]);
  EXPECT_EQ(pool().FindLease(lease->number()), lease);
  EXPECT_EQ(pool().FindLease(0), nullptr);

  pool().End(lease, ExitCause{ExitReason::kReleased, absl::OkStatus(), false});
  world_.RunUntilIdle();
  EXPECT_EQ(pool().FindLease(lease->number()), lease) << "it is exiting";
  // exit_timeout has passed: the hook still runs, and the lease has ended.
  world_.Advance(absl::Minutes(1));
  ASSERT_EQ(lease->state(), LeaseState::kEnded);
  EXPECT_EQ(pool().FindLease(lease->number()), nullptr);
  EXPECT_THAT(anteroom_->FindByName(lease->name()).status(),
              FailsWith(Reason::kLeaseNotFound));
}

// Page by page, each lease by itself: also after one that has ended meanwhile,
// or where another is in the place that the page's token names.
TEST_F(PoolAdminTest, AListingGoesOnThoughLeasesComeAndGo) {
  Policy policy;
  policy.max_holders = 0;
  Serve(kNoHooks, policy);
  std::vector<LeasePtr> leases;
  for (int i = 0; i < 6; ++i) leases.push_back(Acquire());
  Pool::LeaseCursor cursor;
  const auto next = [&] { return pool().Leases(cursor, 1); };
  EXPECT_THAT(next(), ElementsAre(leases[0]));
  EXPECT_THAT(next(), ElementsAre(leases[1]));
  Release(leases[1]);
  EXPECT_THAT(next(), ElementsAre(leases[2])) << "the last has ended";
  cursor.place = leases[4]->place();
  EXPECT_THAT(next(), ElementsAre(leases[3])) << "its place is another's";
  Release(leases[4]);
  leases.push_back(Acquire());
  EXPECT_THAT(next(), ElementsAre(leases[5]));
  cursor.place = 12345;
  EXPECT_THAT(next(), ElementsAre(leases[6])) << "there is no such place";
  EXPECT_THAT(next(), IsEmpty());
}

TEST_F(PoolAdminTest, WhoWaitsForALeaseThatIsRevokedIsToldWhy) {
  Serve(kAllHooks);
  const LeasePtr lease = Acquire();
  const AcquireOutcome waiting = StartAcquire();
  world_.RunUntilIdle();
  Pool::LeaseCursor cursor;
  const std::vector<LeasePtr> leases = pool().Leases(cursor, 1);
  ASSERT_THAT(leases, SizeIs(1));
  pool().Revoke(leases[0], absl::Minutes(1), ExitReason::kRevoked);
  world_.RunUntilIdle();
  ASSERT_TRUE(waiting.done());
  EXPECT_THAT(waiting.value().status(), FailsWith(Reason::kLeaseEnded));
  EXPECT_THAT(DetailOf(waiting.value().status()).metadata,
              Contains(Pair("exit_reason", "REVOKED")));
}

TEST_F(PoolAdminTest, AnInitThatNobodyWaitsForSinceARevocationIsCancelled) {
  InitWaitsForGate();
  Serve(kInitOnly);
  const AcquireOutcome waiting = StartAcquire();
  world_.RunUntilIdle();
  Pool::LeaseCursor cursor;
  pool().Revoke(pool().Leases(cursor, 1).at(0), absl::ZeroDuration(),
                ExitReason::kRevoked);
  world_.RunUntilIdle();
  ASSERT_TRUE(waiting.done());
  EXPECT_EQ(pool().counts().instances, 0u);
}

// ---- explanations ----

TEST_F(PoolAdminTest, ABreakerThatASuccessHasClosedIsNotSaidToBeOpen) {
  Policy policy;
  policy.max_instances = 2;
  policy.breaker.failures = 1;
  InitWaitsForGate();
  // The first waits; the second fails.
  script_.init = [this](InitContext& context) {
    return script_.Count("init") == 1
               ? WaitFor(gate_, context.stop())
               : Return(absl::UnavailableError("no luck"));
  };
  Serve(kInitOnly, policy);
  const AcquireOutcome first = StartAcquire();
  const AcquireOutcome second = StartAcquire();
  world_.RunUntilIdle();
  EXPECT_TRUE(pool().Explain("", 10).breaker_open);
  OpenGate();
  world_.RunUntilIdle();
  EXPECT_FALSE(pool().Explain("", 10).breaker_open);
}

// ---- drains ----

TEST_F(PoolAdminTest, ADrainThatNobodyAwaitsAnyMoreIsForcedAtItsDeadline) {
  Policy policy;
  policy.revoke_notice = absl::Hours(1);
  Serve(kAllHooks, policy);
  const LeasePtr lease = Acquire(OnStream());
  std::stop_source stop;
  const DrainOutcome drain = StartDrain(absl::Seconds(10), stop.get_token());
  world_.Advance(absl::Seconds(5));
  stop.request_stop();
  world_.RunUntilIdle();
  ASSERT_TRUE(drain.done());
  EXPECT_TRUE(absl::IsCancelled(drain.value().status()));
  EXPECT_EQ(lease->state(), LeaseState::kHeld);
  world_.Advance(absl::Seconds(5));
  EXPECT_EQ(lease->receipt().reason, ExitReason::kDrained);
}

TEST_F(PoolAdminTest, ADrainIsForcedByTheEarliestOfItsDeadlines) {
  Policy policy;
  policy.revoke_notice = absl::Hours(1);
  Serve(kAllHooks, policy);
  const LeasePtr lease = Acquire(OnStream());
  const DrainOutcome long_drain = StartDrain(absl::Seconds(10));
  const DrainOutcome short_drain = StartDrain(absl::Seconds(1));
  world_.Advance(absl::Seconds(1));
  ASSERT_TRUE(short_drain.done() && long_drain.done());
  EXPECT_TRUE(*short_drain.value());
  EXPECT_TRUE(*long_drain.value()) << "it is one drain";
  EXPECT_EQ(lease->receipt().reason, ExitReason::kDrained);
}

TEST_F(PoolAdminTest, AHookThatHeedsNoStopForcesADrain) {
  ExitWaitsForGate();
  Serve(kAllHooks);
  const LeasePtr lease = Acquire(OnStream());
  const DrainOutcome drain = StartDrain(absl::Seconds(1));
  world_.Advance(absl::Seconds(1));
  ASSERT_TRUE(drain.done());
  EXPECT_TRUE(*drain.value());
  EXPECT_EQ(pool().counts().instances, 1u);
  const DrainOutcome again = StartDrain(absl::Hours(1));
  OpenGate();
  world_.RunUntilIdle();
  ASSERT_TRUE(again.done());
  EXPECT_TRUE(*again.value()) << "it is one drain";
}

TEST_F(PoolAdminTest, NothingIsLeftWhereAnOperatorHasDrainedBefore) {
  Serve(kAllHooks);
  const LeasePtr lease = Acquire(OnStream());
  const DrainOutcome drain = StartDrain(absl::InfiniteDuration());
  world_.RunUntilIdle();
  ASSERT_TRUE(drain.done());
  EXPECT_FALSE(*drain.value());
  DrainAndCheck();
}

// ---- evictions ----

TEST_F(PoolAdminTest, AnInstanceWhoseConstructorRunsIsEvictedOnceItIsThere) {
  Policy policy;
  policy.idle_timeout = absl::Hours(1);
  script_.construct = [this] {
    if (script_.Count("construct") == 0) {
      EXPECT_TRUE(pool().Evict(1).ok());
      EXPECT_TRUE(pool().Evict(1).ok());
    }
  };
  Serve(kAllHooks, policy);
  const LeasePtr lease = Acquire();
  EXPECT_EQ(lease->View().instance_id, "r#2");
  EXPECT_THAT(pool().Evict(1).status(), FailsWith(Reason::kInstanceNotFound));
  EXPECT_EQ(script_.Count("init r#1"), 0);
}

TEST_F(PoolAdminTest, AnEvictedInstanceServesNobodyElse) {
  Policy policy;
  policy.idle_timeout = absl::Hours(1);
  Serve(kAllHooks, policy);
  const LeasePtr lease = Acquire();
  const AcquireOutcome waiting = StartAcquire();
  world_.RunUntilIdle();
  ASSERT_TRUE(anteroom_->Evict("r#1").ok());
  world_.RunUntilIdle();
  EXPECT_FALSE(waiting.done());
  Release(lease);
  ASSERT_TRUE(waiting.done());
  EXPECT_EQ((*waiting.value())->View().instance_id, "r#2");
}

}  // namespace
}  // namespace anteroom::lifecycle
