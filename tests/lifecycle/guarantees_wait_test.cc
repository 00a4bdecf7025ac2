// The guarantees of the contract that are about waiting and ending, each a
// named test: G6, G7, G8 and G10. The others are in guarantees_test.cc.
#include <algorithm>
#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/lifecycle/lifecycle_test.h"

namespace anteroom::lifecycle {
namespace {

class GuaranteeTest : public LifecycleTest {};

// ---- G6 fair ----

TEST_F(GuaranteeTest, G6WaitersAreBoundInOrderOfArrivalAndTellTheirPlace) {
  Serve(kNoHooks);
  const LeasePtr holder = Acquire();
  std::vector<std::shared_ptr<RecordingSink>> sinks;
  std::vector<AcquireOutcome> waiters;
  for (int i = 0; i < 3; ++i) {
    sinks.push_back(std::make_shared<RecordingSink>());
    AcquireOptions options;
    options.sink = sinks.back();
    waiters.push_back(StartAcquire(options));
  }
  for (int i = 0; i < 3; ++i) {
    ASSERT_EQ(sinks[i]->events.size(), 1u);
    EXPECT_EQ(sinks[i]->events[0].phase, Phase::kWaiting);
    EXPECT_EQ(sinks[i]->events[0].queue_position, i + 1);
  }
  Release(holder);
  EXPECT_TRUE(waiters[0].done());
  EXPECT_FALSE(waiters[1].done());
}

TEST_F(GuaranteeTest, G6HigherPrioritiesAreServedFirstAndEqualOnesInOrder) {
  Serve(kNoHooks);
  LeasePtr holder = Acquire();
  std::map<std::string, AcquireOutcome> waiting;
  for (const auto& [name, priority] :
       {std::pair("low", -1), {"a", 0}, {"b", 0}, {"high", 5}}) {
    AcquireOptions options;
    options.priority = priority;
    waiting.emplace(name, StartAcquire(options));
    world_.RunUntilIdle();
  }
  for (const char* const next : {"high", "a", "b", "low"}) {
    EXPECT_FALSE(waiting.at(next).done()) << next;
    Release(holder);
    ASSERT_TRUE(waiting.at(next).done()) << next;
    holder = *waiting.at(next).value();
  }
}

TEST_F(GuaranteeTest, G6AWaiterThatGaveUpCostsNobodyATurn) {
  Serve(kNoHooks);
  const LeasePtr holder = Acquire();
  std::stop_source caller;
  StartAcquire({}, absl::InfiniteDuration(), caller.get_token());
  const AcquireOutcome next = StartAcquire();
  caller.request_stop();
  StartRelease(holder);  // both before anything runs
  world_.RunUntilIdle();
  EXPECT_TRUE(next.done());
}

// ---- G7 nobody left waiting ----

TEST_F(GuaranteeTest, G7AWaiterWhoseTimeIsUpLeavesAtOnce) {
  Serve(kNoHooks);
  const LeasePtr holder = Acquire();
  const AcquireOutcome waiter = StartAcquire({}, absl::Seconds(3));
  world_.Advance(absl::Seconds(3));
  ASSERT_TRUE(waiter.done());
  EXPECT_THAT(waiter.value().status(), FailsWith(Reason::kWaitTimedOut));
  EXPECT_EQ(pool().counts().waiting, 0u);
}

TEST_F(GuaranteeTest, G7AWaiterWhoseCallIsCancelledLeavesAtOnce) {
  Serve(kNoHooks);
  const LeasePtr holder = Acquire();
  std::stop_source caller;
  const AcquireOutcome waiter =
      StartAcquire({}, absl::InfiniteDuration(), caller.get_token());
  world_.RunUntilIdle();
  caller.request_stop();
  world_.RunUntilIdle();  // no time passes
  ASSERT_TRUE(waiter.done());
  EXPECT_TRUE(absl::IsCancelled(waiter.value().status()));
  EXPECT_EQ(pool().counts().waiting, 0u);
}

TEST_F(GuaranteeTest, G7AbandonInitCancelStopsAnInitThatNobodyWaitsForAnyMore) {
  Policy policy;
  policy.max_instances = 2;
  int inits = 0;
  script_.init = [&](InitContext& context) {
    return ++inits == 1 ? Return(absl::OkStatus())
                        : WaitFor(gate_, context.stop());
  };
  Serve(kInitOnly, policy);
  const LeasePtr first = Acquire();
  StartAcquire();
  world_.RunUntilIdle();
  Release(first);
  EXPECT_EQ(pool().counts().instances, 1u);
  EXPECT_TRUE(absl::EndsWith(EventTrace(), "FAILED CLOSED"));
}

TEST_F(GuaranteeTest, G7AbandonInitKeepLetsTheInitServeTheNext) {
  Policy policy;
  policy.abandon_init = AbandonInit::kKeep;
  policy.idle_timeout = absl::Minutes(1);
  InitWaitsForGate();
  Serve(kInitOnly, policy);
  std::stop_source caller;
  StartAcquire({}, absl::InfiniteDuration(), caller.get_token());
  world_.RunUntilIdle();
  caller.request_stop();
  OpenGate();
  world_.RunUntilIdle();
  Acquire();
  EXPECT_EQ(script_.Count("init"), 1);
}

TEST_F(GuaranteeTest, G7AnObjectWhoseAbandonedInitSucceedsAnywayIsClosed) {
  // An init that does not look at its stop token.
  script_.init = [this](InitContext&) { return WaitFor(gate_, {}); };
  Serve(kInitOnly);
  std::stop_source caller;
  StartAcquire({}, absl::InfiniteDuration(), caller.get_token());
  world_.RunUntilIdle();
  caller.request_stop();
  world_.RunUntilIdle();
  EXPECT_EQ(pool().counts().instances, 1u);
  OpenGate();
  world_.RunUntilIdle();
  EXPECT_EQ(pool().counts().instances, 0u);
}

// ---- G8 nothing leaks ----

TEST_F(GuaranteeTest, G8RandomSchedulesLeakNothing) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    testing::ManualRuntime world(seed);
    testing::Script script;
    script.hooks = seed % 2 == 0 ? kAllHooks : kInitOnly;
    script.enter = EnterAwaitsInit;
    int inits = 0;
    const coro::Runtime runtime = world.runtime();
    script.init = [&inits, runtime](InitContext& context) {
      return [](coro::Runtime runtime, std::stop_token stop,
                bool fails) -> coro::Task<absl::Status> {
        coro::Task<coro::Wake> sleep = coro::SleepUntil(
            runtime, coro::After(runtime.clock.Now(), absl::Seconds(1)), stop);
        const coro::Wake wake = co_await std::move(sleep);
        if (wake == coro::Wake::kCancelled) co_return absl::CancelledError();
        co_return fails ? absl::UnavailableError("x") : absl::OkStatus();
      }(runtime, context.stop(), ++inits % 3 == 0);
    };
    Anteroom anteroom(world.runtime(), {});
    Policy policy;
    policy.max_instances = 2;
    policy.max_holders = static_cast<int>(seed % 3);
    policy.idle_timeout = absl::Seconds(seed % 4);
    ASSERT_TRUE(
        anteroom
            .AddResource("r", policy,
                         std::make_unique<testing::ScriptedKind>(script))
            .ok());
    coro::TaskGroup calls(world.runtime());
    std::mt19937_64 pick(seed);
    std::vector<std::pair<std::stop_source, AcquireOutcome>> acquires;
    for (int step = 0; step < 60; ++step) {
      const auto choice = pick() % 4;
      if (choice == 0 || acquires.empty()) {
        std::stop_source stop;
        acquires.emplace_back(
            stop, AcquireOutcome(calls, anteroom.Acquire(
                                            "r", {}, absl::Seconds(pick() % 9),
                                            stop.get_token(), coro::kNever)));
      } else if (choice == 1) {
        acquires[pick() % acquires.size()].first.request_stop();
      } else if (choice == 2) {
        const AcquireOutcome& acquire =
            acquires[pick() % acquires.size()].second;
        if (acquire.done() && acquire.value().ok()) {
          (*acquire.value())->pool().End(*acquire.value(), {});
        }
      } else {
        world.Advance(absl::Milliseconds(pick() % 1500));
      }
    }
    world.RunAdvancing(anteroom.Drain());
    world.RunAdvancing(calls.Join());
    EXPECT_EQ(world.timers().pending(), 0u) << "seed " << seed;
    EXPECT_EQ(script.Count("construct"), script.Count("destroy")) << seed;
    int entered = 0;
    for (const auto& [stop, acquire] : acquires) {
      ASSERT_TRUE(acquire.done()) << seed;
      if (acquire.value().ok()) ++entered;
    }
    // Leases whose caller left as they were granted have had their exit, too.
    if (script.hooks.exit) {
      EXPECT_GE(script.Count("exit"), entered) << seed;
    }
  }
}

