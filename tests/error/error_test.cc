#include "server/error/error.h"

#include <stdexcept>
#include <utility>

#include "absl/strings/cord.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace anteroom {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;

TEST(ErrorTest, EveryReasonHasItsNameAndCodeOfTheContract) {
  using Code = absl::StatusCode;
  const struct {
    Reason reason;
    const char* name;
    Code code;
  } contract[] = {
      {Reason::kInvalidRequest, "INVALID_REQUEST", Code::kInvalidArgument},
      {Reason::kRequestIdReused, "REQUEST_ID_REUSED", Code::kInvalidArgument},
      {Reason::kResourceNotFound, "RESOURCE_NOT_FOUND", Code::kNotFound},
      {Reason::kResourceExists, "RESOURCE_EXISTS", Code::kAlreadyExists},
      {Reason::kLeaseNotFound, "LEASE_NOT_FOUND", Code::kNotFound},
      {Reason::kLeaseEnded, "LEASE_ENDED", Code::kFailedPrecondition},
      {Reason::kStaleFencingToken, "STALE_FENCING_TOKEN",
       Code::kFailedPrecondition},
      {Reason::kWaitTimedOut, "WAIT_TIMED_OUT", Code::kDeadlineExceeded},
      {Reason::kInitTimedOut, "INIT_TIMED_OUT", Code::kDeadlineExceeded},
      {Reason::kEnterTimedOut, "ENTER_TIMED_OUT", Code::kDeadlineExceeded},
      {Reason::kUseTimedOut, "USE_TIMED_OUT", Code::kDeadlineExceeded},
      {Reason::kUseCancelled, "USE_CANCELLED", Code::kAborted},
      {Reason::kSuperseded, "SUPERSEDED", Code::kAborted},
      {Reason::kInstanceLost, "INSTANCE_LOST", Code::kUnavailable},
      {Reason::kMethodNotFound, "METHOD_NOT_FOUND", Code::kUnimplemented},
      {Reason::kNotImplemented, "NOT_IMPLEMENTED", Code::kUnimplemented},
      {Reason::kWouldWait, "WOULD_WAIT", Code::kResourceExhausted},
      {Reason::kQueueFull, "QUEUE_FULL", Code::kResourceExhausted},
      {Reason::kQuotaExceeded, "QUOTA_EXCEEDED", Code::kResourceExhausted},
      {Reason::kBreakerOpen, "BREAKER_OPEN", Code::kUnavailable},
      {Reason::kDraining, "DRAINING", Code::kUnavailable},
      {Reason::kEventsLost, "EVENTS_LOST", Code::kOutOfRange},
      {Reason::kSlowReader, "SLOW_READER", Code::kResourceExhausted},
      {Reason::kNotHolder, "NOT_HOLDER", Code::kPermissionDenied},
      {Reason::kForbidden, "FORBIDDEN", Code::kPermissionDenied},
      {Reason::kUnauthenticated, "UNAUTHENTICATED", Code::kUnauthenticated},
  };
  for (const auto& row : contract) {
    const absl::Status error = Error(row.reason, "why");
    EXPECT_EQ(error.code(), row.code) << row.name;
    EXPECT_EQ(DetailOf(error).reason, row.name);
    EXPECT_TRUE(HasReason(error, row.reason));
  }
}

TEST(ErrorTest, AHookFailureKeepsItsCodeAndMessage) {
  const absl::Status error =
      WithReason(absl::NotFoundError("no such row"), Reason::kUseFailed);
  EXPECT_EQ(error.code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(error.message(), "no such row");
  EXPECT_TRUE(HasReason(error, Reason::kUseFailed));
}

TEST(ErrorTest, TheInnermostReasonStays) {
  const absl::Status error =
      WithReason(Error(Reason::kMethodNotFound, "x"), Reason::kUseFailed);
  EXPECT_TRUE(HasReason(error, Reason::kMethodNotFound));
}

TEST(ErrorTest, AnExceptionIsInternalAndSaysWhoThrewWhat) {
  try {
    throw std::runtime_error("oops");
  } catch (...) {
    EXPECT_EQ(ErrorOfException("the hook"),
              absl::InternalError("the hook threw: oops"));
  }
  try {
    throw 7;
  } catch (...) {
    EXPECT_EQ(ErrorOfException("the hook"),
              absl::InternalError("the hook threw"));
  }
}

TEST(ErrorTest, AnInvalidFieldIsNamed) {
  const ErrorDetail detail = DetailOf(InvalidField("acquire.ttl", "is wrong"));
  EXPECT_EQ(detail.reason, "INVALID_REQUEST");
  EXPECT_THAT(detail.field_violations,
              ElementsAre(Pair("acquire.ttl", "is wrong")));
}

// absl keeps payloads in no order.
TEST(ErrorTest, DetailsAreSorted) {
  absl::Status error = Error(Reason::kInvalidRequest, "why");
  for (const char* const field : {"d", "a", "c", "b"}) {
    error = WithFieldViolation(error, field, "is wrong");
    error = WithMetadata(error, field, "x");
  }
  const ErrorDetail detail = DetailOf(error);
  EXPECT_THAT(detail.field_violations,
              ElementsAre(Pair("a", "is wrong"), Pair("b", "is wrong"),
                          Pair("c", "is wrong"), Pair("d", "is wrong")));
  EXPECT_THAT(detail.metadata, ElementsAre(Pair("a", "x"), Pair("b", "x"),
                                           Pair("c", "x"), Pair("d", "x")));
}

TEST(ErrorTest, MetadataAndRetryDelayAreCarried) {
  const ErrorDetail detail = DetailOf(WithRetryDelay(
      WithMetadata(Error(Reason::kWouldWait, "x"), "key", "value"),
      absl::Milliseconds(1500)));
  EXPECT_THAT(detail.metadata, ElementsAre(Pair("key", "value")));
  EXPECT_EQ(detail.retry_delay, absl::Milliseconds(1500));
}

TEST(ErrorTest, ForeignDetailsAreKept) {
  absl::Status error = absl::UnknownError("x");
  error.SetPayload("type.googleapis.com/some.Detail", absl::Cord("bytes"));
  const ErrorDetail detail = DetailOf(error);
  EXPECT_TRUE(detail.reason.empty());
  EXPECT_THAT(detail.foreign,
              ElementsAre(Pair("type.googleapis.com/some.Detail", "bytes")));
}

}  // namespace
}  // namespace anteroom
