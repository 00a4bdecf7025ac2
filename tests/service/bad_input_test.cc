// Bad input gets the code and reason of the contract and the field's name;
// nothing is leaked, and the server lives on.
#include <functional>
#include <string>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/rpc/status.h"
#include "tests/rpc/raw_call.h"
#include "tests/service/scope_client.h"
#include "tests/service/service_test.h"

namespace anteroom::service {
namespace {

using absl::StatusCode;
using ::testing::IsEmpty;

class BadInputTest : public ServiceTest {
 protected:
  ~BadInputTest() override {
    EXPECT_EQ(built_.anteroom->events().next_sequence(), first_sequence_)
        << "something happened to an object";
    const auto lease = Acquire("hello");
    EXPECT_TRUE(lease.ok()) << lease.status();
    if (lease.ok()) EXPECT_TRUE(Release(lease->lease_id()).ok());
  }

  // An otherwise good request with `spoil` done to it is refused for `field`,
  // by Acquire and by With.
  void ExpectRefused(const std::string& field,
                     const std::function<void(v1::AcquireRequest&)>& spoil) {
    v1::AcquireRequest request;
    request.set_resource("hello");
    spoil(request);
    ExpectInvalid(field, Acquire(request).status());
    ScopeClient scope(*stub_);
    v1::WithRequest with;
    *with.mutable_acquire() = request;
    scope.Send(with);
    ExpectInvalid(field, scope.Finish());
    EXPECT_THAT(scope.received(), IsEmpty());
  }

