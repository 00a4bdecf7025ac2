#include "server/rpc/status.h"

#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "gtest/gtest.h"
#include "server/error/error.h"

namespace anteroom::rpc {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;
using ::testing::SizeIs;

absl::Status ThroughTheWire(const absl::Status& status) {
  return FromGrpcStatus(ToGrpcStatus(status));
}

TEST(StatusTest, OkStaysOk) {
  EXPECT_TRUE(ThroughTheWire(absl::OkStatus()).ok());
  EXPECT_TRUE(ToGrpcStatus(absl::OkStatus()).error_details().empty());
}

TEST(StatusTest, EveryCodeStaysItself) {
  for (int code = 1; code <= 16; ++code) {
    const absl::Status status(static_cast<absl::StatusCode>(code), "why");
    EXPECT_EQ(ThroughTheWire(status), status);
  }
}

TEST(StatusTest, AnUnknownCodeIsUnknown) {
  google::rpc::Status proto;
  proto.set_code(4711);
  EXPECT_EQ(FromProto(proto).code(), absl::StatusCode::kUnknown);
}

TEST(StatusTest, EveryDetailArrives) {
  absl::Status status = InvalidField("policy.max_ttl", "is too small");
  status = WithFieldViolation(status, "key", "is too long");
  status = WithMetadata(status, "exit_reason", "RELEASED");
  status = WithRetryDelay(status, absl::Milliseconds(1500));
  const ErrorDetail detail = DetailOf(ThroughTheWire(status));
  EXPECT_EQ(detail.reason, "INVALID_REQUEST");
  EXPECT_THAT(detail.field_violations,
              ElementsAre(Pair("key", "is too long"),
                          Pair("policy.max_ttl", "is too small")));
  EXPECT_THAT(detail.metadata, ElementsAre(Pair("exit_reason", "RELEASED")));
  EXPECT_EQ(detail.retry_delay, absl::Milliseconds(1500));
}

TEST(StatusTest, TheWireSaysItInGooglesWords) {
  const google::rpc::Status proto =
      ToProto(Error(Reason::kLeaseEnded, "the lease has ended"));
  ASSERT_THAT(proto.details(), SizeIs(1));
  google::rpc::ErrorInfo info;
  ASSERT_TRUE(proto.details(0).UnpackTo(&info));
  EXPECT_EQ(info.domain(), "anteroom");
  EXPECT_EQ(info.reason(), "LEASE_ENDED");
}

TEST(StatusTest, AForeignDetailIsCarriedOn) {
  google::rpc::ErrorInfo info;
  info.set_domain("example.org");
  info.set_reason("THEIRS");
  google::rpc::Status proto;
  proto.set_code(9);
  proto.add_details()->PackFrom(info);
  const absl::Status status = FromProto(proto);
  EXPECT_EQ(DetailOf(status).reason, "");
  const google::rpc::Status again = ToProto(status);
  ASSERT_THAT(again.details(), SizeIs(1));
  EXPECT_EQ(again.details(0).SerializeAsString(),
            proto.details(0).SerializeAsString());
}

TEST(StatusTest, ALongMessageIsCut) {
  const absl::Status status = absl::InternalError(std::string(100'000, 'x'));
  EXPECT_THAT(ToGrpcStatus(status).error_message(), SizeIs(2048));
}

// gRPC sends three bytes for each byte that is not ASCII.
TEST(StatusTest, AMessageIsCutAtACharacterByWhatGrpcSendsForIt) {
  std::string text = "x";
  for (int i = 0; i < 2000; ++i) text += "\u044f";  // two bytes
  const std::string message =
      ToGrpcStatus(absl::InternalError(text)).error_message();
  EXPECT_EQ(message, text.substr(0, 1 + 2 * 341));  // 1 + 341 * 6 <= 2048
}

TEST(StatusTest, WhatIsNoUtf8IsSentAsQuestionMarks) {
  const absl::Status status = absl::InternalError(
      "a\xff"
      "b\xc3("
      "c\xed\xa0\x80"
      "d\xf0\x9f\x98\x80"
      "e\xe2\x82");
  EXPECT_EQ(ToGrpcStatus(status).error_message(),
            "a?b?(c???d\xf0\x9f\x98\x80"
            "e??");
}

// gRPC drops a call's whole status if it exceeds the client's metadata limit.
TEST(StatusTest, TooMuchDetailIsLeftOutButNotTheReason) {
  absl::Status status = Error(Reason::kUseFailed, "why");
  status = WithMetadata(status, "stack", std::string(100'000, 'x'));
  status = WithFieldViolation(status, "f", std::string(100'000, 'x'));
  const grpc::Status grpc_status = ToGrpcStatus(status);
  EXPECT_LE(grpc_status.error_details().size(), 3584);
  EXPECT_TRUE(HasReason(FromGrpcStatus(grpc_status), Reason::kUseFailed));
}

TEST(StatusTest, GarbageDetailsAreIgnored) {
  const absl::Status status = FromGrpcStatus(
      grpc::Status(grpc::StatusCode::NOT_FOUND, "gone", "\xff\xff garbage"));
  EXPECT_EQ(status, absl::NotFoundError("gone"));
}

}  // namespace
}  // namespace anteroom::rpc