TEST_F(GuaranteeTest, G8ADrainLeavesNothingAndClosesEachObjectOnce) {
  Policy policy;
  policy.max_instances = 4;
  policy.min_idle = 1;
  policy.idle_timeout = absl::Hours(1);
  Serve(kAllHooks, policy);
  const LeasePtr held = Acquire();
  const LeasePtr released = Acquire();
  Release(released);
  std::vector<AcquireOutcome> more;
  for (int i = 0; i < 6; ++i) more.push_back(StartAcquire());
  world_.RunUntilIdle();
  world_.RunAdvancing(anteroom_->Drain());
  const Pool::Counts left = pool().counts();
  EXPECT_EQ(left.instances + left.leases + left.waiting, 0u);
  EXPECT_EQ(world_.timers().pending(), 0u);
  for (const AcquireOutcome& outcome : more) EXPECT_TRUE(outcome.done());
  EXPECT_EQ(held->receipt().reason, ExitReason::kDrained);
  const int constructed = script_.Count("construct");
  EXPECT_GE(constructed, 4);
  EXPECT_EQ(script_.Count("close"), constructed);
  EXPECT_EQ(script_.Count("destroy"), constructed);
  for (int i = 1; i <= constructed; ++i) {
    EXPECT_EQ(std::count(script_.trace.begin(), script_.trace.end(),
                         absl::StrCat("close r#", i)),
              1)
        << i;
  }
}