  static void ExpectInvalid(const std::string& field,
                            const absl::Status& status) {
    EXPECT_THAT(status,
                Fails(StatusCode::kInvalidArgument, Reason::kInvalidRequest));
    const ErrorDetail detail = DetailOf(status);
    ASSERT_EQ(detail.field_violations.size(), 1) << field;
    EXPECT_EQ(detail.field_violations.front().first, field);
  }
};

TEST_F(BadInputTest, AnEmptyResource) {
  ExpectRefused("resource", [](auto& request) { request.clear_resource(); });
}

TEST_F(BadInputTest, AResourceWithAControlCharacter) {
  ExpectRefused("resource", [](auto& request) { request.set_resource("a\n"); });
}

TEST_F(BadInputTest, AKeyOf300Bytes) {
  ExpectRefused("key",
                [](auto& request) { request.set_key(std::string(300, 'k')); });
}

TEST_F(BadInputTest, AKeyWithAControlCharacter) {
  ExpectRefused("key", [](auto& request) { request.set_key("a\tb"); });
}

TEST_F(BadInputTest, AKeyForAResourceThatIsNotKeyed) {
  ExpectRefused("key", [](auto& request) { request.set_key("k"); });
}

TEST_F(BadInputTest, ANegativeTtl) {
  ExpectRefused("ttl",
                [](auto& request) { request.mutable_ttl()->set_seconds(-1); });
  ExpectRefused("ttl",
                [](auto& request) { request.mutable_ttl()->set_nanos(-1); });
}

TEST_F(BadInputTest, AnAbsurdTtl) {
  ExpectRefused("ttl", [](auto& request) {
    request.mutable_ttl()->set_seconds(1'000'000'000'000);
  });
  ExpectRefused("ttl", [](auto& request) {
    request.mutable_ttl()->set_nanos(2'000'000'000);
  });
}

TEST_F(BadInputTest, ANegativeMaxWait) {
  ExpectRefused("max_wait", [](auto& request) {
    request.mutable_max_wait()->set_seconds(-5);
  });
}

TEST_F(BadInputTest, AnUnknownReadiness) {
  ExpectRefused("readiness", [](auto& request) {
    request.set_readiness(static_cast<v1::AcquireRequest::Readiness>(99));
  });
}

TEST_F(BadInputTest, AnUnknownChoiceOfEvents) {
  ExpectRefused("events", [](auto& request) {
    request.set_events(static_cast<v1::AcquireRequest::Events>(99));
  });
}

TEST_F(BadInputTest, AShortRequestId) {
  ExpectRefused("request_id",
                [](auto& request) { request.set_request_id("short"); });
}

TEST_F(BadInputTest, TooManyOrTooLongLabels) {
  ExpectRefused("labels", [](auto& request) {
    for (int i = 0; i < 65; ++i) {
      (*request.mutable_labels())[std::to_string(i)] = "";
    }
  });
  ExpectRefused("labels", [](auto& request) {
    (*request.mutable_labels())["a"] = std::string(257, 'x');
  });
  ExpectRefused("labels", [](auto& request) {
    for (int i = 0; i < 17; ++i) {
      (*request.mutable_labels())[std::to_string(i)] = std::string(250, 'x');
    }
  });
  ExpectRefused("labels",
                [](auto& request) { (*request.mutable_labels())[""] = "x"; });
}

TEST_F(BadInputTest, AnUnknownResource) {
  EXPECT_THAT(Acquire("nobody").status(),
              Fails(StatusCode::kNotFound, Reason::kResourceNotFound));
  ScopeClient scope(*stub_);
  scope.SendAcquire("nobody");
  EXPECT_THAT(scope.Finish(),
              Fails(StatusCode::kNotFound, Reason::kResourceNotFound));
}

TEST_F(BadInputTest, AnEmptyLeaseId) {
  ExpectInvalid("lease_id", Use("", "a_method").status());
  ExpectInvalid("lease_id", Renew("").status());
  ExpectInvalid("lease_id", Release("").status());
  ExpectInvalid("lease_id", GetLease("").status());
}

TEST_F(BadInputTest, AGarbageLeaseId) {
  for (const std::string garbage :
       {"x", "\n\x01", "00000000-0000-0000-0000-000000000000", "../../etc"}) {
    for (const absl::Status& status :
         {Use(garbage, "a_method").status(), Renew(garbage).status(),
          Release(garbage).status(), GetLease(garbage).status()}) {
      EXPECT_THAT(status, Fails(StatusCode::kNotFound, Reason::kLeaseNotFound));
    }
  }
}

TEST_F(BadInputTest, AnEmptyMethodName) {
  ExpectInvalid("method_name", Use("whatever", "").status());
}

TEST_F(BadInputTest, AMethodNameOf300Bytes) {
  ExpectInvalid("method_name", Use("whatever", std::string(300, 'm')).status());
}

TEST_F(BadInputTest, ANegativeTtlToRenew) {
  grpc::ClientContext context;
  v1::RenewRequest request;
  request.set_lease_id("whatever");
  request.mutable_ttl()->set_seconds(-1);
  v1::RenewResponse response;
  ExpectInvalid(
      "ttl", rpc::FromGrpcStatus(stub_->Renew(&context, request, &response)));
}

TEST_F(BadInputTest, AnUnknownOutcomeAndAnOutcomeOkWithAnError) {
  v1::ReleaseRequest request;
  request.set_lease_id("whatever");
  request.set_outcome(static_cast<v1::ReleaseRequest::Outcome>(99));
  ExpectInvalid("outcome", Release(request).status());
  request.set_outcome(v1::ReleaseRequest::OUTCOME_OK);
  request.mutable_error()->set_code(2);
  ExpectInvalid("error", Release(request).status());
}

TEST_F(BadInputTest, AWithThatStartsWithUse) {
  ScopeClient scope(*stub_);
  scope.SendUse(1, "a_method");
  EXPECT_THAT(scope.Finish(),
              Fails(StatusCode::kInvalidArgument, Reason::kInvalidRequest));
}

TEST_F(BadInputTest, AWithThatStartsWithReleaseCancelOrNothing) {
  {
    ScopeClient scope(*stub_);
    scope.SendRelease();
    EXPECT_THAT(scope.Finish(),
                Fails(StatusCode::kInvalidArgument, Reason::kInvalidRequest));
  }
  {
    ScopeClient scope(*stub_);
    scope.SendCancel(1);
    EXPECT_THAT(scope.Finish(),
                Fails(StatusCode::kInvalidArgument, Reason::kInvalidRequest));
  }
  {
    ScopeClient scope(*stub_);
    scope.Send(v1::WithRequest());
    EXPECT_THAT(scope.Finish(),
                Fails(StatusCode::kInvalidArgument, Reason::kInvalidRequest));
  }
  {
    ScopeClient scope(*stub_);
    scope.HalfClose();
    EXPECT_THAT(scope.Finish(),
                Fails(StatusCode::kInvalidArgument, Reason::kInvalidRequest));
  }
}

TEST_F(BadInputTest, AnUnparsableMessageOnWith) {
  testing::RawCall call(channel_, "/anteroom.v1.ResourceService/With");
  ASSERT_TRUE(call.Write("\xff\xff\xff garbage"));
  EXPECT_FALSE(call.Read().has_value());
  EXPECT_THAT(rpc::FromGrpcStatus(call.Finish()),
              Fails(StatusCode::kInvalidArgument, Reason::kInvalidRequest));
}

// gRPC answers this one itself, in its own way, before any handler of ours
// runs.
TEST_F(BadInputTest, AnUnparsableMessageOnAcquire) {
  testing::RawCall call(channel_, "/anteroom.v1.ResourceService/Acquire");
  ASSERT_TRUE(call.Write("\xff\xff\xff garbage"));
  call.HalfClose();
  EXPECT_FALSE(call.Read().has_value());
  EXPECT_EQ(call.Finish().error_code(), grpc::StatusCode::UNIMPLEMENTED);
}

TEST_F(BadInputTest, AnUnparsableMessageOnUseStream) {
  testing::RawCall call(channel_, "/anteroom.v1.ResourceService/UseStream");
  call.Write("\xff\xff\xff garbage");
  EXPECT_FALSE(call.Read().has_value());
  EXPECT_FALSE(call.Finish().ok());
}

TEST_F(BadInputTest, AnUnknownMethodOfTheService) {
  testing::RawCall call(channel_, "/anteroom.v1.ResourceService/Steal");
  call.Write("");
  EXPECT_FALSE(call.Read().has_value());
  EXPECT_EQ(call.Finish().error_code(), grpc::StatusCode::UNIMPLEMENTED);
}

// While it holds, bad input ends what it must and nothing else.
class BadInputInAScopeTest : public ServiceTest {};

TEST_F(BadInputInAScopeTest, AnUnparsableMessageEndsTheScopeAndItsExitRuns) {
  testing::RawCall call(channel_, "/anteroom.v1.ResourceService/With");
  v1::WithRequest request;
  request.mutable_acquire()->set_resource("hello");
  ASSERT_TRUE(call.Write(request.SerializeAsString()));
  AwaitPhase("hello", v1::LifecycleEvent::PHASE_ENTERED);
  ASSERT_TRUE(call.Write("\xff\xff\xff garbage"));
  while (call.Read().has_value()) {
  }
  EXPECT_THAT(rpc::FromGrpcStatus(call.Finish()),
              Fails(StatusCode::kInvalidArgument, Reason::kInvalidRequest));
  AwaitPhase("hello", v1::LifecycleEvent::PHASE_CLOSED);
}

TEST_F(BadInputInAScopeTest, ASecondAcquireEndsTheScopeAndItsExitRuns) {
  ScopeClient scope(*stub_);
  scope.SendAcquire("hello");
  const v1::Lease lease = scope.AwaitEntered();
  scope.SendAcquire("hello");
  EXPECT_THAT(scope.Finish(),
              Fails(StatusCode::kInvalidArgument, Reason::kInvalidRequest));
  const auto ended = GetLease(lease.lease_id());
  ASSERT_TRUE(ended.ok()) << ended.status();
  EXPECT_EQ(ended->state(), v1::Lease::STATE_ENDED);
}

}  // namespace
}  // namespace anteroom::service
