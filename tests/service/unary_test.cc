// Acquire, Use, Renew, Release and GetLease, one call each.
#include <future>
#include <string>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/rpc/status.h"
#include "tests/service/service_test.h"

namespace anteroom::service {
namespace {

using absl::StatusCode;

constexpr char kConfig[] = R"pb(
  resources {
    name: "hello"
    hello {}
  }
  resources {
    name: "slow"
    hello { init_takes { seconds: 3600 } }
  }
  resources {
    name: "narrow"
    policy { max_waiters: 0 }
    hello {}
  }
  resources {
    name: "enter-fails"
    hello { enter_fails: 1 }
  }
  resources {
    name: "exit-fails"
    hello { exit_fails: 1 }
  }
  resources {
    name: "impatient"
    policy { init_timeout { nanos: 20000000 } }
    hello { init_takes { seconds: 3600 } }
  }
  resources {
    name: "short-uses"
    policy {
      use_timeout { nanos: 20000000 }
      use_grace {}
    }
    hello {}
  }
)pb";

class UnaryCallsTest : public ServiceTest {
 protected:
  UnaryCallsTest() : ServiceTest(kConfig) {}

  // The lease of `resource`, which must be had.
  v1::Lease Hold(const std::string& resource) {
    const auto lease = Acquire(resource);
    EXPECT_TRUE(lease.ok()) << lease.status();
    return lease.ok() ? *lease : v1::Lease();
  }
};

TEST_F(UnaryCallsTest, ALeaseSaysWhatIsHeld) {
  v1::AcquireRequest request;
  request.set_resource("hello");
  request.mutable_ttl()->set_seconds(20);
  (*request.mutable_labels())["team"] = "blue";
  const auto lease = Acquire(request);
  ASSERT_TRUE(lease.ok()) << lease.status();
  EXPECT_FALSE(lease->lease_id().empty());
  EXPECT_FALSE(lease->name().empty());
  EXPECT_NE(lease->name(), lease->lease_id());
  EXPECT_EQ(lease->resource(), "hello");
  EXPECT_EQ(lease->instance_id(), "hello#1");
  EXPECT_EQ(lease->state(), v1::Lease::STATE_HELD);
  EXPECT_EQ(lease->ttl().seconds(), 20);
  EXPECT_GT(lease->expire_time().seconds(), lease->create_time().seconds());
  EXPECT_EQ(lease->labels().at("team"), "blue");
  EXPECT_GT(lease->fencing_token(), 0);
  EXPECT_LT(lease->fencing_token(), std::uint64_t{1} << 53);
  EXPECT_FALSE(lease->has_receipt());
}

TEST_F(UnaryCallsTest, AMethodAnswers) {
  const v1::Lease lease = Hold("hello");
  EXPECT_EQ(*Use(lease.lease_id(), "a_method"), "\"a_method\"");
  const std::string bytes("\0\xff binary", 9);
  EXPECT_EQ(*Use(lease.lease_id(), "echo", bytes), bytes);
}

TEST_F(UnaryCallsTest, AMethodThatFailsKeepsItsCode) {
  const v1::Lease lease = Hold("hello");
  EXPECT_THAT(Use(lease.lease_id(), "fail", "\"DATA_LOSS\"").status(),
              Fails(StatusCode::kDataLoss, Reason::kUseFailed));
}

TEST_F(UnaryCallsTest, AMethodThatDoesNotExistIsUnimplemented) {
  const v1::Lease lease = Hold("hello");
  EXPECT_THAT(Use(lease.lease_id(), "dance").status(),
              Fails(StatusCode::kUnimplemented, Reason::kMethodNotFound));
}

TEST_F(UnaryCallsTest, AMethodIsBoundByUseTimeout) {
  const v1::Lease lease = Hold("short-uses");
  EXPECT_THAT(Use(lease.lease_id(), "sleep", "3600").status(),
              Fails(StatusCode::kDeadlineExceeded, Reason::kUseTimedOut));
}

TEST_F(UnaryCallsTest, AStaleFencingTokenIsRefused) {
  const v1::Lease lease = Hold("hello");
  for (const int off : {-1, 0, 1}) {
    grpc::ClientContext context;
    v1::UseRequest request;
    request.set_lease_id(lease.lease_id());
    request.set_method_name("a_method");
    request.set_fencing_token(lease.fencing_token() + off);
    v1::UseResponse response;
    const absl::Status status =
        rpc::FromGrpcStatus(stub_->Use(&context, request, &response));
    if (off == 0) {
      EXPECT_TRUE(status.ok()) << status;
    } else {
      EXPECT_THAT(status, Fails(StatusCode::kFailedPrecondition,
                                Reason::kStaleFencingToken));
    }
  }
}

TEST_F(UnaryCallsTest, AfterTheEndTheLeaseSaysWhy) {
  const v1::Lease lease = Hold("hello");
  ASSERT_TRUE(Release(lease.lease_id()).ok());
  for (const absl::Status& status : {Use(lease.lease_id(), "a_method").status(),
                                     Renew(lease.lease_id()).status()}) {
    EXPECT_THAT(status,
                Fails(StatusCode::kFailedPrecondition, Reason::kLeaseEnded));
    const ErrorDetail detail = DetailOf(status);
    ASSERT_EQ(detail.metadata.size(), 1);
    EXPECT_EQ(detail.metadata.front().first, "exit_reason");
    EXPECT_EQ(detail.metadata.front().second, "RELEASED");
  }
  const auto ended = GetLease(lease.lease_id());
  ASSERT_TRUE(ended.ok()) << ended.status();
  EXPECT_EQ(ended->state(), v1::Lease::STATE_ENDED);
  EXPECT_EQ(ended->receipt().reason(), v1::EXIT_REASON_RELEASED);
}

TEST_F(UnaryCallsTest, ReleaseTellsTheBodysErrorApart) {
  v1::ReleaseRequest request;
  request.set_lease_id(Hold("hello").lease_id());
  request.set_outcome(v1::ReleaseRequest::OUTCOME_ERROR);
  request.mutable_error()->set_code(1);
  request.mutable_error()->set_message("CancelledError");
  EXPECT_EQ(Release(request)->reason(), v1::EXIT_REASON_CANCELLED);
  request.set_lease_id(Hold("hello").lease_id());
  request.mutable_error()->set_code(2);
  EXPECT_EQ(Release(request)->reason(), v1::EXIT_REASON_BODY_FAILED);
}

TEST_F(UnaryCallsTest, ReleaseIsOkWhereTheExitHookFailed) {
  const auto receipt = Release(Hold("exit-fails").lease_id());
  ASSERT_TRUE(receipt.ok()) << receipt.status();
  EXPECT_EQ(receipt->exit_status().code(), 13);  // INTERNAL
}

TEST_F(UnaryCallsTest, RenewSetsTheTtl) {
  const v1::Lease lease = Hold("hello");
  const auto renewed = Renew(lease.lease_id(), absl::Seconds(99));
  ASSERT_TRUE(renewed.ok()) << renewed.status();
  EXPECT_EQ(renewed->ttl().seconds(), 99);
  const auto clamped = Renew(lease.lease_id(), absl::Hours(24));
  ASSERT_TRUE(clamped.ok()) << clamped.status();
  EXPECT_EQ(clamped->ttl().seconds(), 600);  // max_ttl's default
}

TEST_F(UnaryCallsTest, ALeaseThatIsNotRenewedExpires) {
  v1::AcquireRequest request;
  request.set_resource("hello");
  request.mutable_ttl()->set_nanos(20'000'000);
  const auto lease = Acquire(request);
  ASSERT_TRUE(lease.ok()) << lease.status();
  AwaitPhase("hello", v1::LifecycleEvent::PHASE_CLOSED);
  EXPECT_EQ(GetLease(lease->lease_id())->receipt().reason(),
            v1::EXIT_REASON_TTL_EXPIRED);
}

TEST_F(UnaryCallsTest, NoWaitIsRefusedWhereAllAreTaken) {
  Hold("hello");
  v1::AcquireRequest request;
  request.set_resource("hello");
  request.set_no_wait(true);
  const absl::Status status = Acquire(request).status();
  EXPECT_THAT(status,
              Fails(StatusCode::kResourceExhausted, Reason::kWouldWait));
  EXPECT_TRUE(DetailOf(status).retry_delay.has_value());
}

TEST_F(UnaryCallsTest, AFullQueueRefuses) {
  Hold("narrow");
  const absl::Status status = Acquire("narrow").status();
  EXPECT_THAT(status,
              Fails(StatusCode::kResourceExhausted, Reason::kQueueFull));
  EXPECT_TRUE(DetailOf(status).retry_delay.has_value());
}

TEST_F(UnaryCallsTest, MaxWaitBoundsTheQueueAndTheInit) {
  Hold("hello");
  for (const char* const resource : {"hello", "slow"}) {
    v1::AcquireRequest request;
    request.set_resource(resource);
    request.mutable_max_wait()->set_nanos(20'000'000);
    EXPECT_THAT(Acquire(request).status(),
                Fails(StatusCode::kDeadlineExceeded, Reason::kWaitTimedOut));
  }
}

TEST_F(UnaryCallsTest, HooksThatFailOrTakeTooLongSayWhich) {
  EXPECT_THAT(Acquire("enter-fails").status(),
              Fails(StatusCode::kInternal, Reason::kEnterFailed));
  EXPECT_THAT(Acquire("impatient").status(),
              Fails(StatusCode::kDeadlineExceeded, Reason::kInitTimedOut));
}

TEST_F(UnaryCallsTest, AnAcquireWhoseCallIsCancelledLeavesNothing) {
  grpc::ClientContext context;
  v1::AcquireRequest request;
  request.set_resource("slow");
  v1::AcquireResponse response;
  std::future<grpc::Status> acquire = std::async(std::launch::async, [&] {
    return stub_->Acquire(&context, request, &response);
  });
  AwaitPhase("slow", v1::LifecycleEvent::PHASE_INITIALIZING);
  context.TryCancel();
  EXPECT_EQ(acquire.get().error_code(), grpc::StatusCode::CANCELLED);
  // The last waiter left: the init is cancelled, the object closed.
  AwaitPhase("slow", v1::LifecycleEvent::PHASE_CLOSED);
}

TEST_F(UnaryCallsTest, AnAcquireThatNobodyHearsIsGivenBack) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() +
                       std::chrono::milliseconds(30));
  v1::AcquireRequest request;
  request.set_resource("slow");
  v1::AcquireResponse response;
  EXPECT_EQ(stub_->Acquire(&context, request, &response).error_code(),
            grpc::StatusCode::DEADLINE_EXCEEDED);
  AwaitPhase("slow", v1::LifecycleEvent::PHASE_CLOSED);
}

}  // namespace
}  // namespace anteroom::service
