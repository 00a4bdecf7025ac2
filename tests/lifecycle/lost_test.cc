// InstanceContext::Lost: an object that dies by itself.
#include <stdexcept>

#include "tests/lifecycle/lifecycle_test.h"

namespace anteroom::lifecycle {
namespace {

using ::testing::HasSubstr;

class LostTest : public LifecycleTest {
 protected:
  // Object number `which`, from 1, dies.
  void Lose(std::size_t which) {
    script_.contexts.at(which - 1)->Lost(absl::AbortedError("it crashed"));
    world_.RunUntilIdle();
  }
  static coro::Task<absl::StatusOr<ExitResult>> ExitWaitsFor(
      std::shared_ptr<coro::Event> event) {
    coro::Task<coro::Wake> wait = event->Wait();
    co_await std::move(wait);
    co_return ExitResult();
  }
  static Policy Lingering() {
    Policy policy;
    policy.idle_timeout = absl::Hours(1);
    return policy;
  }
};

TEST_F(LostTest, EndsTheLeaseAtOnceWithInstanceLost) {
  Serve(kAllHooks, Lingering());
  const LeasePtr lease = Acquire();
  Lose(1);
  ASSERT_EQ(lease->state(), LeaseState::kEnded);
  EXPECT_EQ(lease->receipt().reason, ExitReason::kInstanceLost);
  EXPECT_THAT(lease->receipt().exit_status, FailsWith(Reason::kInstanceLost));
  EXPECT_THAT(lease->receipt().exit_status.message(), HasSubstr("it crashed"));
  EXPECT_EQ(script_.Count("exit r#1 INSTANCE_LOST"), 1);
  EXPECT_EQ(script_.Count("close r#1"), 1);
}

TEST_F(LostTest, EndsEveryLeaseOnASharedObjectAndNoneOnAnother) {
  Policy policy = Lingering();
  policy.max_holders = 2;
  policy.max_instances = 2;
  Serve(kNoHooks, policy);
  const LeasePtr first = Acquire();
  const LeasePtr second = Acquire();
  const LeasePtr other = Acquire();
  Lose(1);
  EXPECT_EQ(first->state(), LeaseState::kEnded);
  EXPECT_EQ(second->state(), LeaseState::kEnded);
  EXPECT_EQ(other->state(), LeaseState::kHeld);
}

TEST_F(LostTest, StopsARunningUseAtOnceWhichAnswersInstanceLost) {
  script_.use = [this](UseContext& context, absl::string_view) {
    return UseWaitsFor(gate_, context.stop());
  };
  Serve(kNoHooks);
  const LeasePtr lease = Acquire();
  const UseOutcome use = StartUse(lease, "m");
  world_.RunUntilIdle();
  Lose(1);  // time stands still: use_grace does not begin to pass
  ASSERT_TRUE(use.done());
  EXPECT_THAT(use.value().status(), FailsWith(Reason::kInstanceLost));
  EXPECT_EQ(use.value().status().code(), absl::StatusCode::kUnavailable);
}

TEST_F(LostTest, ALaterUseIsToldThatTheLeaseEndedAndHow) {
  Serve(kNoHooks);
  const LeasePtr lease = Acquire();
  Lose(1);
  const UseOutcome use = StartUse(lease, "m");
  world_.RunUntilIdle();
  ASSERT_TRUE(use.done());
  EXPECT_THAT(use.value().status(), FailsWith(Reason::kLeaseEnded));
  EXPECT_THAT(
      DetailOf(use.value().status()).metadata,
      ::testing::Contains(::testing::Pair("exit_reason", "INSTANCE_LOST")));
}

TEST_F(LostTest, WhoeverWaitsIsServedByAnother) {
  Serve(kInitOnly);
  const LeasePtr holder = Acquire();
  const AcquireOutcome waits = StartAcquire();
  world_.RunUntilIdle();
  Lose(1);
  ASSERT_TRUE(waits.done());
  ASSERT_TRUE(waits.value().ok()) << waits.value().status();
  EXPECT_EQ((*waits.value())->View().instance_id, "r#2");
}

TEST_F(LostTest, AnIdleObjectIsClosedAndMinIdleIsKept) {
  Policy policy = Lingering();
  policy.min_idle = 1;
  Serve(kInitOnly, policy);
  world_.RunUntilIdle();
  Lose(1);
  EXPECT_EQ(script_.Count("destroy r#1"), 1);
  EXPECT_EQ(script_.Count("init r#2"), 1);
}

TEST_F(LostTest, DuringItsInitFailsThatInit) {
  InitWaitsForGate();
  Serve(kAllHooks);
  const AcquireOutcome waits = StartAcquire();
  world_.RunUntilIdle();
  Lose(1);
  ASSERT_TRUE(waits.done());
  EXPECT_THAT(waits.value().status(), FailsWith(Reason::kInitFailed));
  EXPECT_THAT(waits.value().status().message(), HasSubstr("it crashed"));
  EXPECT_EQ(script_.Count("exit"), 0);
}

TEST_F(LostTest, AnInitThatSucceedsAllTheSameIsOfNoUse) {
  script_.init = [this](InitContext&) { return WaitFor(gate_, {}); };
  Serve(kInitOnly);
  const AcquireOutcome waits = StartAcquire();
  world_.RunUntilIdle();
  Lose(1);
  OpenGate();
  world_.RunUntilIdle();
  ASSERT_TRUE(waits.done());
  EXPECT_THAT(waits.value().status(), FailsWith(Reason::kInitFailed));
}

TEST_F(LostTest, DuringAnEnterStopsIt) {
  script_.enter = [this](EnterContext& context) {
    return UseWaitsFor(gate_, context.stop());
  };
  Serve(Hooks{.init = true, .enter = true}, Lingering());
  // The object is ready: somebody else has held it.
  OpenGate();
  Release(Acquire());
  gate_ = std::make_shared<coro::Event>(world_.runtime());
  const AcquireOutcome enters = StartAcquire();
  world_.RunUntilIdle();
  ASSERT_FALSE(enters.done());
  Lose(1);
  ASSERT_TRUE(enters.done());
  EXPECT_THAT(enters.value().status(), FailsWith(Reason::kInstanceLost));
}

TEST_F(LostTest, BeforeTheFirstGrantOfAnObjectThatNobodyAwaitsEndsThatGrant) {
  script_.enter = [this](EnterContext&) { return UseWaitsFor(gate_, {}); };
  Policy policy;
  policy.await_init = AwaitInit::kNever;
  Serve(Hooks{.init = true, .enter = true, .exit = true}, policy);
  const AcquireOutcome enters = StartAcquire();
  world_.RunUntilIdle();
  Lose(1);
  OpenGate();
  world_.RunUntilIdle();
  ASSERT_TRUE(enters.done());
  EXPECT_THAT(enters.value().status(), FailsWith(Reason::kInstanceLost));
  EXPECT_EQ(script_.Count("exit r#1 INSTANCE_LOST"), 1);
}

TEST_F(LostTest, BeforeTheFirstGrantIsToldAtOnceToWhoHopedForTheObject) {
  script_.enter = [this](EnterContext&) { return UseWaitsFor(gate_, {}); };
  const auto exits = std::make_shared<coro::Event>(world_.runtime());
  script_.exit = [exits](ExitContext&) { return ExitWaitsFor(exits); };
  script_.construct = [this] {
    if (script_.contexts.size() == 2) throw std::runtime_error("no second one");
  };
  Policy policy;
  policy.await_init = AwaitInit::kNever;
  policy.max_instances = 2;
  policy.breaker.failures = 1;
  Serve(Hooks{.init = true, .enter = true, .exit = true}, policy);
  const AcquireOutcome enters = StartAcquire();
  world_.RunUntilIdle();
  const AcquireOutcome opens_the_breaker = StartAcquire();
  world_.RunUntilIdle();
  ASSERT_THAT(opens_the_breaker.value().status(),
              FailsWith(Reason::kInitFailed));
  const AcquireOutcome hopes = StartAcquire();
  world_.RunUntilIdle();
  ASSERT_FALSE(hopes.done());
  Lose(1);
  OpenGate();
  world_.RunUntilIdle();
  EXPECT_EQ(script_.Count("exit r#1"), 1);
  ASSERT_TRUE(hopes.done());  // though that exit has not ended
  EXPECT_THAT(hopes.value().status(), FailsWith(Reason::kBreakerOpen));
  exits->Set();
  world_.RunUntilIdle();
}

TEST_F(LostTest, DuringAnInitThatNobodyAwaitsEndsTheLeaseThatIsHeld) {
  // The first awaits the init, and leaves; the second does not.
  script_.enter = [this](EnterContext& context) {
    return script_.Count("enter") == 1 ? EnterAwaitsInit(context)
                                       : ReturnPayload(Payload());
  };
  InitWaitsForGate();
  Policy policy = Lingering();
  policy.await_init = AwaitInit::kNever;
  policy.abandon_init = AbandonInit::kKeep;
  Serve(Hooks{.init = true, .enter = true, .exit = true}, policy);
  std::stop_source stop;
  const AcquireOutcome leaves =
      StartAcquire({}, absl::InfiniteDuration(), stop.get_token());
  world_.RunUntilIdle();
  stop.request_stop();
  const LeasePtr lease = Acquire();
  ASSERT_EQ(script_.Count("init r#1"), 1);
  ASSERT_EQ(lease->View().instance_id, "r#1");
  Lose(1);
  ASSERT_EQ(lease->state(), LeaseState::kEnded);
  EXPECT_EQ(lease->receipt().reason, ExitReason::kInstanceLost);
}

TEST_F(LostTest, OnlyTheFirstLossCounts) {
  Serve(kAllHooks);
  const LeasePtr lease = Acquire();
  InstanceContext& context = *script_.contexts.front();
  context.Lost(absl::AbortedError("first"));
  context.Lost(absl::AbortedError("second"));
  world_.RunUntilIdle();
  EXPECT_THAT(lease->receipt().exit_status.message(), HasSubstr("first"));
  EXPECT_EQ(script_.Count("exit"), 1);
}

TEST_F(LostTest, ALeaseThatEndsAlreadyKeepsItsReason) {
  script_.exit = [this](ExitContext&) { return ExitWaitsFor(gate_); };
  Serve(Hooks{.exit = true});
  const LeasePtr lease = Acquire();
  const ReleaseOutcome release = StartRelease(lease);
  world_.RunUntilIdle();
  Lose(1);
  OpenGate();
  world_.RunUntilIdle();
  ASSERT_TRUE(release.done());
  EXPECT_EQ(release.value()->reason, ExitReason::kReleased);
  EXPECT_EQ(script_.Count("exit"), 1);
}

TEST_F(LostTest, IsToldToWatchersAsFailed) {
  Serve(kNoHooks);
  const LeasePtr lease = Acquire();
  Lose(1);
  EXPECT_THAT(EventTrace(), HasSubstr("ENTERED FAILED EXITED"));
}

}  // namespace
}  // namespace anteroom::lifecycle
