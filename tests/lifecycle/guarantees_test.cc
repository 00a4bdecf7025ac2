// The guarantees of the contract, each a named test: G1 to G5 and G9 here, the
// others in guarantees_wait_test.cc.
#include <random>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/lifecycle/lifecycle_test.h"

namespace anteroom::lifecycle {
namespace {

using ::testing::ElementsAre;

class GuaranteeTest : public LifecycleTest {
 protected:
  void UseWaitsForGate() {
    script_.use = [this](UseContext& context, absl::string_view) {
      return UseWaitsFor(gate_, context.stop());
    };
  }
  static Policy Shared(int holders) {
    Policy policy;
    policy.max_holders = holders;
    return policy;
  }
};

// ---- G1 enter awaits init ----

TEST_F(GuaranteeTest, G1AcquireAnswersOnlyAfterInitHasCompleted) {
  InitWaitsForGate();
  Serve(kAllHooks);
  const AcquireOutcome acquire = StartAcquire();
  world_.RunUntilIdle();
  EXPECT_FALSE(acquire.done());
  OpenGate();
  world_.RunUntilIdle();
  ASSERT_TRUE(acquire.done());
  EXPECT_TRUE(acquire.value().ok());
}

TEST_F(GuaranteeTest, G1KindWithoutEnterIsAwaitedByTheServer) {
  InitWaitsForGate();
  Serve(kInitOnly);
  const AcquireOutcome acquire = StartAcquire();
  world_.RunUntilIdle();
  EXPECT_FALSE(acquire.done());
  OpenGate();
  world_.RunUntilIdle();
  EXPECT_TRUE(acquire.done());
}

TEST_F(GuaranteeTest, G1EnterThatForgetsItsInitIsAwaitedAllTheSame) {
  InitWaitsForGate();
  script_.enter = [](EnterContext&) { return ReturnPayload(Payload()); };
  Serve(kAllHooks);
  const AcquireOutcome acquire = StartAcquire();
  world_.RunUntilIdle();
  EXPECT_FALSE(acquire.done());
  OpenGate();
  world_.RunUntilIdle();
  EXPECT_TRUE(acquire.done());
  EXPECT_EQ(script_.Count("init"), 1);
}

TEST_F(GuaranteeTest, G1AwaitInitNeverGrantsAnObjectThatWasNeverAwaited) {
  script_.enter = [](EnterContext&) { return ReturnPayload(Payload()); };
  Policy policy;
  policy.await_init = AwaitInit::kNever;
  Serve(kAllHooks, policy);
  Release(Acquire());
  EXPECT_EQ(script_.Count("init"), 0);
}

TEST_F(GuaranteeTest, G1OneHoldOfAFreshObjectOfArticle4HasItsEightPhases) {
  Serve(kAllHooks);
  const auto sink = std::make_shared<RecordingSink>();
  AcquireOptions options;
  options.sink = sink;
  const LeasePtr lease = Acquire(options);
  StartUse(lease, "a_method");
  Release(lease);
  EXPECT_EQ(sink->Trace(),
            "CONSTRUCTED ENTERING INITIALIZING READY ENTERED USED EXITING "
            "EXITED");
}

TEST_F(GuaranteeTest, G1TheArticlesFourObjectsGiveItsFourTraces) {
  const struct {
    Hooks hooks;
    AwaitInit await_init;
    const char* trace;
  } programs[] = {
      {kNoHooks, AwaitInit::kOnEnter, "CONSTRUCTED ENTERED USED EXITED"},
      {kInitOnly, AwaitInit::kOnEnter,
       "CONSTRUCTED INITIALIZING READY ENTERED USED EXITED"},
      {Hooks{.init = true, .enter = true, .exit = true}, AwaitInit::kNever,
       "CONSTRUCTED ENTERING ENTERED USED EXITING EXITED"},
      {Hooks{.init = true, .enter = true, .exit = true}, AwaitInit::kOnEnter,
       "CONSTRUCTED ENTERING INITIALIZING READY ENTERED USED EXITING EXITED"},
  };
  for (const auto& program : programs) {
    testing::ManualRuntime world;
    testing::Script script;
    script.hooks = program.hooks;
    if (program.await_init == AwaitInit::kNever) {
      script.enter = [](EnterContext&) { return ReturnPayload(Payload()); };
    } else {
      script.enter = EnterAwaitsInit;
    }
    Anteroom anteroom(world.runtime(), {});
    Policy policy;
    policy.await_init = program.await_init;
    ASSERT_TRUE(
        anteroom
            .AddResource("r", policy,
                         std::make_unique<testing::ScriptedKind>(script))
            .ok());
    const auto sink = std::make_shared<RecordingSink>();
    AcquireOptions options;
    options.sink = sink;
    const auto lease = world.Run(anteroom.Acquire(
        "r", std::move(options), absl::InfiniteDuration(), {}, coro::kNever));
    ASSERT_TRUE(lease.ok());
    (void)world.Run(anteroom.Use((*lease)->id(), "a_method", argument_, 0, {},
                                 coro::kNever));
    (void)world.Run(anteroom.Release((*lease)->id(), {}, {}, coro::kNever));
    EXPECT_EQ(sink->Trace(), program.trace);
    world.Run(anteroom.Drain());
  }
}

// ---- G2 one init ----

TEST_F(GuaranteeTest, G2AThousandAcquirersOfOneSlowSharedObjectShareOneInit) {
  for (const Hooks hooks : {kInitOnly, kAllHooks}) {
    testing::ManualRuntime world;
    testing::Script script;
    script.hooks = hooks;
    script.enter = EnterAwaitsInit;
    auto gate = std::make_shared<coro::Event>(world.runtime());
    script.init = [gate](InitContext& context) {
      return WaitFor(gate, context.stop());
    };
    Anteroom anteroom(world.runtime(), {});
    ASSERT_TRUE(
        anteroom
            .AddResource("r", Shared(0),
                         std::make_unique<testing::ScriptedKind>(script))
            .ok());
    coro::TaskGroup calls(world.runtime());
    std::vector<AcquireOutcome> acquires;
    for (int i = 0; i < 1000; ++i) {
      acquires.emplace_back(
          calls, anteroom.Acquire("r", {}, absl::InfiniteDuration(), {},
                                  coro::kNever));
    }
    world.RunUntilIdle();
    for (const AcquireOutcome& acquire : acquires) {
      EXPECT_FALSE(acquire.done());
    }
    gate->Set();
    world.RunUntilIdle();
    for (const AcquireOutcome& acquire : acquires) {
      ASSERT_TRUE(acquire.done());
      EXPECT_TRUE(acquire.value().ok());
    }
    EXPECT_EQ(script.Count("construct"), 1);
    EXPECT_EQ(script.Count("init"), 1);
    world.RunAdvancing(anteroom.Drain());
    EXPECT_EQ(script.Count("exit"), hooks.exit ? 1000 : 0);
  }
}

TEST_F(GuaranteeTest, G2AFailedInitReachesEveryWaiterAndTheNextTriesAnew) {
  for (const Hooks hooks : {kInitOnly, kAllHooks}) {
    testing::ManualRuntime world;
    testing::Script script;
    script.hooks = hooks;
    script.enter = EnterAwaitsInit;
    auto gate = std::make_shared<coro::Event>(world.runtime());
    int attempts = 0;
    script.init = [&](InitContext& context) {
      if (++attempts > 1) return Return(absl::OkStatus());
      // The first waits for the gate, which is never set: it is stopped by
      // init_timeout and says why in its own words.
      return WaitFor(gate, context.stop());
    };
    Anteroom anteroom(world.runtime(), {});
    ASSERT_TRUE(
        anteroom
            .AddResource("r", Shared(0),
                         std::make_unique<testing::ScriptedKind>(script))
            .ok());
    coro::TaskGroup calls(world.runtime());
    std::vector<AcquireOutcome> acquires;
    for (int i = 0; i < 100; ++i) {
      acquires.emplace_back(
          calls, anteroom.Acquire("r", {}, absl::InfiniteDuration(), {},
                                  coro::kNever));
    }
    world.Advance(absl::Seconds(61));
    for (const AcquireOutcome& acquire : acquires) {
      ASSERT_TRUE(acquire.done());
      EXPECT_THAT(acquire.value().status(), FailsWith(Reason::kInitTimedOut));
    }
    EXPECT_EQ(attempts, 1);
    EXPECT_TRUE(world
                    .Run(anteroom.Acquire("r", {}, absl::InfiniteDuration(), {},
                                          coro::kNever))
                    .ok());
    EXPECT_EQ(attempts, 2);
    world.RunAdvancing(anteroom.Drain());
  }
}

TEST_F(GuaranteeTest, G2InitFailureKeepsTheHooksCodeAndMessage) {
  script_.init = [](InitContext&) {
    return Return(absl::UnavailableError("no database"));
  };
  Serve(kAllHooks);
  const AcquireOutcome acquire = StartAcquire();
  world_.RunUntilIdle();
  const absl::Status status = acquire.value().status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(status.message(), "no database");
  EXPECT_THAT(status, FailsWith(Reason::kInitFailed));
  EXPECT_EQ(script_.Count("exit"), 0);
}

// ---- G3 one exit ----

TEST_F(GuaranteeTest, G3ExitRunsOnceHoweverManyRelease) {
  Serve(kAllHooks);
  const LeasePtr lease = Acquire();
  std::vector<ReleaseOutcome> releases;
  for (int i = 0; i < 50; ++i) releases.push_back(StartRelease(lease));
  world_.RunUntilIdle();
  for (const ReleaseOutcome& release : releases) {
    ASSERT_TRUE(release.done());
    EXPECT_TRUE(release.value().ok());
  }
  EXPECT_EQ(script_.Count("exit"), 1);
}

TEST_F(GuaranteeTest, G3ExitRunsOnceOnEachWayOut) {
  Serve(kAllHooks);
  const struct {
    ExitCause cause;
    const char* line;
  } ways[] = {
      {{ExitReason::kReleased, absl::OkStatus(), false}, "RELEASED"},
      {{ExitReason::kBodyFailed, absl::UnknownError("x"), false},
       "BODY_FAILED"},
      {{ExitReason::kDisconnected, absl::OkStatus(), false}, "DISCONNECTED"},
      {{ExitReason::kCancelled, absl::CancelledError(), false}, "CANCELLED"},
  };
  for (const auto& way : ways) {
    const int before = script_.Count("exit");
    EXPECT_EQ(Release(Acquire(), way.cause).reason, way.cause.reason);
    EXPECT_EQ(script_.Count("exit"), before + 1);
    EXPECT_TRUE(
        absl::EndsWith(script_.trace[script_.trace.size() - 3], way.line));
  }
}

TEST_F(GuaranteeTest, G3ExitRunsOnceOnExpiry) {
  Serve(kAllHooks);
  AcquireOptions options;
  options.ttl = absl::Seconds(5);
  const LeasePtr lease = Acquire(options);
  world_.Advance(absl::Seconds(4));
  EXPECT_EQ(script_.Count("exit"), 0);
  world_.Advance(absl::Seconds(1));
  EXPECT_EQ(script_.Count("exit"), 1);
  EXPECT_EQ(lease->receipt().reason, ExitReason::kTtlExpired);
  EXPECT_EQ(Release(lease).reason, ExitReason::kTtlExpired);
  EXPECT_EQ(script_.Count("exit"), 1);
}

TEST_F(GuaranteeTest, G3ExitRunsOnceOnDrain) {
  Serve(kAllHooks);
  const LeasePtr lease = Acquire();
  DrainAndCheck();
  EXPECT_EQ(script_.Count("exit"), 1);
  EXPECT_EQ(lease->receipt().reason, ExitReason::kDrained);
}

TEST_F(GuaranteeTest, G3WhereEnterFailedExitDoesNotRunAndTheObjectIsClosed) {
  bool fails = true;
  script_.enter = [&fails](EnterContext&) {
    if (!fails) return ReturnPayload(Payload());
    fails = false;
    return ReturnPayload(absl::InternalError("no entry"));
  };
  Serve(kAllHooks);
  const AcquireOutcome acquire = StartAcquire();
  world_.RunUntilIdle();
  EXPECT_THAT(acquire.value().status(), FailsWith(Reason::kEnterFailed));
  EXPECT_EQ(acquire.value().status().code(), absl::StatusCode::kInternal);
  EXPECT_EQ(script_.Count("exit"), 0);
  EXPECT_EQ(script_.Count("close r#1"), 1);
  Acquire();
  EXPECT_EQ(script_.Count("construct r#2"), 1);
}

TEST_F(GuaranteeTest, G3ALeaseWhoseCallerLeftDuringEnterIsEndedAtOnce) {
  auto entered = std::make_shared<coro::Event>(world_.runtime());
  // An enter that does not look at its stop token, and succeeds.
  script_.enter = [entered](EnterContext&) { return UseWaitsFor(entered, {}); };
  Serve(kAllHooks);
  std::stop_source caller;
  const AcquireOutcome acquire =
      StartAcquire({}, absl::InfiniteDuration(), caller.get_token());
  world_.RunUntilIdle();
  caller.request_stop();
  world_.RunUntilIdle();
  entered->Set();
  world_.RunUntilIdle();
  ASSERT_TRUE(acquire.done());
  EXPECT_TRUE(absl::IsCancelled(acquire.value().status()));
  EXPECT_EQ(script_.Count("exit r#1 DISCONNECTED"), 1);
}

TEST_F(GuaranteeTest, G3AHookThatThrowsIsAnInternalErrorAndExitStillCounts) {
  script_.exit = [](ExitContext&) -> coro::Task<absl::StatusOr<ExitResult>> {
    throw std::runtime_error("boom");
  };
  Serve(kAllHooks);
  const Receipt receipt = Release(Acquire());
  EXPECT_EQ(receipt.exit_status.code(), absl::StatusCode::kInternal);
  EXPECT_THAT(std::string(receipt.exit_status.message()),
              ::testing::HasSubstr("boom"));
  EXPECT_EQ(receipt.attempts, 1);
}

// ---- G4 exit after use ----

TEST_F(GuaranteeTest, G4ExitStartsAfterTheLastUseHasEnded) {
  UseWaitsForGate();
  Serve(kAllHooks);
  const LeasePtr lease = Acquire();
  const UseOutcome first = StartUse(lease, "one");
  const UseOutcome second = StartUse(lease, "two");
  const ReleaseOutcome release = StartRelease(lease);
  world_.RunUntilIdle();
  EXPECT_EQ(script_.Count("exit"), 0);
  EXPECT_FALSE(release.done());
  OpenGate();
  world_.RunUntilIdle();
  EXPECT_TRUE(first.value().ok());
  EXPECT_TRUE(second.value().ok());
  EXPECT_TRUE(release.done());
  EXPECT_EQ(script_.Count("exit"), 1);
}

TEST_F(GuaranteeTest, G4NoUseStartsOnceTheEndIsDecided) {
  UseWaitsForGate();
  Serve(kAllHooks);
  const LeasePtr lease = Acquire();
  const UseOutcome running = StartUse(lease, "one");
  StartRelease(lease);
  const UseOutcome late = StartUse(lease, "late");
  world_.RunUntilIdle();
  ASSERT_TRUE(late.done());
  EXPECT_THAT(late.value().status(), FailsWith(Reason::kLeaseEnded));
  EXPECT_EQ(script_.Count("use r#1 late"), 0);
  OpenGate();
  world_.RunUntilIdle();
}

TEST_F(GuaranteeTest, G4UsesThatOutlastUseGraceAreCancelledBeforeExit) {
  UseWaitsForGate();
  Serve(kAllHooks);
  const LeasePtr lease = Acquire();
  const UseOutcome use = StartUse(lease, "slow");
  const ReleaseOutcome release = StartRelease(lease);
  world_.Advance(absl::Seconds(4));
  EXPECT_FALSE(use.done());
  world_.Advance(absl::Seconds(1));
  ASSERT_TRUE(use.done());
  EXPECT_THAT(use.value().status(), FailsWith(Reason::kUseCancelled));
  EXPECT_TRUE(release.done());
  EXPECT_EQ(script_.Count("exit"), 1);
}

// ---- G5 one holder ----

TEST_F(GuaranteeTest, G5AnExclusiveInstanceHasOneHolderAndTokensGrow) {
  Serve(kAllHooks);
  std::vector<AcquireOutcome> acquires;
  for (int i = 0; i < 100; ++i) acquires.push_back(StartAcquire());
  std::uint64_t last_token = 0;
  for (int i = 0; i < 100; ++i) {
    world_.RunUntilIdle();
    // In order of arrival: the i-th is done, the next is not.
    ASSERT_TRUE(acquires[i].done());
    const LeasePtr lease = *acquires[i].value();
    EXPECT_EQ(pool().counts().leases, 1u);
    if (i + 1 < 100) EXPECT_FALSE(acquires[i + 1].done());
    EXPECT_GT(lease->fencing_token(), last_token);
    last_token = lease->fencing_token();
    StartRelease(lease);
  }
  world_.RunUntilIdle();
  EXPECT_EQ(script_.Count("construct"), 1);
  EXPECT_EQ(script_.Count("exit"), 100);
}

TEST_F(GuaranteeTest, G5ASharedInstanceHasAtMostMaxHolders) {
  Serve(kAllHooks, Shared(3));
  std::vector<AcquireOutcome> acquires;
  for (int i = 0; i < 4; ++i) acquires.push_back(StartAcquire());
  world_.RunUntilIdle();
  EXPECT_EQ(pool().counts().leases, 3u);
  EXPECT_FALSE(acquires[3].done());
  Release(*acquires[1].value());
  EXPECT_TRUE(acquires[3].done());
  EXPECT_EQ(script_.Count("construct"), 1);
}

TEST_F(GuaranteeTest, G5RandomTrafficNeverOverfillsAnInstance) {
  Policy policy = Shared(2);
  policy.max_instances = 3;
  Serve(kAllHooks, policy);
  std::mt19937 pick(7);
  std::vector<AcquireOutcome> waiting;
  std::vector<LeasePtr> held;
  for (int step = 0; step < 5000; ++step) {
    if (pick() % 2 == 0) {
      waiting.push_back(StartAcquire());
    } else if (!held.empty()) {
      const std::size_t which = pick() % held.size();
      StartRelease(held[which]);
      held.erase(held.begin() + static_cast<long>(which));
    }
    world_.RunUntilIdle();
    const Pool::Counts counts = pool().counts();
    ASSERT_LE(counts.instances, 3u);
    ASSERT_LE(counts.leases, 6u);
    // Nobody waits while there is room.
    ASSERT_TRUE(counts.waiting == 0 || counts.leases == 6u);
    std::erase_if(waiting, [&](const AcquireOutcome& acquire) {
      if (!acquire.done()) return false;
      held.push_back(*acquire.value());
      return true;
    });
  }
}

// ---- G9 release is idempotent, acquire retry-safe ----

TEST_F(GuaranteeTest, G9ReleaseTwiceAnswersWithTheSameReceipt) {
  Serve(kAllHooks);
  const LeasePtr lease = Acquire();
  const Receipt first =
      Release(lease, {ExitReason::kBodyFailed, absl::UnknownError("x"), false});
  world_.Advance(absl::Seconds(1));
  const Receipt second = Release(lease);
  EXPECT_EQ(second.reason, ExitReason::kBodyFailed);
  EXPECT_EQ(second.end_time, first.end_time);
  EXPECT_EQ(second.held, first.held);
  EXPECT_EQ(script_.Count("exit"), 1);
}

TEST_F(GuaranteeTest, G9UseAfterReleaseIsLeaseEndedAndSaysWhy) {
  Serve(kAllHooks);
  const LeasePtr lease = Acquire();
  Release(lease);
  const UseOutcome use = StartUse(lease, "a_method");
  ASSERT_TRUE(use.done());
  EXPECT_THAT(use.value().status(), FailsWith(Reason::kLeaseEnded));
  const ErrorDetail detail = DetailOf(use.value().status());
  EXPECT_THAT(detail.metadata,
              ElementsAre(std::make_pair("exit_reason", "RELEASED")));
}

AcquireOptions WithRequestId(std::string arguments = "same") {
  AcquireOptions options;
  options.request = "0123456789abcdef";
  options.arguments = std::move(arguments);
  return options;
}

TEST_F(GuaranteeTest, G9ARetriedAcquireJoinsTheWaitAndGetsTheSameLease) {
  InitWaitsForGate();
  Serve(kAllHooks);
  const AcquireOutcome first = StartAcquire(WithRequestId());
  const AcquireOutcome retry = StartAcquire(WithRequestId());
  world_.RunUntilIdle();
  EXPECT_FALSE(retry.done());
  OpenGate();
  world_.RunUntilIdle();
  const LeasePtr lease = *first.value();
  EXPECT_EQ(*retry.value(), lease);
  EXPECT_EQ(Acquire(WithRequestId()), lease);
  EXPECT_EQ(script_.Count("enter"), 1);
}

TEST_F(GuaranteeTest, G9ARetryAfterTheLeasesEndIsLeaseEnded) {
  Serve(kAllHooks);
  Release(Acquire(WithRequestId()));
  const AcquireOutcome retry = StartAcquire(WithRequestId());
  world_.RunUntilIdle();
  EXPECT_THAT(retry.value().status(), FailsWith(Reason::kLeaseEnded));
}

TEST_F(GuaranteeTest, G9ARequestIdWithOtherArgumentsIsRefused) {
  Serve(kAllHooks);
  Acquire(WithRequestId());
  const AcquireOutcome other = StartAcquire(WithRequestId("other"));
  world_.RunUntilIdle();
  EXPECT_THAT(other.value().status(), FailsWith(Reason::kRequestIdReused));
}

TEST_F(GuaranteeTest, G9FailuresAreNotRemembered) {
  bool fails = true;
  script_.init = [&fails](InitContext&) {
    return Return(std::exchange(fails, false) ? absl::UnavailableError("x")
                                              : absl::OkStatus());
  };
  Serve(kAllHooks);
  const AcquireOutcome first = StartAcquire(WithRequestId());
  world_.RunUntilIdle();
  EXPECT_FALSE(first.value().ok());
  Acquire(WithRequestId("other arguments are fine now"));
}

TEST_F(GuaranteeTest, G9AWaiterWhoseCallIsGoneHasLeftAndItsRetryQueuesAnew) {
  Serve(kAllHooks);
  const LeasePtr holder = Acquire();
  std::stop_source caller;
  const AcquireOutcome first = StartAcquire(
      WithRequestId(), absl::InfiniteDuration(), caller.get_token());
  world_.RunUntilIdle();
  const AcquireOutcome other = StartAcquire();
  caller.request_stop();
  world_.RunUntilIdle();
  EXPECT_TRUE(absl::IsCancelled(first.value().status()));
  const AcquireOutcome retry = StartAcquire(WithRequestId());
  world_.RunUntilIdle();
  Release(holder);
  EXPECT_TRUE(other.done());
  EXPECT_FALSE(retry.done());
  Release(*other.value());
  EXPECT_TRUE(retry.done());
}

}  // namespace
}  // namespace anteroom::lifecycle
