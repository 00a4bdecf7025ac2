// How acquires are queued and bound, and how instances live.
#include "server/lifecycle/pool.h"

#include <utility>

#include "tests/lifecycle/lifecycle_test.h"

namespace anteroom::lifecycle {
namespace {

class PoolTest : public LifecycleTest {};

// ---- binding ----

TEST_F(PoolTest, AKindWithItsOwnEnterBindsAWaiterBeforeItsInit) {
  InitWaitsForGate();
  Serve(kAllHooks);
  StartAcquire();
  world_.RunUntilIdle();
  EXPECT_EQ(EventTrace(), "CONSTRUCTED ENTERING INITIALIZING");
  EXPECT_EQ(pool().counts().leases, 1u);
  EXPECT_EQ(pool().counts().waiting, 0u);
}

TEST_F(PoolTest, AKindWithoutEnterLeavesItsWaitersUnboundUntilInitIsDone) {
  InitWaitsForGate();
  Serve(kInitOnly);
  StartAcquire();
  world_.RunUntilIdle();
  EXPECT_EQ(EventTrace(), "CONSTRUCTED INITIALIZING");
  EXPECT_EQ(pool().counts().leases, 0u);
  EXPECT_EQ(pool().counts().waiting, 1u);
  OpenGate();
  world_.RunUntilIdle();
  EXPECT_EQ(pool().counts().leases, 1u);
}

TEST_F(PoolTest, AReturnedObjectServesTheWaiterSoonerThanTheNewOne) {
  Policy policy;
  policy.max_instances = 2;
  int inits = 0;
  script_.init = [&](InitContext& context) {
    return ++inits == 1 ? Return(absl::OkStatus())
                        : WaitFor(gate_, context.stop());
  };
  Serve(kInitOnly, policy);
  const LeasePtr first = Acquire();
  const AcquireOutcome second = StartAcquire();
  world_.RunUntilIdle();
  EXPECT_FALSE(second.done());  // its own instance is still in its init
  Release(first);
  ASSERT_TRUE(second.done());
  EXPECT_EQ((*second.value())->View().instance_id, "r#1");
}

TEST_F(PoolTest, AFailedInitFailsItsOwnWaitersAndNoOthers) {
  Policy policy;
  policy.max_instances = 2;
  auto fails = std::make_shared<coro::Event>(world_.runtime());
  int inits = 0;
  script_.init = [&](InitContext& context) {
    if (++inits != 1) return WaitFor(gate_, context.stop());
    return [](std::shared_ptr<coro::Event> fails) -> coro::Task<absl::Status> {
      coro::Task<absl::Status> wait = WaitFor(fails, {});
      (void)co_await std::move(wait);
      co_return absl::UnavailableError("the first");
    }(fails);
  };
  Serve(kInitOnly, policy);
  const AcquireOutcome first = StartAcquire();
  const AcquireOutcome second = StartAcquire();
  world_.RunUntilIdle();
  fails->Set();
  world_.RunUntilIdle();
  ASSERT_TRUE(first.done());
  EXPECT_EQ(first.value().status().message(), "the first");
  EXPECT_FALSE(second.done());
  OpenGate();
  world_.RunUntilIdle();
  EXPECT_TRUE(second.value().ok());
}

TEST_F(PoolTest, AThrowingConstructorIsAnInitFailure) {
  script_.construct = [] { throw std::runtime_error("no memory"); };
  Serve(kAllHooks);
  const AcquireOutcome acquire = StartAcquire();
  world_.RunUntilIdle();
  EXPECT_THAT(acquire.value().status(), FailsWith(Reason::kInitFailed));
  EXPECT_EQ(pool().counts().instances, 0u);
  EXPECT_EQ(EventTrace(), "FAILED");
  script_.construct = nullptr;
  Acquire();
}

// ---- the queue ----

TEST_F(PoolTest, NoWaitRefusesQueueingButNotInit) {
  InitWaitsForGate();
  Serve(kInitOnly);
  AcquireOptions no_wait;
  no_wait.no_wait = true;
  const AcquireOutcome first = StartAcquire(no_wait);
  const AcquireOutcome second = StartAcquire(no_wait);
  world_.RunUntilIdle();
  EXPECT_FALSE(first.done());
  ASSERT_TRUE(second.done());
  EXPECT_THAT(second.value().status(), FailsWith(Reason::kWouldWait));
  EXPECT_TRUE(DetailOf(second.value().status()).retry_delay.has_value());
  OpenGate();
  world_.RunUntilIdle();
  EXPECT_TRUE(first.value().ok());
}

TEST_F(PoolTest, AFullQueueRefusesWithARetryDelay) {
  Policy policy;
  policy.max_waiters = 2;
  Serve(kNoHooks, policy);
  Acquire();
  const AcquireOutcome first = StartAcquire();
  const AcquireOutcome second = StartAcquire();
  const AcquireOutcome third = StartAcquire();
  world_.RunUntilIdle();
  EXPECT_FALSE(first.done());
  EXPECT_FALSE(second.done());
  ASSERT_TRUE(third.done());
  EXPECT_THAT(third.value().status(), FailsWith(Reason::kQueueFull));
}

TEST_F(PoolTest, AKeyOnAnUnkeyedResourceIsInvalid) {
  Serve(kNoHooks);
  AcquireOptions options;
  options.key = "k";
  const AcquireOutcome acquire = StartAcquire(options);
  EXPECT_THAT(acquire.value().status(), FailsWith(Reason::kInvalidRequest));
}

// ---- time to live ----

TEST_F(PoolTest, ARenewalStartsTheTimeToLiveAnew) {
  Serve(kNoHooks);
  AcquireOptions options;
  options.ttl = absl::Seconds(5);
  const LeasePtr lease = Acquire(options);
  for (int i = 0; i < 10; ++i) {
    world_.Advance(absl::Seconds(4));
    ASSERT_TRUE(anteroom_->Renew(lease->id(), absl::ZeroDuration()).ok());
  }
  EXPECT_EQ(lease->state(), LeaseState::kHeld);
  world_.Advance(absl::Seconds(5));
  EXPECT_EQ(lease->state(), LeaseState::kEnded);
  EXPECT_THAT(anteroom_->Renew(lease->id(), absl::ZeroDuration()).status(),
              FailsWith(Reason::kLeaseEnded));
}

TEST_F(PoolTest, ARenewalMayChangeTheTimeToLiveUpToItsMaximum) {
  Policy policy;
  policy.max_ttl = absl::Seconds(60);
  Serve(kNoHooks, policy);
  const LeasePtr lease = Acquire();
  EXPECT_EQ(lease->View().ttl, policy.default_ttl);
  ASSERT_TRUE(anteroom_->Renew(lease->id(), absl::Seconds(2)).ok());
  EXPECT_EQ(lease->View().ttl, absl::Seconds(2));
  world_.Advance(absl::Seconds(2));
  EXPECT_EQ(lease->state(), LeaseState::kEnded);
  AcquireOptions options;
  options.ttl = absl::Hours(1);
  EXPECT_EQ(Acquire(options)->View().ttl, absl::Seconds(60));
}

TEST_F(PoolTest, ALeaseOnAStreamDoesNotExpire) {
  Serve(kNoHooks);
  AcquireOptions options;
  options.stream_bound = true;
  const LeasePtr lease = Acquire(options);
  world_.Advance(absl::Hours(24));
  EXPECT_EQ(lease->state(), LeaseState::kHeld);
}

// ---- timeouts of the hooks ----

TEST_F(PoolTest, EnterTimeoutEndsAnEnterThatTakesTooLong) {
  script_.enter = [this](EnterContext& context) {
    return UseWaitsFor(gate_, context.stop());
  };
  Serve(Hooks{.enter = true, .exit = true});
  const AcquireOutcome acquire = StartAcquire();
  world_.Advance(absl::Seconds(10));
  ASSERT_TRUE(acquire.done());
  EXPECT_THAT(acquire.value().status(), FailsWith(Reason::kEnterTimedOut));
  EXPECT_EQ(script_.Count("exit"), 0);
}

TEST_F(PoolTest, TheInitInsideEnterDoesNotCountTowardsItsTimeout) {
  InitWaitsForGate();
  Serve(kAllHooks);
  const AcquireOutcome acquire = StartAcquire();
  world_.Advance(absl::Seconds(59));
  EXPECT_FALSE(acquire.done());
  OpenGate();
  world_.RunUntilIdle();
  EXPECT_TRUE(acquire.value().ok());
}

TEST_F(PoolTest, UseTimeoutEndsAUseThatTakesTooLongAndTheLeaseGoesOn) {
  script_.use = [this](UseContext& context, absl::string_view) {
    return UseWaitsFor(gate_, context.stop());
  };
  Policy policy;
  policy.use_timeout = absl::Seconds(1);
  Serve(kNoHooks, policy);
  const LeasePtr lease = Acquire();
  const UseOutcome use = StartUse(lease, "slow");
  world_.Advance(absl::Seconds(1));
  ASSERT_TRUE(use.done());
  EXPECT_THAT(use.value().status(), FailsWith(Reason::kUseTimedOut));
  EXPECT_EQ(lease->state(), LeaseState::kHeld);
}

TEST_F(PoolTest, ExitTimeoutIsToldInTheReceipt) {
  auto never = std::make_shared<coro::Event>(world_.runtime());
  script_.exit = [never](ExitContext& context) {
    return [](std::stop_token stop, std::shared_ptr<coro::Event> never)
               -> coro::Task<absl::StatusOr<ExitResult>> {
      coro::Task<absl::Status> wait = WaitFor(never, std::move(stop));
      const absl::Status waited = co_await std::move(wait);
      if (!waited.ok()) co_return waited;
      co_return ExitResult();
    }(context.stop(), never);
  };
  Serve(kAllHooks);
  const LeasePtr lease = Acquire();
  const ReleaseOutcome release = StartRelease(lease);
  world_.Advance(absl::Seconds(10));
  ASSERT_TRUE(release.done());
  EXPECT_TRUE(absl::IsDeadlineExceeded(release.value()->exit_status));
  EXPECT_EQ(script_.Count("close r#1"), 1);
}

// ---- how an instance goes on ----

TEST_F(PoolTest, WithoutIdleTimeoutAnInstanceIsClosedAtTheLastExit) {
  Serve(kAllHooks);
  Release(Acquire());
  EXPECT_EQ(EventTrace(),
            "CONSTRUCTED ENTERING INITIALIZING READY ENTERED EXITING EXITED "
            "CLOSING CLOSED");
}

TEST_F(PoolTest, AnIdleInstanceLingersAndIsLentAgain) {
  Policy policy;
  policy.idle_timeout = absl::Seconds(10);
  Serve(kAllHooks, policy);
  Release(Acquire());
  world_.Advance(absl::Seconds(9));
  Release(Acquire());
  world_.Advance(absl::Seconds(9));
  EXPECT_EQ(pool().counts().instances, 1u);
  world_.Advance(absl::Seconds(1));
  EXPECT_EQ(pool().counts().instances, 0u);
  EXPECT_EQ(script_.Count("init"), 1);
  EXPECT_EQ(script_.Count("close"), 1);
}

TEST_F(PoolTest, ATaintedInstanceIsClosedAfterItsLastExit) {
  Policy policy;
  policy.max_holders = 2;
  policy.idle_timeout = absl::Hours(1);
  Serve(kAllHooks, policy);
  const LeasePtr first = Acquire();
  const LeasePtr second = Acquire();
  Release(first, {ExitReason::kReleased, absl::OkStatus(), true});
  EXPECT_EQ(pool().counts().instances, 1u);
  const AcquireOutcome third = StartAcquire();
  world_.RunUntilIdle();
  EXPECT_FALSE(third.done());  // not lent the tainted one
  Release(second);
  ASSERT_TRUE(third.done());
  EXPECT_EQ((*third.value())->View().instance_id, "r#2");
}

TEST_F(PoolTest, ReuseTaintedLendsItAgain) {
  Policy policy;
  policy.reuse_tainted = true;
  policy.idle_timeout = absl::Hours(1);
  Serve(kAllHooks, policy);
  Release(Acquire(), {ExitReason::kReleased, absl::OkStatus(), true});
  EXPECT_EQ(Acquire()->View().instance_id, "r#1");
}

TEST_F(PoolTest, AnInstanceWhoseExitFailedIsClosed) {
  script_.exit = [fails = true](ExitContext&) mutable {
    return std::exchange(fails, false)
               ? ReturnExit(absl::InternalError("no exit"))
               : ReturnExit(ExitResult());
  };
  Policy policy;
  policy.idle_timeout = absl::Hours(1);
  Serve(kAllHooks, policy);
  EXPECT_EQ(Release(Acquire()).exit_status.message(), "no exit");
  EXPECT_EQ(Acquire()->View().instance_id, "r#2");
}

TEST_F(PoolTest, ExitLearnsTheBodysErrorAndMaySuppressIt) {
  absl::Status seen;
  script_.exit = [&seen](ExitContext& context) {
    seen = context.cause().error;
    ExitResult result;
    result.suppress = true;
    return ReturnExit(result);
  };
  Serve(kAllHooks);
  const Receipt failed = Release(
      Acquire(),
      {ExitReason::kBodyFailed, absl::UnknownError("ValueError: x"), false});
  EXPECT_EQ(seen.message(), "ValueError: x");
  EXPECT_TRUE(failed.error_suppressed);
  // Where there is no error there is nothing to suppress.
  EXPECT_FALSE(Release(Acquire()).error_suppressed);
}

TEST_F(PoolTest, ProgressReachesThoseWhoWaitForTheInit) {
  for (const Hooks hooks : {kInitOnly, kAllHooks}) {
    testing::ManualRuntime world;
    testing::Script script;
    script.hooks = hooks;
    script.enter = EnterAwaitsInit;
    script.init = [](InitContext& context) {
      context.Report(0.5, "half");
      return Return(absl::OkStatus());
    };
    Anteroom anteroom(world.runtime(), {});
    Policy policy;
    policy.max_holders = 0;
    ASSERT_TRUE(
        anteroom
            .AddResource("r", policy,
                         std::make_unique<testing::ScriptedKind>(script))
            .ok());
    const auto sink = std::make_shared<RecordingSink>();
    AcquireOptions options;
    options.sink = sink;
    ASSERT_TRUE(
        world
            .Run(anteroom.Acquire("r", std::move(options),
                                  absl::InfiniteDuration(), {}, coro::kNever))
            .ok());
    bool reported = false;
    for (const Event& event : sink->events) {
      if (event.phase != Phase::kProgress) continue;
      reported = true;
      EXPECT_EQ(event.progress(), 0.5);
      EXPECT_EQ(event.message(), "half");
    }
    EXPECT_TRUE(reported);
    world.Run(anteroom.Drain());
  }
}

// ---- drain ----

TEST_F(PoolTest, ADrainRefusesWaitersAndNewcomersAndEndsHolders) {
  Serve(kAllHooks);
  const LeasePtr holder = Acquire();
  const AcquireOutcome waiter = StartAcquire();
  world_.RunUntilIdle();
  DrainAndCheck();
  ASSERT_TRUE(waiter.done());
  EXPECT_THAT(waiter.value().status(), FailsWith(Reason::kDraining));
  EXPECT_EQ(holder->receipt().reason, ExitReason::kDrained);
}

TEST_F(PoolTest, ADrainStopsAnInitThatIsWaitedFor) {
  for (const bool own_enter : {false, true}) {
    testing::ManualRuntime world;
    testing::Script script;
    script.hooks = own_enter ? kAllHooks : kInitOnly;
    script.enter = EnterAwaitsInit;
    auto never = std::make_shared<coro::Event>(world.runtime());
    script.init = [never](InitContext& context) {
      return WaitFor(never, context.stop());
    };
    Anteroom anteroom(world.runtime(), {});
    ASSERT_TRUE(
        anteroom
            .AddResource("r", {},
                         std::make_unique<testing::ScriptedKind>(script))
            .ok());
    coro::TaskGroup calls(world.runtime());
    const AcquireOutcome acquire(
        calls,
        anteroom.Acquire("r", {}, absl::InfiniteDuration(), {}, coro::kNever));
    world.RunUntilIdle();
    world.Run(anteroom.Drain());
    ASSERT_TRUE(acquire.done());
    EXPECT_THAT(acquire.value().status(), FailsWith(Reason::kDraining));
    EXPECT_EQ(script.Count("destroy"), 1);
  }
}

// ---- whose stream carries what an object goes through ----

TEST_F(PoolTest, WhoIsBoundElsewhereIsToldNoMoreOfWhatWasBuiltForIt) {
  Policy policy;
  policy.max_instances = 2;
  policy.abandon_init = AbandonInit::kKeep;
  Serve(kInitOnly, policy);
  const LeasePtr holder = Acquire();
  InitWaitsForGate();
  const auto sink = std::make_shared<RecordingSink>();
  AcquireOptions options;
  options.sink = sink;
  const AcquireOutcome waiter = StartAcquire(options);
  world_.RunUntilIdle();
  EXPECT_EQ(sink->Trace(), "CONSTRUCTED INITIALIZING");
  Release(holder);
  ASSERT_TRUE(waiter.done());
  OpenGate();
  world_.RunUntilIdle();
  EXPECT_THAT(EventTrace(), ::testing::HasSubstr("READY CLOSED"));
  EXPECT_EQ(sink->Trace(), "CONSTRUCTED INITIALIZING ENTERED");
}

TEST_F(PoolTest, AWaiterIsToldOfOneObjectAfterTheOtherThatIsBuiltForIt) {
  InitWaitsForGate();
  Serve(kInitOnly);
  const auto sink = std::make_shared<RecordingSink>();
  AcquireOptions options;
  options.sink = sink;
  const AcquireOutcome waiter = StartAcquire(options);
  world_.RunUntilIdle();
  ASSERT_TRUE(pool().Evict(1).ok());
  world_.RunUntilIdle();
  OpenGate();
  world_.RunUntilIdle();
  ASSERT_TRUE(waiter.done());
  EXPECT_EQ((*waiter.value())->View().instance_id, "r#2");
  const std::vector<Event>& events = sink->events;
  ASSERT_EQ(events.size(), 7u) << sink->Trace();
  EXPECT_EQ(events[0].subject->instance_id, "r#1");
  EXPECT_EQ(events[5].subject->instance_id, "r#2");
  EXPECT_EQ(events[5].phase, Phase::kReady);
}

// ---- priorities ----

TEST_F(PoolTest, WhoQueuesIsToldItsPlaceByPriority) {
  Serve(kNoHooks);
  Acquire();
  StartAcquire();
  world_.RunUntilIdle();
  const auto sink = std::make_shared<RecordingSink>();
  AcquireOptions options;
  options.priority = 1;
  options.sink = sink;
  StartAcquire(options);
  world_.RunUntilIdle();
  ASSERT_EQ(sink->Trace(), "WAITING");
  EXPECT_EQ(sink->events.front().queue_position, 1);
}

}  // namespace
}  // namespace anteroom::lifecycle
