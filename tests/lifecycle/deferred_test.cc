// READINESS_DEFERRED: the acquire answers ENTERING; the first Use awaits init
// and enter.
#include "tests/lifecycle/lifecycle_test.h"

namespace anteroom::lifecycle {
namespace {

// The init fails once the gate opens.
coro::Task<absl::Status> FailOnceOpen(std::shared_ptr<coro::Event> gate,
                                      std::stop_token stop) {
  coro::Task<absl::Status> wait = WaitFor(std::move(gate), std::move(stop));
  (void)co_await std::move(wait);
  co_return absl::UnavailableError("the database is down");
}

AcquireOptions Deferred() {
  AcquireOptions options;
  options.deferred = true;
  return options;
}

class DeferredTest : public LifecycleTest {
 protected:
  void EnterAwaitsInitThatWaitsForGate() {
    script_.enter = EnterAwaitsInit;
    InitWaitsForGate();
  }
};

TEST_F(DeferredTest, TheAcquireAnswersEnteringWhileInitRuns) {
  EnterAwaitsInitThatWaitsForGate();
  Serve(kAllHooks);
  const LeasePtr lease = Acquire(Deferred());
  EXPECT_EQ(lease->state(), LeaseState::kEntering);
  EXPECT_NE(lease->View().fencing_token, 0);
  EXPECT_EQ(script_.Count("init"), 1);
  OpenGate();
  world_.RunUntilIdle();
  EXPECT_EQ(lease->state(), LeaseState::kHeld);
}

TEST_F(DeferredTest, TheFirstUseAwaitsInitAndEnter) {
  EnterAwaitsInitThatWaitsForGate();
  Serve(kAllHooks);
  const LeasePtr lease = Acquire(Deferred());
  const UseOutcome use = StartUse(lease, "m");
  world_.RunUntilIdle();
  EXPECT_FALSE(use.done());
  EXPECT_EQ(script_.Count("use"), 0);
  OpenGate();
  world_.RunUntilIdle();
  ASSERT_TRUE(use.done());
  EXPECT_TRUE(use.value().ok()) << use.value().status();
}

TEST_F(DeferredTest, AKindWithoutEnterBindsItToAnObjectStillInInit) {
  InitWaitsForGate();
  Serve(kInitOnly);
  const LeasePtr lease = Acquire(Deferred());
  EXPECT_EQ(lease->state(), LeaseState::kEntering);
  EXPECT_FALSE(lease->View().instance_id.empty());
  const UseOutcome use = StartUse(lease, "m");
  OpenGate();
  world_.RunUntilIdle();
  ASSERT_TRUE(use.done());
  EXPECT_TRUE(use.value().ok()) << use.value().status();
}

TEST_F(DeferredTest, WithoutInitAndEnterItIsHeldAtOnce) {
  Serve(kNoHooks);
  EXPECT_EQ(Acquire(Deferred())->state(), LeaseState::kHeld);
}

TEST_F(DeferredTest, ItWaitsForCapacityAllTheSame) {
  Serve(kNoHooks);
  const LeasePtr holder = Acquire();
  const AcquireOutcome waits = StartAcquire(Deferred());
  world_.RunUntilIdle();
  EXPECT_FALSE(waits.done());
  Release(holder);
  world_.RunUntilIdle();
  EXPECT_TRUE(waits.done());
}

TEST_F(DeferredTest, ItTakesTheSlotThatOthersInTheQueueWouldHaveTaken) {
  Policy policy;
  policy.max_instances = 2;
  InitWaitsForGate();
  Serve(kInitOnly, policy);
  const AcquireOutcome first = StartAcquire();
  const LeasePtr second = Acquire(Deferred());
  const AcquireOutcome third = StartAcquire();
  OpenGate();
  world_.RunUntilIdle();
  EXPECT_TRUE(first.done());
  EXPECT_EQ(second->state(), LeaseState::kHeld);
  EXPECT_FALSE(third.done());
  EXPECT_EQ(script_.Count("construct"), 2);
}

TEST_F(DeferredTest, SharedSlotsOfAnInitUnderWayServeDeferredAndOthers) {
  Policy policy;
  policy.max_holders = 3;
  InitWaitsForGate();
  Serve(kInitOnly, policy);
  const LeasePtr deferred = Acquire(Deferred());
  AcquireOptions no_wait;
  no_wait.no_wait = true;
  const AcquireOutcome second = StartAcquire(no_wait);
  const AcquireOutcome third = StartAcquire(no_wait);
  const AcquireOutcome fourth = StartAcquire(no_wait);
  world_.RunUntilIdle();
  ASSERT_TRUE(fourth.done());
  EXPECT_THAT(fourth.value().status(), FailsWith(Reason::kWouldWait));
  OpenGate();
  world_.RunUntilIdle();
  ASSERT_TRUE(second.done() && third.done());
  EXPECT_TRUE(second.value().ok() && third.value().ok());
  EXPECT_EQ((*second.value())->View().instance_id,
            deferred->View().instance_id);
}

class DeferredInitFails : public DeferredTest,
                          public ::testing::WithParamInterface<bool> {};

TEST_P(DeferredInitFails, TheLeaseEndsWithEnterFailedAndNoExitRuns) {
  Hooks hooks = kAllHooks;
  hooks.enter = GetParam();
  script_.enter = EnterAwaitsInit;
  InitWaitsForGate();
  script_.init = [gate = gate_](InitContext& context) {
    return FailOnceOpen(gate, context.stop());
  };
  Serve(hooks);
  const LeasePtr lease = Acquire(Deferred());
  const UseOutcome use = StartUse(lease, "m");
  OpenGate();
  world_.RunUntilIdle();
  ASSERT_TRUE(use.done());
  EXPECT_THAT(use.value().status(), FailsWith(Reason::kInitFailed));
  EXPECT_EQ(lease->receipt().reason, ExitReason::kEnterFailed);
  EXPECT_EQ(script_.Count("exit"), 0);
  const UseOutcome later = StartUse(lease, "m");
  ASSERT_TRUE(later.done());
  EXPECT_THAT(later.value().status(), FailsWith(Reason::kLeaseEnded));
  EXPECT_THAT(std::string(later.value().status().message()),
              ::testing::HasSubstr("the database is down"));
  EXPECT_EQ(Release(lease).reason, ExitReason::kEnterFailed);
  EXPECT_EQ(pool().counts().leases, 0);
}

INSTANTIATE_TEST_SUITE_P(WithAndWithoutEnter, DeferredInitFails,
                         ::testing::Bool());

TEST_F(DeferredTest, AReleaseWhileEnteringStopsTheEnterAndRunsNoExit) {
  EnterAwaitsInitThatWaitsForGate();
  Serve(kAllHooks);
  const LeasePtr lease = Acquire(Deferred());
  const Receipt receipt = Release(lease);
  EXPECT_EQ(receipt.reason, ExitReason::kReleased);
  EXPECT_EQ(receipt.attempts, 0);
  EXPECT_EQ(script_.Count("exit"), 0);
  EXPECT_EQ(pool().counts().leases, 0);
}

TEST_F(DeferredTest, AReleaseBehindAnEnterThatSucceedsAllTheSameRunsItsExit) {
  script_.enter = [gate = gate_](EnterContext&) {
    return UseWaitsFor(gate, {});  // deaf to its stop
  };
  Serve(kAllHooks);
  const LeasePtr lease = Acquire(Deferred());
  const ReleaseOutcome release = StartRelease(lease);
  world_.RunUntilIdle();
  EXPECT_FALSE(release.done());
  OpenGate();
  world_.RunUntilIdle();
  ASSERT_TRUE(release.done());
  EXPECT_EQ(release.value()->reason, ExitReason::kReleased);
  EXPECT_EQ(script_.Count("exit"), 1);
}

TEST_F(DeferredTest, AUseThatAwaitsAnEnterThatIsReleasedIsToldSo) {
  EnterAwaitsInitThatWaitsForGate();
  Serve(kAllHooks);
  const LeasePtr lease = Acquire(Deferred());
  const UseOutcome use = StartUse(lease, "m");
  Release(lease);
  ASSERT_TRUE(use.done());
  EXPECT_THAT(use.value().status(), FailsWith(Reason::kLeaseEnded));
}

TEST_F(DeferredTest, MaxWaitBoundsTheEnterThatGoesOn) {
  EnterAwaitsInitThatWaitsForGate();
  Serve(kAllHooks);
  const AcquireOutcome acquire = StartAcquire(Deferred(), absl::Seconds(3));
  world_.RunUntilIdle();
  ASSERT_TRUE(acquire.done() && acquire.value().ok());
  const UseOutcome use = StartUse(*acquire.value(), "m");
  world_.Advance(absl::Seconds(3));
  ASSERT_TRUE(use.done());
  EXPECT_THAT(use.value().status(), FailsWith(Reason::kWaitTimedOut));
}

TEST_F(DeferredTest, OneThatIsBoundTooLateIsNotLeftToNobody) {
  Serve(kNoHooks);
  const LeasePtr holder = Acquire();
  const AcquireOutcome waits = StartAcquire(Deferred(), absl::Seconds(1));
  world_.RunUntilIdle();
  // Its time is over, but its timer comes too late to say so.
  world_.clock().Advance(absl::Seconds(1));
  Release(holder);
  ASSERT_TRUE(waits.done());
  EXPECT_THAT(waits.value().status(), FailsWith(Reason::kWaitTimedOut));
  EXPECT_EQ(pool().counts().leases, 0);
}

TEST_F(DeferredTest, TheTtlStartsAtEntered) {
  EnterAwaitsInitThatWaitsForGate();
  Serve(kAllHooks);
  const LeasePtr lease = Acquire(Deferred());
  world_.Advance(absl::Seconds(50));  // default_ttl is 30 s
  OpenGate();
  world_.Advance(absl::Seconds(29));
  EXPECT_EQ(lease->state(), LeaseState::kHeld);
  world_.Advance(absl::Seconds(2));
  EXPECT_EQ(lease->receipt().reason, ExitReason::kTtlExpired);
}

TEST_F(DeferredTest, AUseMayLeaveWhileItAwaitsTheEnter) {
  EnterAwaitsInitThatWaitsForGate();
  Serve(kAllHooks);
  const LeasePtr lease = Acquire(Deferred());
  std::stop_source caller;
  const UseOutcome use = StartUse(lease, "m", caller.get_token());
  caller.request_stop();
  world_.RunUntilIdle();
  ASSERT_TRUE(use.done());
  EXPECT_EQ(use.value().status().code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(lease->state(), LeaseState::kEntering);
  OpenGate();
}

TEST_F(DeferredTest, ADrainEndsOneThatIsEntering) {
  EnterAwaitsInitThatWaitsForGate();
  Serve(kAllHooks);
  const LeasePtr lease = Acquire(Deferred());
  DrainAndCheck();
  EXPECT_EQ(lease->receipt().reason, ExitReason::kDrained);
}

TEST_F(DeferredTest, ARequestIdAnswersTheSameLeaseWhileItIsEntering) {
  EnterAwaitsInitThatWaitsForGate();
  Serve(kAllHooks);
  AcquireOptions options = Deferred();
  options.request = "request";
  const LeasePtr lease = Acquire(options);
  EXPECT_EQ(Acquire(options), lease);
}

}  // namespace
}  // namespace anteroom::lifecycle
