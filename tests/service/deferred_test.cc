// READINESS_DEFERRED over the wire.
#include <string>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/service/scope_client.h"
#include "tests/service/service_test.h"

namespace anteroom::service {
namespace {

using absl::StatusCode;

constexpr char kConfig[] = R"pb(
  resources {
    name: "slow"
    hello { init_takes { nanos: 50000000 } }
  }
  resources {
    name: "never"
    hello { init_takes { seconds: 3600 } }
  }
  resources {
    name: "fails"
    hello {
      init_takes { nanos: 50000000 }
      init_fails: 1
    }
  }
)pb";

class DeferredTest : public ServiceTest {
 protected:
  DeferredTest() : ServiceTest(kConfig) {}

  absl::StatusOr<v1::Lease> AcquireDeferred(const std::string& resource) {
    v1::AcquireRequest request;
    request.set_resource(resource);
    request.set_readiness(v1::AcquireRequest::READINESS_DEFERRED);
    return Acquire(request);
  }
};

TEST_F(DeferredTest, TheAcquireAnswersEnteringAndTheFirstUseAwaitsIt) {
  const auto lease = AcquireDeferred("slow");
  ASSERT_TRUE(lease.ok()) << lease.status();
  EXPECT_EQ(lease->state(), v1::Lease::STATE_ENTERING);
  EXPECT_NE(lease->fencing_token(), 0);
  EXPECT_FALSE(lease->has_expire_time());
  EXPECT_EQ(Use(lease->lease_id(), "a_method").value_or(""), "\"a_method\"");
  EXPECT_EQ(GetLease(lease->lease_id())->state(), v1::Lease::STATE_HELD);
}

TEST_F(DeferredTest, AFailedInitEndsTheLeaseWithEnterFailed) {
  const auto lease = AcquireDeferred("fails");
  ASSERT_TRUE(lease.ok()) << lease.status();
  EXPECT_THAT(Use(lease->lease_id(), "a_method").status(),
              Fails(StatusCode::kUnavailable, Reason::kInitFailed));
  EXPECT_EQ(GetLease(lease->lease_id())->receipt().reason(),
            v1::EXIT_REASON_ENTER_FAILED);
  EXPECT_THAT(Use(lease->lease_id(), "a_method").status(),
              Fails(StatusCode::kFailedPrecondition, Reason::kLeaseEnded));
}

TEST_F(DeferredTest, AReleaseDoesNotWaitForTheInit) {
  const auto lease = AcquireDeferred("never");
  ASSERT_TRUE(lease.ok()) << lease.status();
  const auto receipt = Release(lease->lease_id());
  ASSERT_TRUE(receipt.ok()) << receipt.status();
  EXPECT_EQ(receipt->reason(), v1::EXIT_REASON_RELEASED);
}

TEST_F(DeferredTest, AScopeIsEnteredAtOnceToo) {
  ScopeClient scope(*stub_);
  v1::WithRequest request;
  request.mutable_acquire()->set_resource("slow");
  request.mutable_acquire()->set_readiness(
      v1::AcquireRequest::READINESS_DEFERRED);
  scope.Send(request);
  EXPECT_EQ(scope.AwaitEntered().state(), v1::Lease::STATE_ENTERING);
  scope.SendUse(1, "a_method");
  EXPECT_EQ(scope.AwaitUsed().result().data(), "\"a_method\"");
  scope.SendRelease();
  EXPECT_EQ(scope.AwaitExited().reason(), v1::EXIT_REASON_RELEASED);
  EXPECT_TRUE(scope.Finish().ok());
}

}  // namespace
}  // namespace anteroom::service
