// init_retry and breaker: inits that fail, and are tried again or no more.
#include <string>

#include "tests/lifecycle/lifecycle_test.h"

namespace anteroom::lifecycle {
namespace {

class RetryTest : public LifecycleTest {
 protected:
  // The first `count` inits fail.
  void FailInits(int count) {
    left_ = count;
    script_.init = [this](InitContext&) {
      ++inits_;
      return Return(left_-- > 0 ? absl::UnavailableError("not yet")
                                : absl::OkStatus());
    };
  }
  static Policy Retries(int attempts) {
    Policy policy;
    policy.init_retry.attempts = attempts;
    policy.init_retry.initial_backoff = absl::Seconds(1);
    policy.init_retry.max_backoff = absl::Seconds(4);
    return policy;
  }
  static Policy Breaks(int failures) {
    Policy policy;
    policy.breaker.failures = failures;
    policy.breaker.open = absl::Seconds(30);
    return policy;
  }
  absl::Status AcquireStatus() {
    const AcquireOutcome outcome = StartAcquire();
    world_.RunUntilIdle();
    return outcome.value().status();
  }

  int left_ = 0;
  int inits_ = 0;
};

TEST_F(RetryTest, InitRetryTriesTheSameObjectAgain) {
  FailInits(2);
  Serve(kAllHooks, Retries(3));
  const AcquireOutcome outcome = StartAcquire();
  world_.RunUntilIdle();
  EXPECT_EQ(inits_, 1);
  world_.Advance(absl::Seconds(1));
  EXPECT_EQ(inits_, 2);
  world_.Advance(absl::Seconds(2));
  EXPECT_EQ(inits_, 3);
  ASSERT_TRUE(outcome.done());
  EXPECT_TRUE(outcome.value().ok()) << outcome.value().status();
  EXPECT_EQ(script_.Count("construct"), 1);
}

TEST_F(RetryTest, InitRetryBacksOffWithJitter) {
  FailInits(100);
  Serve(kAllHooks, Retries(4));
  const AcquireOutcome outcome = StartAcquire();
  world_.RunUntilIdle();
  // 1 s, 2 s, 4 s: each is waited for at least half, and at most whole.
  world_.Advance(absl::Milliseconds(499));
  EXPECT_EQ(inits_, 1);
  world_.Advance(absl::Milliseconds(501));
  EXPECT_EQ(inits_, 2);
  world_.Advance(absl::Seconds(6));
  EXPECT_EQ(inits_, 4);
  ASSERT_TRUE(outcome.done());
  EXPECT_THAT(outcome.value().status(), FailsWith(Reason::kInitFailed));
}

TEST_F(RetryTest, WhyItIsTriedAgainIsToldAsProgress) {
  FailInits(1);
  Serve(kAllHooks, Retries(2));
  const auto sink = std::make_shared<RecordingSink>();
  AcquireOptions options;
  options.sink = sink;
  const AcquireOutcome outcome = StartAcquire(options);
  world_.RunUntilIdle();
  world_.Advance(absl::Seconds(1));
  ASSERT_TRUE(outcome.done());
  EXPECT_EQ(sink->Trace(),
            "CONSTRUCTED ENTERING INITIALIZING PROGRESS READY ENTERED");
  const Event& progress = sink->events[3];
  EXPECT_FALSE(progress.progress().has_value());
  EXPECT_THAT(
      progress.message(),
      ::testing::StartsWith("attempt 1 of 2 failed: not yet; again in"));
}

TEST_F(RetryTest, AWaiterThatLeavesEndsTheBackoff) {
  FailInits(100);
  Serve(kAllHooks, Retries(10));
  std::stop_source caller;
  StartAcquire({}, absl::InfiniteDuration(), caller.get_token());
  world_.RunUntilIdle();
  caller.request_stop();
  world_.RunUntilIdle();
  EXPECT_EQ(pool().counts().instances, 0u);
  EXPECT_EQ(world_.timers().pending(), 0u);
}

TEST_F(RetryTest, EachAttemptHasInitTimeoutForItself) {
  Policy policy = Retries(2);
  policy.init_timeout = absl::Seconds(10);
  script_.init = [this](InitContext& context) {
    ++inits_;
    return WaitFor(gate_, context.stop());
  };
  Serve(kAllHooks, policy);
  const AcquireOutcome outcome = StartAcquire();
  world_.RunUntilIdle();
  world_.Advance(absl::Seconds(11));
  EXPECT_EQ(inits_, 2);
  world_.Advance(absl::Seconds(10));
  ASSERT_TRUE(outcome.done());
  EXPECT_THAT(outcome.value().status(), FailsWith(Reason::kInitTimedOut));
}

TEST_F(RetryTest, BreakerRefusesOnceInitsKeepFailing) {
  FailInits(100);
  Serve(kAllHooks, Breaks(2));
  EXPECT_THAT(AcquireStatus(), FailsWith(Reason::kInitFailed));
  EXPECT_THAT(AcquireStatus(), FailsWith(Reason::kInitFailed));
  const absl::Status refused = AcquireStatus();
  EXPECT_THAT(refused, FailsWith(Reason::kBreakerOpen));
  EXPECT_EQ(DetailOf(refused).retry_delay, absl::Seconds(30));
  EXPECT_EQ(inits_, 2);
}

TEST_F(RetryTest, BreakerHalfOpenTriesOneAndCloses) {
  FailInits(2);
  Serve(kAllHooks, Breaks(2));
  EXPECT_FALSE(AcquireStatus().ok());
  EXPECT_FALSE(AcquireStatus().ok());
  world_.Advance(absl::Seconds(30));
  EXPECT_TRUE(AcquireStatus().ok());
  EXPECT_EQ(inits_, 3);
}

TEST_F(RetryTest, BreakerHalfOpenOpensAgainAtTheNextFailure) {
  FailInits(100);
  Serve(kAllHooks, Breaks(2));
  EXPECT_FALSE(AcquireStatus().ok());
  EXPECT_FALSE(AcquireStatus().ok());
  world_.Advance(absl::Seconds(30));
  EXPECT_THAT(AcquireStatus(), FailsWith(Reason::kInitFailed));
  EXPECT_THAT(AcquireStatus(), FailsWith(Reason::kBreakerOpen));
}

TEST_F(RetryTest, WhileTheBreakerIsOpenWhatIsThereIsLent) {
  Policy policy = Breaks(1);
  policy.max_instances = 2;
  FailInits(0);
  Serve(kAllHooks, policy);
  const LeasePtr held = Acquire();
  left_ = 100;
  EXPECT_THAT(AcquireStatus(), FailsWith(Reason::kInitFailed));
  // The next one waits for what is held: it may come back.
  const AcquireOutcome waiting = StartAcquire();
  world_.RunUntilIdle();
  EXPECT_FALSE(waiting.done());
  Release(held);
  ASSERT_TRUE(waiting.done());
  EXPECT_TRUE(waiting.value().ok());
}

TEST_F(RetryTest, OnceTheBreakerIsHalfOpenWhoWaitsIsServedByANewObject) {
  Policy policy = Breaks(1);
  policy.max_instances = 2;
  FailInits(0);
  Serve(kAllHooks, policy);
  Acquire();
  left_ = 1;
  EXPECT_THAT(AcquireStatus(), FailsWith(Reason::kInitFailed));
  const AcquireOutcome waiting = StartAcquire();
  world_.RunUntilIdle();
  EXPECT_FALSE(waiting.done());
  world_.Advance(absl::Seconds(30));
  ASSERT_TRUE(waiting.done());
  EXPECT_TRUE(waiting.value().ok()) << waiting.value().status();
}

TEST_F(RetryTest, WhileTheProbeIsUnderWayTheOthersWaitForItsEnd) {
  Policy policy = Breaks(1);
  policy.max_instances = 3;
  FailInits(0);
  Serve(kInitOnly, policy);
  AcquireOptions options;
  options.stream_bound = true;
  Acquire(options);
  left_ = 1;
  EXPECT_THAT(AcquireStatus(), FailsWith(Reason::kInitFailed));
  InitWaitsForGate();
  world_.Advance(absl::Seconds(30));
  const AcquireOutcome probe = StartAcquire();
  const AcquireOutcome behind = StartAcquire();
  world_.Advance(absl::Seconds(1));  // would never end if anything spun
  EXPECT_EQ(pool().counts().instances, 2u);
  OpenGate();
  world_.RunUntilIdle();
  EXPECT_TRUE(probe.done());
  EXPECT_TRUE(behind.done()) << "the breaker has closed: it is built, too";
}

TEST_F(RetryTest, AnInitThatNobodyWaitedForDoesNotOpenTheBreaker) {
  InitWaitsForGate();
  Serve(kAllHooks, Breaks(1));
  std::stop_source caller;
  StartAcquire({}, absl::InfiniteDuration(), caller.get_token());
  world_.RunUntilIdle();
  caller.request_stop();
  world_.RunUntilIdle();
  OpenGate();
  EXPECT_TRUE(AcquireStatus().ok());
}

}  // namespace
}  // namespace anteroom::lifecycle
