// Each row of the two state tables, and that there is no other.
#include <map>
#include <set>

#include "gtest/gtest.h"
#include "server/lifecycle/instance_state.h"
#include "server/lifecycle/lease_state.h"
#include "tests/lifecycle/lifecycle_test.h"

namespace anteroom::lifecycle {
namespace {

coro::Task<absl::StatusOr<Payload>> EnterAwaitsInitAfter(
    std::shared_ptr<coro::Event> gate, EnterContext& context) {
  coro::Task<absl::Status> wait = WaitFor(std::move(gate), context.stop());
  (void)co_await std::move(wait);
  coro::Task<absl::StatusOr<Payload>> enter = EnterAwaitsInit(context);
  co_return co_await std::move(enter);
}

coro::Task<absl::StatusOr<Payload>> EnterLingersAfterInit(
    std::shared_ptr<coro::Event> gate, EnterContext& context) {
  coro::Task<absl::StatusOr<Payload>> enter = EnterAwaitsInit(context);
  const absl::StatusOr<Payload> entered = co_await std::move(enter);
  coro::Task<absl::Status> wait = WaitFor(std::move(gate), {});
  (void)co_await std::move(wait);
  co_return entered;
}

coro::Task<absl::StatusOr<Payload>> EnterFailsAfter(
    std::shared_ptr<coro::Event> gate) {
  coro::Task<absl::Status> wait = WaitFor(std::move(gate), {});
  (void)co_await std::move(wait);
  co_return absl::UnavailableError("no");
}

TEST(InstanceStateTest, HasExactlyTheRowsOfItsTable) {
  using S = InstanceState;
  const std::map<S, std::set<S>> table = {
      {S::kConstructed, {S::kInitializing, S::kReady, S::kClosing}},
      {S::kInitializing, {S::kReady, S::kFailed}},
      {S::kReady, {S::kHeld, S::kClosing}},
      {S::kHeld, {S::kReady, S::kClosing}},
      {S::kFailed, {S::kClosing}},
      {S::kClosing, {S::kClosed}},
      {S::kClosed, {}},
  };
  for (const auto& [from, rows] : table) {
    for (const auto& [to, unused] : table) {
      EXPECT_EQ(MayFollow(from, to), rows.contains(to))
          << StateName(from) << " -> " << StateName(to);
    }
  }
}

TEST(LeaseStateTest, HasExactlyTheRowsOfItsTable) {
  using S = LeaseState;
  const std::map<S, std::set<S>> table = {
      {S::kWaiting, {S::kEntering, S::kEnded}},
      {S::kEntering, {S::kHeld, S::kEnded}},
      {S::kHeld, {S::kExiting}},
      {S::kExiting, {S::kEnded}},
      {S::kEnded, {}},
  };
  for (const auto& [from, rows] : table) {
    for (const auto& [to, unused] : table) {
      EXPECT_EQ(MayFollow(from, to), rows.contains(to))
          << StateName(from) << " -> " << StateName(to);
    }
  }
}

// One test a row, named "FromToTo" and the fact that takes it there.
class InstanceRowTest : public LifecycleTest {
 protected:
  // That of the one instance; nothing if there is none.
  std::optional<InstanceState> State() {
    const std::vector<InstanceView> views = pool().Instances(0, 2);
    if (views.empty()) return std::nullopt;
    EXPECT_EQ(views.size(), 1);
    return views.front().state;
  }
  static Policy Lingers() {
    Policy policy;
    policy.idle_timeout = absl::Minutes(1);
    return policy;
  }
  // The hook named by `script` waits for the gate; Enter awaits the init.
  void CloseWaitsForGate() {
    script_.close = [gate = gate_](CloseContext&) { return WaitFor(gate, {}); };
  }
  void ExpectTraceHolds(const std::string& phases) {
    EXPECT_THAT(EventTrace(), ::testing::HasSubstr(phases));
  }
};

TEST_F(InstanceRowTest, ConstructedToInitializingWhenTheEnterAwaitsTheInit) {
  auto enter_gate = std::make_shared<coro::Event>(world_.runtime());
  script_.enter = [enter_gate](EnterContext& context) {
    return EnterAwaitsInitAfter(enter_gate, context);
  };
  InitWaitsForGate();
  Serve(kAllHooks);
  const AcquireOutcome acquire = StartAcquire();
  world_.RunUntilIdle();
  EXPECT_EQ(State(), InstanceState::kConstructed);
  enter_gate->Set();
  world_.RunUntilIdle();
  EXPECT_EQ(State(), InstanceState::kInitializing);
  OpenGate();
}

TEST_F(InstanceRowTest, ConstructedToReadyAtOnceWithoutInit) {
  Policy policy;
  policy.min_idle = 1;
  Serve(kNoHooks, policy);
  world_.RunUntilIdle();
  EXPECT_EQ(State(), InstanceState::kReady);
  ExpectTraceHolds("CONSTRUCTED");
}

TEST_F(InstanceRowTest, ConstructedToClosingWhenTheEnterFailsBeforeTheInit) {
  script_.enter = [](EnterContext&) {
    return ReturnPayload(absl::UnavailableError("no"));
  };
  CloseWaitsForGate();
  Serve(kAllHooks);
  const AcquireOutcome acquire = StartAcquire();
  world_.RunUntilIdle();
  EXPECT_EQ(State(), InstanceState::kClosing);
  EXPECT_EQ(script_.Count("init"), 0);
  OpenGate();
}

TEST_F(InstanceRowTest, InitializingToReadyWhenTheInitOfAWarmOneSucceeds) {
  Policy policy;
  policy.min_idle = 1;
  InitWaitsForGate();
  Serve(kInitOnly, policy);
  world_.RunUntilIdle();
  EXPECT_EQ(State(), InstanceState::kInitializing);
  OpenGate();
  world_.RunUntilIdle();
  EXPECT_EQ(State(), InstanceState::kReady);
}

TEST_F(InstanceRowTest, InitializingToFailedWhenTheInitFailsUnderItsHolder) {
  auto enter_gate = std::make_shared<coro::Event>(world_.runtime());
  script_.init = [](InitContext&) {
    return Return(absl::UnavailableError("no"));
  };
  script_.enter = [enter_gate](EnterContext& context) {
    return EnterLingersAfterInit(enter_gate, context);
  };
  Serve(kAllHooks);
  const AcquireOutcome acquire = StartAcquire();
  world_.RunUntilIdle();
  EXPECT_EQ(State(), InstanceState::kFailed);
  enter_gate->Set();
}

TEST_F(InstanceRowTest, ReadyToHeldWhenALeaseIsBound) {
  Serve(kNoHooks, Lingers());
  Release(Acquire());
  EXPECT_EQ(State(), InstanceState::kReady);
  const LeasePtr lease = Acquire();
  EXPECT_EQ(State(), InstanceState::kHeld);
}

TEST_F(InstanceRowTest, ReadyToClosingWhenItsIdleTimeIsOver) {
  CloseWaitsForGate();
  Policy policy = Lingers();
  policy.close_timeout = absl::Hours(1);
  Serve(kAllHooks, policy);
  Release(Acquire());
  world_.Advance(policy.idle_timeout);
  EXPECT_EQ(State(), InstanceState::kClosing);
  OpenGate();
}

TEST_F(InstanceRowTest, HeldToReadyAtTheLastExit) {
  Policy policy = Lingers();
  policy.max_holders = 2;
  Serve(kNoHooks, policy);
  const LeasePtr first = Acquire();
  const LeasePtr second = Acquire();
  Release(first);
  EXPECT_EQ(State(), InstanceState::kHeld);
  Release(second);
  EXPECT_EQ(State(), InstanceState::kReady);
}

TEST_F(InstanceRowTest, HeldToClosingAtTheLastExitOfARetiredOne) {
  CloseWaitsForGate();
  Serve(kAllHooks, Lingers());
  const LeasePtr lease = Acquire();
  ASSERT_TRUE(anteroom_->Evict("r#1").ok());
  EXPECT_EQ(State(), InstanceState::kHeld);
  Release(lease);
  EXPECT_EQ(State(), InstanceState::kClosing);
  OpenGate();
}

TEST_F(InstanceRowTest, FailedToClosingWhenTheLastEnterHasEnded) {
  script_.init = [](InitContext&) {
    return Return(absl::UnavailableError("no"));
  };
  script_.enter = EnterAwaitsInit;
  CloseWaitsForGate();
  Serve(kAllHooks);
  const AcquireOutcome acquire = StartAcquire();
  world_.RunUntilIdle();
  EXPECT_EQ(State(), InstanceState::kClosing);
  ExpectTraceHolds("FAILED CLOSING");
  OpenGate();
}

TEST_F(InstanceRowTest, ClosingToClosedWhenTheCloseHookHasEnded) {
  CloseWaitsForGate();
  Serve(kAllHooks);
  Release(Acquire());
  EXPECT_EQ(State(), InstanceState::kClosing);
  OpenGate();
  world_.RunUntilIdle();
  EXPECT_EQ(State(), std::nullopt);
  ExpectTraceHolds("CLOSING CLOSED");
}

class LeaseRowTest : public LifecycleTest {
 protected:
  // The first lease that an operator would see.
  LeasePtr First() {
    Pool::LeaseCursor cursor;
    const std::vector<LeasePtr> leases = pool().Leases(cursor, 1);
    return leases.empty() ? nullptr : leases.front();
  }
};

TEST_F(LeaseRowTest, WaitingToEnteringWhenItIsBound) {
  script_.enter = EnterAwaitsInit;
  InitWaitsForGate();
  Serve(kAllHooks);
  const AcquireOutcome holds = StartAcquire();
  const AcquireOutcome waits = StartAcquire();
  world_.RunUntilIdle();
  const LeasePtr lease = First();
  EXPECT_EQ(lease->state(), LeaseState::kWaiting);
  script_.enter = [gate = std::make_shared<coro::Event>(world_.runtime())](
                      EnterContext& context) {
    return UseWaitsFor(gate, context.stop());
  };
  OpenGate();
  world_.RunUntilIdle();
  Release(*holds.value());
  EXPECT_EQ(lease->state(), LeaseState::kEntering);
}

TEST_F(LeaseRowTest, WaitingToEndedWhenItGivesUp) {
  Serve(kNoHooks);
  const LeasePtr holder = Acquire();
  const AcquireOutcome waits = StartAcquire({}, absl::Seconds(1));
  world_.RunUntilIdle();
  const LeasePtr lease = First();
  world_.Advance(absl::Seconds(1));
  EXPECT_EQ(lease->state(), LeaseState::kEnded);
}

TEST_F(LeaseRowTest, EnteringToHeldWhenItsEnterSucceeds) {
  script_.enter = EnterAwaitsInit;
  InitWaitsForGate();
  Serve(kAllHooks);
  const AcquireOutcome acquire = StartAcquire();
  world_.RunUntilIdle();
  const LeasePtr lease = First();
  EXPECT_EQ(lease->state(), LeaseState::kEntering);
  OpenGate();
  world_.RunUntilIdle();
  EXPECT_EQ(lease->state(), LeaseState::kHeld);
}

TEST_F(LeaseRowTest, EnteringToEndedWithoutExitWhenItsEnterFails) {
  script_.enter = [gate = gate_](EnterContext&) {
    return EnterFailsAfter(gate);
  };
  Serve(kAllHooks);
  const AcquireOutcome acquire = StartAcquire();
  world_.RunUntilIdle();
  const LeasePtr lease = First();
  OpenGate();
  world_.RunUntilIdle();
  EXPECT_EQ(lease->state(), LeaseState::kEnded);
  EXPECT_EQ(lease->receipt().reason, ExitReason::kEnterFailed);
  EXPECT_EQ(script_.Count("exit"), 0);
}

TEST_F(LeaseRowTest, HeldToExitingWhenItsEndIsDecided) {
  script_.exit = [gate = gate_](ExitContext&) { return ExitWaitsFor(gate); };
  Serve(kAllHooks);
  const LeasePtr lease = Acquire();
  EXPECT_EQ(lease->state(), LeaseState::kHeld);
  const ReleaseOutcome release = StartRelease(lease);
  EXPECT_EQ(lease->state(), LeaseState::kExiting);
  EXPECT_FALSE(lease->View().receipt.has_value());
  OpenGate();
}

TEST_F(LeaseRowTest, ExitingToEndedWithAReceiptWhenItsExitHasRun) {
  script_.exit = [gate = gate_](ExitContext&) { return ExitWaitsFor(gate); };
  Serve(kAllHooks);
  const LeasePtr lease = Acquire();
  const ReleaseOutcome release = StartRelease(lease);
  OpenGate();
  world_.RunUntilIdle();
  EXPECT_EQ(lease->state(), LeaseState::kEnded);
  EXPECT_TRUE(lease->View().receipt.has_value());
}

}  // namespace
}  // namespace anteroom::lifecycle
