#include "server/error/error.h"

#include <algorithm>
#include <exception>
#include <utility>

#include "absl/strings/cord.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace anteroom {
namespace {

// Payload keys. They never leave the process: `rpc/status` reads DetailOf().
constexpr absl::string_view kReasonKey = "anteroom/reason";
constexpr absl::string_view kMetadataPrefix = "anteroom/metadata/";
constexpr absl::string_view kFieldPrefix = "anteroom/field/";
constexpr absl::string_view kRetryDelayKey = "anteroom/retry_delay";
constexpr absl::string_view kOwnPrefix = "anteroom/";

struct ReasonRow {
  absl::string_view name;
  absl::StatusCode code;
};

ReasonRow RowOf(Reason reason) {
  using Code = absl::StatusCode;
  switch (reason) {
    case Reason::kInvalidRequest:
      return {"INVALID_REQUEST", Code::kInvalidArgument};
    case Reason::kRequestIdReused:
      return {"REQUEST_ID_REUSED", Code::kInvalidArgument};
    case Reason::kResourceNotFound:
      return {"RESOURCE_NOT_FOUND", Code::kNotFound};
    case Reason::kResourceExists:
      return {"RESOURCE_EXISTS", Code::kAlreadyExists};
    case Reason::kLeaseNotFound:
      return {"LEASE_NOT_FOUND", Code::kNotFound};
    case Reason::kInstanceNotFound:
      return {"INSTANCE_NOT_FOUND", Code::kNotFound};
    case Reason::kLeaseEnded:
      return {"LEASE_ENDED", Code::kFailedPrecondition};
    case Reason::kStaleFencingToken:
      return {"STALE_FENCING_TOKEN", Code::kFailedPrecondition};
    case Reason::kWaitTimedOut:
      return {"WAIT_TIMED_OUT", Code::kDeadlineExceeded};
    case Reason::kInitFailed:
      return {"INIT_FAILED", Code::kInternal};
    case Reason::kEnterFailed:
      return {"ENTER_FAILED", Code::kInternal};
    case Reason::kUseFailed:
      return {"USE_FAILED", Code::kInternal};
    case Reason::kInitTimedOut:
      return {"INIT_TIMED_OUT", Code::kDeadlineExceeded};
    case Reason::kEnterTimedOut:
      return {"ENTER_TIMED_OUT", Code::kDeadlineExceeded};
    case Reason::kUseTimedOut:
      return {"USE_TIMED_OUT", Code::kDeadlineExceeded};
    case Reason::kUseCancelled:
      return {"USE_CANCELLED", Code::kAborted};
    case Reason::kCallNotReceived:
      return {"CALL_NOT_RECEIVED", Code::kUnavailable};
    case Reason::kReplyLost:
      return {"REPLY_LOST", Code::kDataLoss};
    case Reason::kSuperseded:
      return {"SUPERSEDED", Code::kAborted};
    case Reason::kInstanceLost:
      return {"INSTANCE_LOST", Code::kUnavailable};
    case Reason::kMethodNotFound:
      return {"METHOD_NOT_FOUND", Code::kUnimplemented};
    case Reason::kNotImplemented:
      return {"NOT_IMPLEMENTED", Code::kUnimplemented};
    case Reason::kWouldWait:
      return {"WOULD_WAIT", Code::kResourceExhausted};
    case Reason::kQueueFull:
      return {"QUEUE_FULL", Code::kResourceExhausted};
    case Reason::kQuotaExceeded:
      return {"QUOTA_EXCEEDED", Code::kResourceExhausted};
    case Reason::kBreakerOpen:
      return {"BREAKER_OPEN", Code::kUnavailable};
    case Reason::kDraining:
      return {"DRAINING", Code::kUnavailable};
    case Reason::kEventsLost:
      return {"EVENTS_LOST", Code::kOutOfRange};
    case Reason::kSlowReader:
      return {"SLOW_READER", Code::kResourceExhausted};
    case Reason::kNotHolder:
      return {"NOT_HOLDER", Code::kPermissionDenied};
    case Reason::kForbidden:
      return {"FORBIDDEN", Code::kPermissionDenied};
    case Reason::kUnauthenticated:
      return {"UNAUTHENTICATED", Code::kUnauthenticated};
  }
  return {"UNKNOWN", Code::kUnknown};
}

}  // namespace

absl::string_view ReasonName(Reason reason) { return RowOf(reason).name; }

absl::StatusCode CodeOf(Reason reason) { return RowOf(reason).code; }

absl::Status Error(Reason reason, absl::string_view message) {
  absl::Status status(CodeOf(reason), message);
  status.SetPayload(kReasonKey, absl::Cord(ReasonName(reason)));
  return status;
}

absl::Status InvalidField(absl::string_view field,
                          absl::string_view description) {
  return WithFieldViolation(
      Error(Reason::kInvalidRequest, absl::StrCat(field, ": ", description)),
      field, description);
}

absl::Status WithReason(absl::Status status, Reason reason) {
  return WithReasonName(std::move(status), ReasonName(reason));
}

absl::Status WithReasonName(absl::Status status, absl::string_view reason) {
  if (!status.GetPayload(kReasonKey).has_value()) {
    status.SetPayload(kReasonKey, absl::Cord(reason));
  }
  return status;
}

absl::Status WithFieldViolation(absl::Status status, absl::string_view field,
                                absl::string_view description) {
  status.SetPayload(absl::StrCat(kFieldPrefix, field), absl::Cord(description));
  return status;
}

absl::Status WithMetadata(absl::Status status, absl::string_view key,
                          absl::string_view value) {
  status.SetPayload(absl::StrCat(kMetadataPrefix, key), absl::Cord(value));
  return status;
}

absl::Status WithRetryDelay(absl::Status status, absl::Duration delay) {
  const std::string text = absl::FormatDuration(delay);
  status.SetPayload(kRetryDelayKey, absl::Cord(absl::string_view(text)));
  return status;
}

absl::Status ErrorOfException(absl::string_view who) {
  try {
    throw;
  } catch (const std::exception& exception) {
    return absl::InternalError(absl::StrCat(who, " threw: ", exception.what()));
  } catch (...) {
    return absl::InternalError(absl::StrCat(who, " threw"));
  }
}

ErrorDetail DetailOf(const absl::Status& status) {
  ErrorDetail detail;
  status.ForEachPayload(
      [&detail](absl::string_view key, const absl::Cord& value) {
        if (key == kReasonKey) {
          detail.reason = std::string(value);
        } else if (key == kRetryDelayKey) {
          absl::Duration delay;
          if (absl::ParseDuration(std::string(value), &delay)) {
            detail.retry_delay = delay;
          }
        } else if (absl::ConsumePrefix(&key, kMetadataPrefix)) {
          detail.metadata.emplace_back(std::string(key), std::string(value));
        } else if (absl::ConsumePrefix(&key, kFieldPrefix)) {
          detail.field_violations.emplace_back(std::string(key),
                                               std::string(value));
        } else if (!absl::StartsWith(key, kOwnPrefix)) {
          detail.foreign.emplace_back(std::string(key), std::string(value));
        }
      });
  // absl visits payloads in no order, and in another one each time.
  for (auto* const list :
       {&detail.metadata, &detail.field_violations, &detail.foreign}) {
    std::sort(list->begin(), list->end());
  }
  return detail;
}

bool HasReason(const absl::Status& status, Reason reason) {
  const absl::optional<absl::Cord> payload = status.GetPayload(kReasonKey);
  return payload.has_value() && *payload == ReasonName(reason);
}

}  // namespace anteroom
