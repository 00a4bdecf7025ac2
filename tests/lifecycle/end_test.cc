// How time ends a lease: its ttl, max_hold, and revocation with notice.
#include "tests/lifecycle/lifecycle_test.h"

namespace anteroom::lifecycle {
namespace {

class EndTest : public LifecycleTest {
 protected:
  static AcquireOptions OnStream() {
    AcquireOptions options;
    options.stream_bound = true;
    return options;
  }
  void UseWaits() {
    script_.use = [this](UseContext& context, absl::string_view) {
      return UseWaitsFor(gate_, context.stop());
    };
  }
};

// ---- time to live ----

TEST_F(EndTest, AShorterTtlCountsAtOnce) {
  Serve(kNoHooks);
  const LeasePtr lease = Acquire();
  ASSERT_TRUE(anteroom_->Renew(lease->id(), absl::Minutes(10)).ok());
  ASSERT_TRUE(anteroom_->Renew(lease->id(), absl::Seconds(1)).ok());
  world_.Advance(absl::Seconds(1));
  EXPECT_EQ(lease->state(), LeaseState::kEnded);
}

TEST_F(EndTest, ALongerTtlOutlivesTheShorterOne) {
  Serve(kNoHooks);
  const LeasePtr lease = Acquire();
  ASSERT_TRUE(anteroom_->Renew(lease->id(), absl::Seconds(1)).ok());
  ASSERT_TRUE(anteroom_->Renew(lease->id(), absl::Minutes(10)).ok());
  world_.Advance(absl::Minutes(10) - absl::Nanoseconds(1));
  EXPECT_EQ(lease->state(), LeaseState::kHeld);
  world_.Advance(absl::Nanoseconds(1));
  EXPECT_EQ(lease->receipt().reason, ExitReason::kTtlExpired);
}

TEST_F(EndTest, WithManyRenewalsOneTimerIsEnough) {
  Serve(kNoHooks);
  const LeasePtr lease = Acquire();
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(anteroom_->Renew(lease->id(), absl::Minutes(i % 7 + 1)).ok());
    world_.Advance(absl::Seconds(1));
  }
  EXPECT_EQ(anteroom_->leases_watched(), 1u);
  EXPECT_EQ(world_.timers().pending(), 1u);
}

TEST_F(EndTest, AnExpiryThatIsPutOffIsShownSo) {
  script_.use = [this](UseContext& context, absl::string_view) {
    return UseWaitsFor(gate_, context.stop());
  };
  Serve(kNoHooks);
  const LeasePtr lease = Acquire();
  StartUse(lease, "long");
  world_.Advance(absl::Minutes(1));
  ASSERT_EQ(lease->state(), LeaseState::kHeld);
  EXPECT_GT(lease->View().expire_time, world_.clock().WallNow());
}

TEST_F(EndTest, TheEndOfTheLastUseBringsThePutOffExpiryBack) {
  UseWaits();
  Serve(kNoHooks);
  const LeasePtr lease = Acquire();
  StartUse(lease, "long");
  world_.Advance(absl::Minutes(1));
  EXPECT_EQ(lease->state(), LeaseState::kHeld);
  OpenGate();
  world_.RunUntilIdle();
  EXPECT_EQ(lease->state(), LeaseState::kEnded);
}

TEST_F(EndTest, MaxWaitBoundsAnEnterThatDoesNotLookAtItsStop) {
  script_.enter = [this](EnterContext&) { return UseWaitsFor(gate_, {}); };
  Serve(Hooks{.enter = true, .exit = true});
  const AcquireOutcome acquire = StartAcquire({}, absl::Seconds(1));
  world_.Advance(absl::Seconds(5));
  OpenGate();
  world_.RunUntilIdle();
  ASSERT_TRUE(acquire.done());
  EXPECT_THAT(acquire.value().status(), FailsWith(Reason::kWaitTimedOut));
}

// ---- max_hold ----

TEST_F(EndTest, MaxHoldBoundsALeaseOnAStream) {
  Policy policy;
  policy.max_hold = absl::Hours(1);
  Serve(kAllHooks, policy);
  const LeasePtr lease = Acquire(OnStream());
  world_.Advance(absl::Hours(1) - absl::Nanoseconds(1));
  EXPECT_EQ(lease->state(), LeaseState::kHeld);
  world_.Advance(absl::Nanoseconds(1));
  ASSERT_EQ(lease->state(), LeaseState::kEnded);
  EXPECT_EQ(lease->receipt().reason, ExitReason::kRevoked);
}

TEST_F(EndTest, MaxHoldBoundsALeaseThatIsRenewedAndUsed) {
  Policy policy;
  policy.max_hold = absl::Minutes(1);
  UseWaits();
  Serve(kAllHooks, policy);
  const LeasePtr lease = Acquire();
  const UseOutcome use = StartUse(lease, "long");
  world_.Advance(absl::Seconds(50));
  ASSERT_TRUE(anteroom_->Renew(lease->id(), absl::Minutes(5)).ok());
  // use_grace passes, then the use is cancelled.
  world_.Advance(absl::Seconds(15));
  ASSERT_TRUE(use.done());
  EXPECT_THAT(use.value().status(), FailsWith(Reason::kUseCancelled));
  EXPECT_EQ(lease->receipt().reason, ExitReason::kRevoked);
}

TEST_F(EndTest, MaxHoldIsShownAndToldAheadByRevokeNotice) {
  Policy policy;
  policy.max_hold = absl::Minutes(10);
  policy.revoke_notice = absl::Minutes(1);
  Serve(kNoHooks, policy);
  const auto sink = std::make_shared<RecordingSink>();
  AcquireOptions options = OnStream();
  options.sink = sink;
  const LeasePtr lease = Acquire(options);
  const absl::Time end = world_.clock().WallNow() + absl::Minutes(10);
  EXPECT_EQ(lease->View().revoke_time, end);
  world_.Advance(absl::Minutes(9) - absl::Nanoseconds(1));
  EXPECT_EQ(sink->Trace(), "CONSTRUCTED ENTERED");
  world_.Advance(absl::Nanoseconds(1));
  EXPECT_EQ(sink->Trace(), "CONSTRUCTED ENTERED REVOKING");
  EXPECT_EQ(sink->events.back().deadline(), end);
  world_.Advance(absl::Minutes(1));
  EXPECT_EQ(sink->Trace(), "CONSTRUCTED ENTERED REVOKING EXITED");
}

// ---- revocation ----

TEST_F(EndTest, RevocationWithoutNoticeEndsTheLeaseAtOnce) {
  Serve(kAllHooks);
  const LeasePtr lease = Acquire();
  pool().Revoke(lease, absl::ZeroDuration(), ExitReason::kRevoked);
  world_.RunUntilIdle();
  EXPECT_EQ(lease->receipt().reason, ExitReason::kRevoked);
}

TEST_F(EndTest, RevocationWithNoticeLeavesTheHolderTime) {
  Serve(kAllHooks);
  const auto sink = std::make_shared<RecordingSink>();
  AcquireOptions options = OnStream();
  options.sink = sink;
  const LeasePtr lease = Acquire(options);
  pool().Revoke(lease, absl::Seconds(10), ExitReason::kRevoked);
  EXPECT_EQ(sink->events.back().phase, Phase::kRevoking);
  EXPECT_EQ(sink->events.back().deadline(),
            world_.clock().WallNow() + absl::Seconds(10));
  world_.Advance(absl::Seconds(9));
  EXPECT_EQ(lease->state(), LeaseState::kHeld);
  world_.Advance(absl::Seconds(1));
  EXPECT_EQ(lease->receipt().reason, ExitReason::kRevoked);
}

TEST_F(EndTest, AReleaseWithinTheNoticeIsARelease) {
  Serve(kAllHooks);
  const LeasePtr lease = Acquire();
  pool().Revoke(lease, absl::Seconds(10), ExitReason::kRevoked);
  EXPECT_EQ(Release(lease).reason, ExitReason::kReleased);
}

TEST_F(EndTest, OfTwoRevocationsTheEarlierStands) {
  Serve(kAllHooks);
  const LeasePtr lease = Acquire(OnStream());
  pool().Revoke(lease, absl::Seconds(10), ExitReason::kRevoked);
  pool().Revoke(lease, absl::Seconds(20), ExitReason::kDrained);
  world_.Advance(absl::Seconds(10));
  EXPECT_EQ(lease->receipt().reason, ExitReason::kRevoked);
}

TEST_F(EndTest, ADrainGivesHoldersTheNoticeOfThePolicy) {
  Policy policy;
  policy.revoke_notice = absl::Seconds(10);
  Serve(kAllHooks, policy);
  const LeasePtr lease = Acquire(OnStream());
  const testing::Outcome<bool> drained(
      *calls_, [](Anteroom& anteroom) -> coro::Task<bool> {
        coro::Task<void> drain = anteroom.Drain();
        co_await std::move(drain);
        co_return true;
      }(*anteroom_));
  world_.Advance(absl::Seconds(9));
  EXPECT_EQ(lease->state(), LeaseState::kHeld);
  EXPECT_FALSE(drained.done());
  world_.Advance(absl::Seconds(1));
  EXPECT_EQ(lease->receipt().reason, ExitReason::kDrained);
  EXPECT_TRUE(drained.done());
}

}  // namespace
}  // namespace anteroom::lifecycle
