// Kinds whose objects are made elsewhere: their constructor takes time, fails,
// and says which hooks the object has.
#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/lifecycle/lifecycle_test.h"

namespace anteroom::lifecycle {
namespace {

constexpr Hooks kCloseOnly{.close = true};
constexpr Hooks kInitAndClose{.init = true, .close = true};

// Makes what ScriptedKind constructs, once the test lets it.
class SlowKind : public Kind {
 public:
  SlowKind(testing::Script& script, bool& ended)
      : ended_(ended), scripted_(script) {}

  coro::Task<absl::StatusOr<Made>> Make(const InstanceInfo& info,
                                        InstanceContext& instance,
                                        ConstructContext& context) override {
    ++attempts;
    instances.push_back(&instance);
    if (!gates.empty()) {
      const std::shared_ptr<coro::Event> gate = gates.front();
      gates.pop_front();
      coro::Task<absl::Status> wait =
          WaitFor(gate, deaf ? std::stop_token() : context.stop());
      const absl::Status waited = co_await std::move(wait);
      if (!waited.ok()) co_return waited;
    }
    if (fails > 0) {
      --fails;
      co_return absl::UnavailableError("not there");
    }
    Made made;
    made.object = scripted_.Construct(info, instance);
    made.hooks = scripted_.hooks();
    co_return made;
  }
  coro::Task<void> End() override {
    ended_ = true;
    co_return;
  }

  // Each is awaited by one attempt.
  std::deque<std::shared_ptr<coro::Event>> gates;
  int fails = 0;
  int attempts = 0;
  bool deaf = false;  // ignores its stop
  // Of each attempt.
  std::vector<InstanceContext*> instances;

 private:
  bool& ended_;
  testing::ScriptedKind scripted_;
};

class MakeTest : public LifecycleTest {
 protected:
  // The resource "r"; what its objects have is what `hooks` says when each is
  // made.
  void ServeSlow(Hooks hooks, Policy policy = {}) {
    script_.hooks = hooks;
    script_.enter = EnterAwaitsInit;
    auto kind = std::make_unique<SlowKind>(script_, ended_);
    kind_ = kind.get();
    ASSERT_TRUE(anteroom_->AddResource("r", policy, std::move(kind)).ok());
  }
  // The next object is made when OpenGate() is called.
  void MakingWaitsForGate() { kind_->gates.push_back(gate_); }
  // The object that is being made.
  void Lose() {
    kind_->instances.back()->Lost(absl::AbortedError("it crashed"));
    world_.RunUntilIdle();
  }