// ---- G10 a live Use pins the lease ----

TEST_F(GuaranteeTest, G10ARunningUsePutsTheExpiryOffUntilItEnds) {
  script_.use = [this](UseContext& context, absl::string_view) {
    return UseWaitsFor(gate_, context.stop());
  };
  Serve(kNoHooks);
  const LeasePtr lease = Acquire();
  const UseOutcome use = StartUse(lease, "slow");
  world_.Advance(absl::Minutes(5));
  EXPECT_EQ(lease->state(), LeaseState::kHeld);
  OpenGate();
  world_.RunUntilIdle();
  EXPECT_TRUE(use.value().ok());
  EXPECT_EQ(lease->state(), LeaseState::kEnded);
}

TEST_F(GuaranteeTest, G10ARunningUsePutsTheExpiryOffToMaxTtlAtMost) {
  script_.use = [this](UseContext& context, absl::string_view) {
    return UseWaitsFor(gate_, context.stop());
  };
  Serve(kNoHooks);
  const LeasePtr lease = Acquire();
  const UseOutcome use = StartUse(lease, "slow");
  world_.Advance(absl::Minutes(10) + absl::Seconds(5));  // and use_grace
  ASSERT_TRUE(use.done());
  EXPECT_THAT(use.value().status(), FailsWith(Reason::kUseCancelled));
  EXPECT_EQ(lease->receipt().reason, ExitReason::kTtlExpired);
}

}  // namespace
}  // namespace anteroom::lifecycle
