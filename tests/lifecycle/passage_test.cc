// Calls that are forwarded to a held object's endpoint: each is a Use.
#include "server/lifecycle/passage.h"

#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>

#include "tests/lifecycle/lifecycle_test.h"

namespace anteroom::lifecycle {
namespace {

constexpr char kAddress[] = "127.0.0.1:7";

using Passed = absl::StatusOr<std::unique_ptr<Passage>>;

class PassageTest : public LifecycleTest {
 protected:
  void ServeEndpoint(Policy policy = {}) {
    script_.endpoint = kAddress;
    Serve(kNoHooks, policy);
  }
  // Finishes inline: the lease is held.
  Passed Pass(const LeasePtr& lease, std::uint64_t fencing_token = 0) {
    return world_.Run(anteroom_->Pass(lease->id(), "x.Y/Method", fencing_token,
                                      {}, coro::kNever));
  }
};

TEST_F(PassageTest, ItLeadsToTheObjectsEndpoint) {
  ServeEndpoint();
  const Passed passage = Pass(Acquire());
  ASSERT_TRUE(passage.ok()) << passage.status();
  EXPECT_EQ((*passage)->endpoint(), kAddress);
  EXPECT_EQ((*passage)->instance_id(), "r#1");
  EXPECT_EQ((*passage)->deadline(), coro::kNever);
  (*passage)->End();
}

TEST_F(PassageTest, TheEndpointMayDependOnWhatEnterReturned) {
  script_.endpoint = "unix:";
  script_.enter = [](EnterContext&) {
    return ReturnPayload(Payload{"", "/run/it"});
  };
  Serve(kAllHooks);
  const Passed passage = Pass(Acquire());
  ASSERT_TRUE(passage.ok()) << passage.status();
  EXPECT_EQ((*passage)->endpoint(), "unix:/run/it");
  (*passage)->End();
}

TEST_F(PassageTest, AnObjectWithoutAnEndpointIsNoHindranceToItsExit) {
  Serve(kNoHooks);
  const LeasePtr lease = Acquire();
  EXPECT_THAT(Pass(lease).status(), FailsWith(Reason::kMethodNotFound));
  EXPECT_FALSE(lease->in_use());
  Release(lease);
}

TEST_F(PassageTest, ItPinsTheLease) {
  ServeEndpoint();
  const LeasePtr lease = Acquire();
  const Passed passage = Pass(lease);
  world_.Advance(absl::Minutes(5));
  EXPECT_EQ(lease->state(), LeaseState::kHeld);
  (*passage)->End();
  world_.RunUntilIdle();
  EXPECT_EQ(lease->state(), LeaseState::kEnded);
}

TEST_F(PassageTest, MaxTtlEndsIt) {
  Policy policy;
  policy.use_grace = absl::Seconds(2);
  ServeEndpoint(policy);
  const Passed passage = Pass(Acquire());
  world_.Advance(policy.max_ttl);
  EXPECT_FALSE((*passage)->stop().stop_requested());
  world_.Advance(policy.use_grace);
  EXPECT_TRUE((*passage)->stop().stop_requested());
  EXPECT_THAT((*passage)->StopReason(), FailsWith(Reason::kUseCancelled));
  (*passage)->End();
}

TEST_F(PassageTest, TheExitWaitsForItAndStopsItAfterUseGrace) {
  Policy policy;
  policy.use_grace = absl::Seconds(2);
  ServeEndpoint(policy);
  const LeasePtr lease = Acquire();
  const Passed passage = Pass(lease);
  const ReleaseOutcome release = StartRelease(lease);
  world_.Advance(absl::Seconds(1));
  EXPECT_TRUE((*passage)->StopReason().ok());
  world_.Advance(absl::Seconds(1));
  EXPECT_THAT((*passage)->StopReason(), FailsWith(Reason::kUseCancelled));
  EXPECT_FALSE(release.done());
  (*passage)->End();
  world_.RunUntilIdle();
  EXPECT_TRUE(release.done());
}

TEST_F(PassageTest, UseTimeoutStopsItAndTheLeaseStays) {
  Policy policy;
  policy.use_timeout = absl::Seconds(3);
  ServeEndpoint(policy);
  const LeasePtr lease = Acquire();
  const Passed passage = Pass(lease);
  EXPECT_EQ((*passage)->deadline(),
            coro::After(world_.clock().Now(), policy.use_timeout));
  world_.Advance(absl::Seconds(3));
  EXPECT_THAT((*passage)->StopReason(), FailsWith(Reason::kUseTimedOut));
  (*passage)->End();
  EXPECT_EQ(lease->state(), LeaseState::kHeld);
}

TEST_F(PassageTest, ALostObjectStopsIt) {
  ServeEndpoint();
  const Passed passage = Pass(Acquire());
  script_.contexts.back()->Lost(absl::DataLossError("its process ended"));
  world_.RunUntilIdle();
  EXPECT_TRUE((*passage)->stop().stop_requested());
  EXPECT_THAT((*passage)->StopReason(), FailsWith(Reason::kInstanceLost));
  EXPECT_FALSE((*passage)->gone().stop_requested());
  const std::stop_token gone = (*passage)->gone();
  (*passage)->End();
  world_.RunUntilIdle();
  EXPECT_TRUE(gone.stop_requested());
}

TEST_F(PassageTest, NoneBeginsAfterTheEndOrWithAnothersToken) {
  ServeEndpoint();
  const LeasePtr lease = Acquire();
  EXPECT_THAT(Pass(lease, lease->fencing_token() + 1).status(),
              FailsWith(Reason::kStaleFencingToken));
  Release(lease);
  EXPECT_THAT(Pass(lease).status(), FailsWith(Reason::kLeaseEnded));
}

TEST_F(PassageTest, ItIsAUseInTheEventsAndInTheCount) {
  ServeEndpoint();
  const LeasePtr lease = Acquire();
  const EventLog::Watch watch(anteroom_->events());
  const Passed passage = Pass(lease);
  (*passage)->End();
  EXPECT_THAT(EventTrace(), ::testing::HasSubstr("USED"));
  EXPECT_EQ(pool().Instances(0, 1).front().uses, 1);
}

TEST_F(PassageTest, OneOfADeferredLeaseAwaitsItsEnter) {
  script_.endpoint = kAddress;
  InitWaitsForGate();
  Serve(kAllHooks);
  AcquireOptions options;
  options.deferred = true;
  const LeasePtr lease = Acquire(options);
  std::optional<testing::Outcome<Passed>> pass;
  pass.emplace(*calls_,
               anteroom_->Pass(lease->id(), "x.Y/Method", 0, {}, coro::kNever));
  world_.RunUntilIdle();
  EXPECT_FALSE(pass->done());
  OpenGate();
  world_.RunUntilIdle();
  ASSERT_TRUE(pass->value().ok()) << pass->value().status();
  (*pass->value())->End();
}

TEST_F(PassageTest, WhoLeavesWhileEnterIsAwaitedGetsNone) {
  script_.endpoint = kAddress;
  InitWaitsForGate();
  Serve(kAllHooks);
  AcquireOptions options;
  options.deferred = true;
  const LeasePtr lease = Acquire(options);
  std::stop_source caller;
  const testing::Outcome<Passed> pass(
      *calls_, anteroom_->Pass(lease->id(), "x.Y/Method", 0, caller.get_token(),
                               coro::kNever));
  caller.request_stop();
  world_.RunUntilIdle();
  EXPECT_TRUE(absl::IsCancelled(pass.value().status()));
  EXPECT_FALSE(lease->in_use());
  OpenGate();
}

}  // namespace
}  // namespace anteroom::lifecycle
