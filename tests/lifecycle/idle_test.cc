// Objects that nobody holds: kept warm, checked, and closed with age.
#include <string>

#include "tests/lifecycle/lifecycle_test.h"

namespace anteroom::lifecycle {
namespace {

class IdleTest : public LifecycleTest {
 protected:
  static Hooks WithCheck() {
    Hooks hooks = kAllHooks;
    hooks.check = true;
    return hooks;
  }
  static Policy Warm(int min_idle, int max_instances) {
    Policy policy;
    policy.min_idle = min_idle;
    policy.max_instances = max_instances;
    return policy;
  }
  static Policy Checked() {
    Policy policy;
    policy.idle_timeout = absl::Hours(1);
    policy.check_interval = absl::Minutes(1);
    return policy;
  }
};

// ---- min_idle ----

TEST_F(IdleTest, MinIdleIsReadyBeforeAnybodyAsks) {
  Serve(kAllHooks, Warm(2, 4));
  world_.RunUntilIdle();
  EXPECT_EQ(script_.Count("init"), 2);
  EXPECT_EQ(pool().counts().instances, 2u);
  Acquire();
  EXPECT_EQ(script_.Count("enter"), 1);
}

TEST_F(IdleTest, MinIdleIsFilledUpWhenOneIsTaken) {
  Serve(kInitOnly, Warm(2, 4));
  world_.RunUntilIdle();
  EXPECT_EQ(pool().counts().instances, 2u);
  Acquire();
  EXPECT_EQ(pool().counts().instances, 3u);
  Acquire();
  EXPECT_EQ(pool().counts().instances, 4u);
  Acquire();  // max_instances bounds the warm ones, too
  EXPECT_EQ(pool().counts().instances, 4u);
}

TEST_F(IdleTest, MinIdleIsKeptAndTheSurplusClosed) {
  Serve(kAllHooks, Warm(1, 4));
  world_.RunUntilIdle();
  const LeasePtr a = Acquire();
  const LeasePtr b = Acquire();
  EXPECT_EQ(pool().counts().instances, 3u);
  Release(a);
  Release(b);
  EXPECT_EQ(pool().counts().instances, 1u);
}

TEST_F(IdleTest, MinIdleOutlivesIdleTimeout) {
  Policy policy = Warm(1, 4);
  policy.idle_timeout = absl::Minutes(1);
  Serve(kAllHooks, policy);
  world_.RunUntilIdle();
  Release(Acquire());
  EXPECT_EQ(pool().counts().instances, 2u);
  world_.Advance(absl::Hours(1));
  EXPECT_EQ(pool().counts().instances, 1u);
}

TEST_F(IdleTest, IdleTimeoutDoesNotCountAHold) {
  Policy policy;
  policy.idle_timeout = absl::Minutes(1);
  Serve(kAllHooks, policy);
  Release(Acquire());
  world_.Advance(absl::Seconds(50));
  const LeasePtr lease = Acquire();
  world_.Advance(absl::Seconds(20));  // the first spell would be over
  Release(lease);
  world_.Advance(absl::Seconds(59));
  EXPECT_EQ(pool().counts().instances, 1u);
  world_.Advance(absl::Seconds(1));
  EXPECT_EQ(pool().counts().instances, 0u);
}

TEST_F(IdleTest, CheckIntervalDoesNotCountAHold) {
  Serve(WithCheck(), Checked());
  Release(Acquire());
  world_.Advance(absl::Seconds(50));
  const LeasePtr lease = Acquire();
  world_.Advance(absl::Seconds(20));
  Release(lease);
  world_.Advance(absl::Seconds(59));
  EXPECT_EQ(script_.Count("check"), 0);
  world_.Advance(absl::Seconds(1));
  EXPECT_EQ(script_.Count("check"), 1);
}

TEST_F(IdleTest, AWarmInitThatFailsIsTriedAgainLater) {
  int inits = 0;
  script_.init = [&inits](InitContext&) {
    return Return(++inits <= 2 ? absl::UnavailableError("not yet")
                               : absl::OkStatus());
  };
  Serve(kAllHooks, Warm(1, 2));
  world_.RunUntilIdle();
  EXPECT_EQ(inits, 1);
  EXPECT_EQ(pool().counts().instances, 0u);
  world_.Advance(absl::Milliseconds(100));
  EXPECT_EQ(inits, 2);
  world_.Advance(absl::Milliseconds(200));
  EXPECT_EQ(inits, 3);
  EXPECT_EQ(pool().counts().instances, 1u);
}

TEST_F(IdleTest, AWarmInitServesWhoComesMeanwhile) {
  InitWaitsForGate();
  Serve(kAllHooks, Warm(1, 1));
  world_.RunUntilIdle();
  const AcquireOutcome outcome = StartAcquire();
  world_.RunUntilIdle();
  EXPECT_FALSE(outcome.done());
  OpenGate();
  world_.RunUntilIdle();
  ASSERT_TRUE(outcome.done());
  EXPECT_EQ(script_.Count("init"), 1);
}

TEST_F(IdleTest, WhoLeavesDuringAWarmInitDoesNotEndIt) {
  InitWaitsForGate();
  Serve(kAllHooks, Warm(1, 1));
  world_.RunUntilIdle();
  std::stop_source caller;
  StartAcquire({}, absl::InfiniteDuration(), caller.get_token());
  world_.RunUntilIdle();
  caller.request_stop();
  world_.RunUntilIdle();
  OpenGate();
  world_.RunUntilIdle();
  EXPECT_EQ(pool().counts().instances, 1u);
  Acquire();
  EXPECT_EQ(script_.Count("init"), 1);
}

// ---- max_lifetime ----

TEST_F(IdleTest, MaxLifetimeClosesAnIdleObjectWithTenPercentOfJitter) {
  Policy policy;
  policy.idle_timeout = absl::InfiniteDuration();
  policy.max_lifetime = absl::Minutes(100);
  Serve(kAllHooks, policy);
  Release(Acquire());
  world_.Advance(absl::Minutes(90) - absl::Nanoseconds(1));
  EXPECT_EQ(pool().counts().instances, 1u);
  world_.Advance(absl::Minutes(20) + absl::Nanoseconds(1));
  EXPECT_EQ(pool().counts().instances, 0u);
}

TEST_F(IdleTest, MaxLifetimeLetsAHolderFinish) {
  Policy policy;
  policy.idle_timeout = absl::InfiniteDuration();
  policy.max_lifetime = absl::Minutes(1);
  Serve(kAllHooks, policy);
  AcquireOptions options;
  options.stream_bound = true;
  const LeasePtr lease = Acquire(options);
  world_.Advance(absl::Minutes(10));
  EXPECT_EQ(lease->state(), LeaseState::kHeld);
  const AcquireOutcome next = StartAcquire();
  world_.RunUntilIdle();
  Release(lease);
  ASSERT_TRUE(next.done());
  EXPECT_EQ((*next.value())->View().instance_id, "r#2");
}

TEST_F(IdleTest, AnAgedWarmObjectIsReplaced) {
  Policy policy = Warm(1, 2);
  policy.max_lifetime = absl::Minutes(1);
  Serve(kAllHooks, policy);
  world_.RunUntilIdle();
  world_.Advance(absl::Minutes(1) * 1.1);
  EXPECT_EQ(script_.Count("construct"), 2);
  EXPECT_EQ(pool().counts().instances, 1u);
}

// ---- check_interval ----

TEST_F(IdleTest, CheckIntervalChecksWhatNobodyHolds) {
  Serve(WithCheck(), Checked());
  const LeasePtr lease = Acquire();
  world_.Advance(absl::Seconds(20));
  EXPECT_EQ(script_.Count("check"), 0);
  Release(lease);
  world_.Advance(absl::Minutes(1));
  EXPECT_EQ(script_.Count("check"), 1);
  world_.Advance(absl::Minutes(2));
  EXPECT_EQ(script_.Count("check"), 3);
}

TEST_F(IdleTest, AFailedCheckClosesTheObject) {
  script_.check = [](CheckContext&) {
    return Return(absl::InternalError("not fit"));
  };
  Serve(WithCheck(), Checked());
  Release(Acquire());
  world_.Advance(absl::Minutes(1));
  EXPECT_EQ(pool().counts().instances, 0u);
  EXPECT_THAT(EventTrace(), ::testing::EndsWith("FAILED CLOSING CLOSED"));
  EXPECT_EQ(Acquire()->View().instance_id, "r#2");
}

TEST_F(IdleTest, WhoComesDuringACheckWaitsForIt) {
  script_.check = [this](CheckContext& context) {
    return WaitFor(gate_, context.stop());
  };
  Policy policy = Checked();
  policy.max_instances = 2;
  Serve(WithCheck(), policy);
  Release(Acquire());
  world_.Advance(absl::Minutes(1));
  AcquireOptions options;
  options.no_wait = true;
  const AcquireOutcome outcome = StartAcquire(options);
  world_.RunUntilIdle();
  EXPECT_FALSE(outcome.done());
  OpenGate();
  world_.RunUntilIdle();
  ASSERT_TRUE(outcome.done());
  ASSERT_TRUE(outcome.value().ok()) << outcome.value().status();
  EXPECT_EQ((*outcome.value())->View().instance_id, "r#1");
}

TEST_F(IdleTest, WhoWaitedForACheckThatFailedGetsANewObject) {
  script_.check = [this](CheckContext&) {
    return [](std::shared_ptr<coro::Event> gate) -> coro::Task<absl::Status> {
      coro::Task<absl::Status> wait = WaitFor(gate, {});
      (void)co_await std::move(wait);
      co_return absl::InternalError("not fit");
    }(gate_);
  };
  Serve(WithCheck(), Checked());
  Release(Acquire());
  world_.Advance(absl::Minutes(1));
  const AcquireOutcome outcome = StartAcquire();
  world_.RunUntilIdle();
  OpenGate();
  world_.RunUntilIdle();
  ASSERT_TRUE(outcome.done());
  ASSERT_TRUE(outcome.value().ok()) << outcome.value().status();
  EXPECT_EQ((*outcome.value())->View().instance_id, "r#2");
}

TEST_F(IdleTest, AWaiterDuringACheckOfAWarmObjectGetsTheNextWarmOne) {
  script_.check = [this](CheckContext& context) {
    return WaitFor(gate_, context.stop());
  };
  Policy policy = Warm(1, 2);
  policy.check_interval = absl::Minutes(1);
  Hooks hooks = WithCheck();
  hooks.init = hooks.enter = false;
  Serve(hooks, policy);
  world_.Advance(absl::Minutes(1));
  EXPECT_EQ(script_.Count("check"), 1);
  const AcquireOutcome outcome = StartAcquire();
  world_.RunUntilIdle();  // would never end if objects were built and closed
  ASSERT_TRUE(outcome.done());
  EXPECT_EQ((*outcome.value())->View().instance_id, "r#2");
}

TEST_F(IdleTest, ACheckIsBoundedByEnterTimeout) {
  script_.check = [this](CheckContext& context) {
    return WaitFor(gate_, context.stop());
  };
  Serve(WithCheck(), Checked());
  Release(Acquire());
  world_.Advance(absl::Minutes(1) + absl::Seconds(10));
  EXPECT_EQ(pool().counts().instances, 0u);
}

TEST_F(IdleTest, ADrainStopsACheck) {
  script_.check = [this](CheckContext& context) {
    return WaitFor(gate_, context.stop());
  };
  Serve(WithCheck(), Checked());
  Release(Acquire());
  world_.Advance(absl::Minutes(1));
  world_.Run(anteroom_->Drain());
  EXPECT_EQ(pool().counts().instances, 0u);
}

}  // namespace
}  // namespace anteroom::lifecycle