  bool ended_ = false;  // whether the kind was awaited to its end
  SlowKind* kind_ = nullptr;
};

TEST_F(MakeTest, WhoAcquiresWaitsForTheConstructor) {
  ServeSlow(kAllHooks);
  MakingWaitsForGate();
  const AcquireOutcome outcome = StartAcquire();
  world_.RunUntilIdle();
  EXPECT_FALSE(outcome.done());
  EXPECT_EQ(EventTrace(), "");
  OpenGate();
  world_.RunUntilIdle();
  ASSERT_TRUE(outcome.value().ok()) << outcome.value().status();
  EXPECT_EQ(EventTrace(), "CONSTRUCTED ENTERING INITIALIZING READY ENTERED");
}

TEST_F(MakeTest, TheEventsAreThoseOfTheHooksThatTheObjectWasMadeWith) {
  ServeSlow(kCloseOnly);
  Release(Acquire());
  EXPECT_EQ(EventTrace(), "CONSTRUCTED ENTERED EXITED CLOSING CLOSED");
  script_.hooks = kAllHooks;
  Release(Acquire());
  EXPECT_EQ(EventTrace(),
            "CONSTRUCTED ENTERED EXITED CLOSING CLOSED "
            "CONSTRUCTED ENTERING INITIALIZING READY ENTERED EXITING EXITED "
            "CLOSING CLOSED");
}

TEST_F(MakeTest, WhatComesBackServesAWaiterUnlessAnEnterHasBoundIt) {
  Policy policy;
  policy.max_instances = 2;
  policy.idle_timeout = absl::Hours(1);
  InitWaitsForGate();
  ServeSlow(kCloseOnly, policy);
  const LeasePtr first = Acquire();
  script_.hooks = kInitAndClose;
  const AcquireOutcome late = StartAcquire();
  world_.RunUntilIdle();
  Release(first);
  ASSERT_TRUE(late.done());
  EXPECT_EQ((*late.value())->View().instance_id, "r#1");
  script_.hooks = kAllHooks;
  const AcquireOutcome early = StartAcquire();
  world_.RunUntilIdle();
  Release(*late.value());
  EXPECT_FALSE(early.done());
}

TEST_F(MakeTest, AFailedConstructorIsTriedAgainAsInitRetrySays) {
  Policy policy;
  policy.init_retry.attempts = 3;
  policy.init_retry.initial_backoff = absl::Seconds(1);
  ServeSlow(kAllHooks, policy);
  kind_->fails = 2;
  const AcquireOutcome outcome = StartAcquire();
  world_.Advance(absl::Seconds(10));
  ASSERT_TRUE(outcome.done());
  EXPECT_TRUE(outcome.value().ok()) << outcome.value().status();
  EXPECT_EQ(kind_->attempts, 3);
  EXPECT_EQ(script_.Count("construct"), 1);
}

TEST_F(MakeTest, AConstructorThatFailsForGoodIsAnInitFailureWithItsOwnCode) {
  ServeSlow(kAllHooks);
  kind_->fails = 1;
  const AcquireOutcome outcome = StartAcquire();
  world_.RunUntilIdle();
  EXPECT_THAT(outcome.value().status(), FailsWith(Reason::kInitFailed));
  EXPECT_TRUE(absl::IsUnavailable(outcome.value().status()));
  EXPECT_EQ(pool().counts().instances, 0u);
  EXPECT_EQ(EventTrace(), "FAILED");
  Acquire();
}

TEST_F(MakeTest, AConstructorThatFailsOpensTheBreaker) {
  Policy policy;
  policy.breaker.failures = 1;
  ServeSlow(kAllHooks, policy);
  kind_->fails = 1;
  const AcquireOutcome first = StartAcquire();
  world_.RunUntilIdle();
  const AcquireOutcome second = StartAcquire();
  world_.RunUntilIdle();
  EXPECT_THAT(second.value().status(), FailsWith(Reason::kBreakerOpen));
}

TEST_F(MakeTest, AConstructorIsStoppedWhenInitTimeoutHasPassed) {
  Policy policy;
  policy.init_timeout = absl::Seconds(5);
  ServeSlow(kAllHooks, policy);
  MakingWaitsForGate();
  const AcquireOutcome outcome = StartAcquire();
  world_.Advance(absl::Seconds(4));
  EXPECT_FALSE(outcome.done());
  world_.Advance(absl::Seconds(1));
  ASSERT_TRUE(outcome.done());
  EXPECT_THAT(outcome.value().status(), FailsWith(Reason::kInitTimedOut));
}

TEST_F(MakeTest, WhoLeavesALongConstructorLeavesAtOnceAndStopsIt) {
  ServeSlow(kAllHooks);
  MakingWaitsForGate();
  std::stop_source stop;
  const AcquireOutcome outcome =
      StartAcquire({}, absl::InfiniteDuration(), stop.get_token());
  world_.RunUntilIdle();
  stop.request_stop();
  world_.RunUntilIdle();
  ASSERT_TRUE(outcome.done());
  EXPECT_TRUE(absl::IsCancelled(outcome.value().status()));
  EXPECT_EQ(pool().counts().instances, 0u);
  EXPECT_EQ(script_.Count("construct"), 0);
}

TEST_F(MakeTest, AnInstanceThatIsEvictedWhileItIsMadeServesNobody) {
  ServeSlow(kAllHooks);
  MakingWaitsForGate();
  const AcquireOutcome outcome = StartAcquire();
  world_.RunUntilIdle();
  ASSERT_TRUE(anteroom_->Evict("r#1").ok());
  world_.RunUntilIdle();
  ASSERT_TRUE(outcome.done());
  EXPECT_EQ((*outcome.value())->View().instance_id, "r#2");
}

TEST_F(MakeTest, AnObjectThatIsLostWhileItIsMadeFailsItsInitWithTheReason) {
  Policy policy;
  policy.breaker.failures = 1;
  policy.init_retry.attempts = 3;
  ServeSlow(kAllHooks, policy);
  MakingWaitsForGate();
  const AcquireOutcome outcome = StartAcquire();
  world_.RunUntilIdle();
  Lose();
  ASSERT_TRUE(outcome.done());
  EXPECT_THAT(outcome.value().status(), FailsWith(Reason::kInitFailed));
  EXPECT_THAT(outcome.value().status().message(),
              ::testing::HasSubstr("it crashed"));
  EXPECT_EQ(kind_->attempts, 1);
  EXPECT_EQ(pool().counts().instances, 0u);
  const AcquireOutcome second = StartAcquire();
  world_.RunUntilIdle();
  EXPECT_THAT(second.value().status(), FailsWith(Reason::kBreakerOpen));
}

// What its hooks are, and whether its init is awaited, makes no difference.
TEST_F(MakeTest, WhatIsMadeThoughItWasLostIsClosedAndLentToNobody) {
  Policy policy;
  policy.await_init = AwaitInit::kNever;
  policy.idle_timeout = absl::Hours(1);
  ServeSlow(kInitAndClose, policy);
  kind_->deaf = true;
  int made = 0;
  for (const Hooks hooks : {kInitAndClose, kCloseOnly, kAllHooks}) {
    script_.hooks = hooks;
    gate_ = std::make_shared<coro::Event>(world_.runtime());
    MakingWaitsForGate();
    const AcquireOutcome outcome = StartAcquire();
    world_.RunUntilIdle();
    Lose();
    OpenGate();
    world_.RunUntilIdle();
    ASSERT_TRUE(outcome.done());
    EXPECT_THAT(outcome.value().status(), FailsWith(Reason::kInitFailed));
    EXPECT_EQ(script_.Count("close"), ++made);
    EXPECT_EQ(pool().counts().instances, 0u);
  }
  EXPECT_EQ(script_.Count("init"), 0);
  EXPECT_EQ(script_.Count("enter"), 0);
}

TEST_F(MakeTest, AWarmObjectThatIsLostWhileItIsMadeIsNotMadeAgainAtOnce) {
  Policy policy;
  policy.min_idle = 1;
  ServeSlow(kCloseOnly, policy);
  kind_->deaf = true;
  world_.RunUntilIdle();
  MakingWaitsForGate();
  ASSERT_TRUE(anteroom_->Evict("r#1").ok());
  world_.RunUntilIdle();
  ASSERT_EQ(kind_->attempts, 2);
  Lose();
  OpenGate();
  world_.RunUntilIdle();
  EXPECT_EQ(kind_->attempts, 2);
  EXPECT_EQ(script_.Count("close"), 2);
  world_.Advance(absl::Seconds(1));
  EXPECT_EQ(kind_->attempts, 3);
  EXPECT_EQ(pool().counts().instances, 1u);
}

TEST_F(MakeTest, ADrainStopsAConstructorAndWaitsForWhatTheKindHasRunning) {
  ServeSlow(kAllHooks);
  MakingWaitsForGate();
  const AcquireOutcome outcome = StartAcquire();
  world_.RunUntilIdle();
  EXPECT_FALSE(ended_);
  DrainAndCheck();
  EXPECT_TRUE(ended_);
  EXPECT_THAT(outcome.value().status(), FailsWith(Reason::kDraining));
  EXPECT_EQ(script_.Count("construct"), 0);
}

}  // namespace
}  // namespace anteroom::lifecycle
