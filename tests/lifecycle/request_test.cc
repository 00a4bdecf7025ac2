// Acquires with a request id: retries, joins, and callers that leave.
#include "server/lifecycle/request_index.h"

#include "tests/lifecycle/lifecycle_test.h"

namespace anteroom::lifecycle {
namespace {

class RequestTest : public LifecycleTest {};

AcquireOptions WithId() {
  AcquireOptions options;
  options.request = "0123456789abcdef";
  options.arguments = "arguments";
  return options;
}

TEST_F(RequestTest, ACallerThatLeavesAsItsRequestIsGrantedLeavesNoLostLease) {
  Serve(kNoHooks);
  const LeasePtr holder = Acquire();
  std::stop_source caller;
  const AcquireOutcome first =
      StartAcquire(WithId(), absl::InfiniteDuration(), caller.get_token());
  world_.RunUntilIdle();
  StartRelease(holder);   // binds the waiter; its grant is posted
  caller.request_stop();  // before the grant
  world_.RunUntilIdle();
  EXPECT_TRUE(absl::IsCancelled(first.value().status()));
  const AcquireOutcome retry = StartAcquire(WithId());
  world_.RunUntilIdle();
  // Either the retry gets that lease, or it was given back.
  EXPECT_TRUE(retry.done()) << "waits for a lease that nobody knows of";
}

TEST_F(RequestTest, AStreamThatLeavesAsItsRequestIsGrantedHoldsNothing) {
  Serve(kNoHooks);
  const LeasePtr holder = Acquire();
  AcquireOptions options = WithId();
  options.stream_bound = true;  // no ttl would ever end it
  std::stop_source caller;
  const AcquireOutcome first =
      StartAcquire(options, absl::InfiniteDuration(), caller.get_token());
  world_.RunUntilIdle();
  StartRelease(holder);   // binds the waiter; its grant is posted
  caller.request_stop();  // before the grant
  world_.RunUntilIdle();
  EXPECT_TRUE(absl::IsCancelled(first.value().status()));
  EXPECT_EQ(pool().counts().leases, 0u);
}

TEST_F(RequestTest, TheReceiptOfAnEarlierTryDoesNotForgetTheGrantOfALaterOne) {
  script_.enter = [this](EnterContext&) { return UseWaitsFor(gate_, {}); };
  script_.init = [](InitContext&) { return Return(absl::OkStatus()); };
  Serve(kAllHooks);
  std::stop_source caller;
  StartAcquire(WithId(), absl::InfiniteDuration(), caller.get_token());
  world_.RunUntilIdle();
  caller.request_stop();
  world_.RunUntilIdle();
  OpenGate();  // the first is granted, and ended with DISCONNECTED
  const LeasePtr lease = Acquire(WithId());
  const auto most = absl::Minutes(10);
  ASSERT_TRUE(anteroom_->Renew(lease->id(), most).ok());
  world_.Advance(most - absl::Seconds(1));
  ASSERT_TRUE(anteroom_->Renew(lease->id(), most).ok());
  world_.Advance(absl::Seconds(2));  // the first one's receipt is due
  const AcquireOutcome retry = StartAcquire(WithId());
  world_.RunUntilIdle();
  ASSERT_EQ(lease->state(), LeaseState::kHeld);
  EXPECT_TRUE(retry.done()) << "the grant was forgotten while it is held";
}

TEST_F(RequestTest, AJoinerDoesNotInheritABoundThatHasPassed) {
  Serve(kNoHooks);
  const LeasePtr holder = Acquire();
  const AcquireOutcome first = StartAcquire(WithId(), absl::Seconds(1));
  world_.RunUntilIdle();
  world_.clock().Advance(absl::Seconds(1));
  world_.timers().PostDue();
  world_.executor().RunOne();  // the timer
  world_.executor().RunOne();  // the attempt fails
  ASSERT_FALSE(first.done());
  const AcquireOutcome second = StartAcquire(WithId(), absl::Seconds(1));
  world_.RunUntilIdle();
  EXPECT_TRUE(first.done());
  EXPECT_FALSE(second.done()) << second.value().status();
}

TEST_F(RequestTest, ARequestThatMayNotWaitIsToldOfAnIdThatWasUsedBefore) {
  Serve(kNoHooks);
  const AcquireOutcome first = StartAcquire(WithId());
  AcquireOptions other = WithId();
  other.arguments = "other arguments";
  const AcquireOutcome reused = StartAcquire(other, absl::ZeroDuration());
  const AcquireOutcome late = StartAcquire({}, absl::ZeroDuration());
  world_.RunUntilIdle();
  EXPECT_TRUE(first.value().ok());
  EXPECT_THAT(reused.value().status(), FailsWith(Reason::kRequestIdReused));
  EXPECT_THAT(late.value().status(), FailsWith(Reason::kWaitTimedOut));
}

TEST_F(RequestTest, ADrainedServerSaysSoToARequestWithAnId) {
  Serve(kAllHooks);
  DrainAndCheck();
  const auto lease = world_.Run(anteroom_->Acquire(
      "r", WithId(), absl::InfiniteDuration(), {}, coro::kNever));
  EXPECT_THAT(lease.status(), FailsWith(Reason::kDraining));
}

}  // namespace
}  // namespace anteroom::lifecycle
