// Each row of the two state tables, and that there is no other.
#include <map>
#include <set>

#include "gtest/gtest.h"
#include "server/lifecycle/instance_state.h"
#include "server/lifecycle/lease_state.h"
#include "tests/lifecycle/lifecycle_test.h"

namespace anteroom::lifecycle {
namespace {

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

class LeaseStatesTest : public LifecycleTest {};

TEST_F(LeaseStatesTest, ALeaseIsHeldThenExitingThenEnded) {
  auto exit_gate = std::make_shared<coro::Event>(world_.runtime());
  script_.exit =
      [exit_gate](ExitContext&) -> coro::Task<absl::StatusOr<ExitResult>> {
    return [](std::shared_ptr<coro::Event> gate)
               -> coro::Task<absl::StatusOr<ExitResult>> {
      coro::Task<absl::Status> wait = WaitFor(gate, {});
      (void)co_await std::move(wait);
      co_return ExitResult();
    }(exit_gate);
  };
  Serve(kAllHooks);
  const LeasePtr lease = Acquire();
  EXPECT_EQ(lease->View().state, LeaseState::kHeld);
  const ReleaseOutcome release = StartRelease(lease);
  EXPECT_EQ(lease->View().state, LeaseState::kExiting);
  EXPECT_FALSE(lease->View().receipt.has_value());
  exit_gate->Set();
  world_.RunUntilIdle();
  EXPECT_TRUE(release.done());
  EXPECT_EQ(lease->View().state, LeaseState::kEnded);
  EXPECT_TRUE(lease->View().receipt.has_value());
}

}  // namespace
}  // namespace anteroom::lifecycle
