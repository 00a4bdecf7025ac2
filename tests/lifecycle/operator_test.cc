// What an operator does to leases and instances, and drains that are asked for.
#include "tests/lifecycle/lifecycle_test.h"

namespace anteroom::lifecycle {
namespace {

class OperatorTest : public LifecycleTest {
 protected:
  using DrainOutcome = testing::Outcome<absl::StatusOr<bool>>;

  DrainOutcome StartDrain(absl::Duration timeout = absl::InfiniteDuration(),
                          std::stop_token stop = {}) {
    DrainOutcome outcome(
        *calls_,
        anteroom_->DrainWithin("r", std::move(stop),
                               coro::After(world_.clock().Now(), timeout)));
    world_.RunUntilIdle();
    return outcome;
  }
};

TEST_F(OperatorTest, ARevokedWaiterLeavesTheQueueAndIsToldWhy) {
  Serve(kNoHooks);
  const LeasePtr holder = Acquire();
  const AcquireOutcome waits = StartAcquire();
  const AcquireOutcome next = StartAcquire();
  world_.RunUntilIdle();
  Pool::LeaseCursor cursor;
  const std::vector<LeasePtr> leases = pool().Leases(cursor, 10);
  ASSERT_EQ(leases.size(), 3);
  EXPECT_EQ(pool().FindLease(leases[0]->number()), leases[0]);
  pool().Revoke(leases[0], absl::Seconds(9), ExitReason::kRevoked);
  world_.RunUntilIdle();
  ASSERT_TRUE(waits.done());
  EXPECT_THAT(waits.value().status(), FailsWith(Reason::kLeaseEnded));
  Release(holder);
  world_.RunUntilIdle();
  EXPECT_TRUE(next.done());
}

TEST_F(OperatorTest, ARevokedEnterIsStoppedAndItsAcquireIsToldWhy) {
  script_.enter = EnterAwaitsInit;
  InitWaitsForGate();
  Serve(kAllHooks);
  const AcquireOutcome enters = StartAcquire();
  world_.RunUntilIdle();
  Pool::LeaseCursor cursor;
  pool().Revoke(pool().Leases(cursor, 1).front(), absl::ZeroDuration(),
                ExitReason::kRevoked);
  world_.RunUntilIdle();
  ASSERT_TRUE(enters.done());
  EXPECT_THAT(enters.value().status(), FailsWith(Reason::kLeaseEnded));
}

TEST_F(OperatorTest, AListingGoesOnWhereItStoppedAndLeavesNoneOut) {
  Policy policy;
  policy.max_holders = 2;
  Serve(kNoHooks, policy);
  const LeasePtr first = Acquire();
  Acquire();
  const AcquireOutcome third = StartAcquire();
  const AcquireOutcome fourth = StartAcquire();
  world_.RunUntilIdle();
  Pool::LeaseCursor cursor;
  EXPECT_EQ(pool().Leases(cursor, 1).front()->state(), LeaseState::kWaiting);
  Release(first);  // the third is bound now, after it was listed
  world_.RunUntilIdle();
  std::size_t rest = 0;
  while (!pool().Leases(cursor, 1).empty()) ++rest;
  EXPECT_EQ(rest, 3);
}

TEST_F(OperatorTest, AnEvictedIdleInstanceIsClosed) {
  Policy policy;
  policy.idle_timeout = absl::Hours(1);
  Serve(kAllHooks, policy);
  Release(Acquire());
  ASSERT_EQ(pool().Instances(0, 10).size(), 1);
  EXPECT_TRUE(anteroom_->Evict("r#1").ok());
  world_.RunUntilIdle();
  EXPECT_EQ(script_.Count("close"), 1);
  EXPECT_THAT(anteroom_->Evict("r#1").status(),
              FailsWith(Reason::kInstanceNotFound));
}

TEST_F(OperatorTest, AnEvictedHeldInstanceIsClosedAfterItsLastExit) {
  Policy policy;
  policy.idle_timeout = absl::Hours(1);
  Serve(kAllHooks, policy);
  const LeasePtr lease = Acquire();
  const auto view = anteroom_->Evict("r#1");
  ASSERT_TRUE(view.ok());
  EXPECT_EQ(view->holders, 1);
  EXPECT_EQ(lease->state(), LeaseState::kHeld);
  Release(lease);
  EXPECT_EQ(script_.Count("close"), 1);
}

TEST_F(OperatorTest, WhoWaitsForAnEvictedInitIsServedByAnother) {
  InitWaitsForGate();
  Serve(kInitOnly);
  const AcquireOutcome waits = StartAcquire();
  world_.RunUntilIdle();
  ASSERT_TRUE(anteroom_->Evict("r#1").ok());
  OpenGate();
  world_.RunUntilIdle();
  ASSERT_TRUE(waits.done());
  EXPECT_TRUE(waits.value().ok()) << waits.value().status();
  EXPECT_EQ((*waits.value())->View().instance_id, "r#2");
}

TEST_F(OperatorTest, ADrainThatIsAskedForTwiceIsOneAndAnswersBoth) {
  Policy policy;
  policy.revoke_notice = absl::Seconds(5);
  Serve(kAllHooks, policy);
  Acquire();
  const DrainOutcome first = StartDrain();
  const DrainOutcome second = StartDrain();
  EXPECT_FALSE(first.done());
  world_.Advance(absl::Seconds(5));
  ASSERT_TRUE(first.done() && second.done());
  EXPECT_FALSE(*first.value());
  EXPECT_FALSE(*second.value());
  EXPECT_EQ(script_.Count("exit"), 1);
}

TEST_F(OperatorTest, ADrainsTimeoutEndsNoticeAndGrace) {
  Policy policy;
  policy.revoke_notice = absl::Hours(1);
  policy.use_grace = absl::Hours(1);
  script_.use = [gate = gate_](UseContext& context, absl::string_view) {
    return UseWaitsFor(gate, context.stop());
  };
  Serve(kAllHooks, policy);
  const LeasePtr lease = Acquire();
  const UseOutcome use = StartUse(lease, "m");
  const DrainOutcome drain = StartDrain(absl::Seconds(5));
  world_.Advance(absl::Seconds(5));
  ASSERT_TRUE(drain.done());
  EXPECT_TRUE(*drain.value());
  ASSERT_TRUE(use.done());
  EXPECT_THAT(use.value().status(), FailsWith(Reason::kUseCancelled));
  EXPECT_EQ(lease->receipt().reason, ExitReason::kDrained);
}

TEST_F(OperatorTest, ACallerThatLeavesADrainDoesNotEndIt) {
  Policy policy;
  policy.revoke_notice = absl::Seconds(5);
  Serve(kAllHooks, policy);
  const LeasePtr lease = Acquire();
  std::stop_source caller;
  const DrainOutcome drain =
      StartDrain(absl::InfiniteDuration(), caller.get_token());
  caller.request_stop();
  world_.RunUntilIdle();
  ASSERT_TRUE(drain.done());
  EXPECT_EQ(drain.value().status().code(), absl::StatusCode::kCancelled);
  world_.Advance(absl::Seconds(5));
  EXPECT_EQ(lease->state(), LeaseState::kEnded);
}

TEST_F(OperatorTest, AnExitDeafToItsStopKeepsNoHolderWaiting) {
  Policy policy;
  policy.idle_timeout = absl::Hours(1);
  script_.exit = [gate = gate_](ExitContext&) {
    return ExitWaitsFor(gate);  // deaf to its stop
  };
  Serve(kAllHooks, policy);
  const LeasePtr lease = Acquire();
  const ReleaseOutcome release = StartRelease(lease);
  const AcquireOutcome next = StartAcquire();
  world_.Advance(policy.exit_timeout);
  ASSERT_TRUE(release.done());
  EXPECT_EQ(release.value()->exit_status.code(),
            absl::StatusCode::kDeadlineExceeded);
  // The object is neither lent nor closed under the hook, then closed.
  EXPECT_FALSE(next.done());
  EXPECT_EQ(script_.Count("close"), 0);
  OpenGate();
  world_.RunUntilIdle();
  EXPECT_EQ(script_.Count("close"), 1);
  ASSERT_TRUE(next.done());
  EXPECT_EQ((*next.value())->View().instance_id, "r#2");
}

TEST_F(OperatorTest, ASharedObjectWhoseExitStillRunsIsLentToNobodyElse) {
  Policy policy;
  policy.max_instances = 2;
  policy.max_holders = 2;
  script_.exit = [gate = gate_](ExitContext&) {
    return ExitWaitsFor(gate);  // deaf to its stop
  };
  Serve(kAllHooks, policy);
  const ReleaseOutcome release = StartRelease(Acquire());
  world_.Advance(policy.exit_timeout);
  ASSERT_TRUE(release.done());
  EXPECT_EQ(Acquire()->View().instance_id, "r#2");
  OpenGate();
}

TEST_F(OperatorTest, AnAcquireWhoseTimeIsOverBuildsNothing) {
  Serve(kAllHooks);
  const AcquireOutcome acquire = StartAcquire({}, absl::ZeroDuration());
  ASSERT_TRUE(acquire.done());
  EXPECT_THAT(acquire.value().status(), FailsWith(Reason::kWaitTimedOut));
  EXPECT_EQ(script_.Count("construct"), 0);
}

}  // namespace
}  // namespace anteroom::lifecycle
