// Fields of Policy that no other file here is about. That each field has a test
// by its name is checked by tests/architecture/policy_fields_test.py.
#include "server/lifecycle/policy.h"

#include "tests/lifecycle/lifecycle_test.h"

namespace anteroom::lifecycle {
namespace {

class PolicyFieldTest : public LifecycleTest {};

TEST_F(PolicyFieldTest, MaxInstancesBoundsTheObjectsClosingOnesIncluded) {
  Policy policy;
  policy.max_instances = 2;
  policy.close_timeout = absl::Hours(1);
  script_.close = [gate = gate_](CloseContext&) { return WaitFor(gate, {}); };
  Serve(kAllHooks, policy);
  const LeasePtr first = Acquire();
  const LeasePtr second = Acquire();
  Release(first);  // its object closes
  const AcquireOutcome third = StartAcquire();
  world_.RunUntilIdle();
  EXPECT_FALSE(third.done());
  EXPECT_EQ(pool().counts().instances, 2);
  OpenGate();
  world_.RunUntilIdle();
  EXPECT_TRUE(third.done());
}

TEST_F(PolicyFieldTest, MaxHoldersIsHowManyShareAnObjectAndZeroMeansAll) {
  Policy policy;
  policy.max_holders = 0;
  Serve(kNoHooks, policy);
  for (int i = 0; i < 100; ++i) Acquire();
  EXPECT_EQ(pool().counts().instances, 1);
}

TEST_F(PolicyFieldTest, CloseTimeoutAsksTheCloseHookToStop) {
  Policy policy;
  policy.close_timeout = absl::Seconds(3);
  script_.close = [gate = gate_](CloseContext& context) {
    return WaitFor(gate, context.stop());
  };
  Serve(kAllHooks, policy);
  Release(Acquire());
  EXPECT_EQ(pool().counts().instances, 1);
  world_.Advance(policy.close_timeout);
  EXPECT_EQ(pool().counts().instances, 0);
}

TEST_F(PolicyFieldTest, DefaultTtlIsThatOfALeaseThatAsksForNone) {
  Policy policy;
  policy.default_ttl = absl::Seconds(7);
  Serve(kNoHooks, policy);
  const LeasePtr lease = Acquire();
  EXPECT_EQ(lease->View().ttl, absl::Seconds(7));
  world_.Advance(absl::Seconds(7));
  EXPECT_EQ(lease->receipt().reason, ExitReason::kTtlExpired);
}

TEST_F(PolicyFieldTest, MaxTtlClampsWhatIsAskedFor) {
  Policy policy;
  policy.max_ttl = absl::Seconds(40);
  Serve(kNoHooks, policy);
  AcquireOptions options;
  options.ttl = absl::Hours(1);
  EXPECT_EQ(Acquire(options)->View().ttl, absl::Seconds(40));
}

TEST_F(PolicyFieldTest, RevokeNoticeIsGivenBeforeADrainTakesALease) {
  Policy policy;
  policy.revoke_notice = absl::Seconds(5);
  Serve(kAllHooks, policy);
  const LeasePtr lease = Acquire();
  calls_->Spawn(anteroom_->Drain());
  world_.Advance(absl::Seconds(4));
  EXPECT_EQ(lease->state(), LeaseState::kHeld);
  world_.Advance(absl::Seconds(1));
  EXPECT_EQ(lease->receipt().reason, ExitReason::kDrained);
  EXPECT_THAT(EventTrace(), ::testing::HasSubstr("REVOKING EXITING"));
}

}  // namespace
}  // namespace anteroom::lifecycle
