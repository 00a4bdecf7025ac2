// What every error of Anteroom carries: a canonical code, a reason a program
// can switch on, and what helps to mend it (field, retry delay, metadata).
//
// The detail travels inside absl::Status as payloads, so that the floors which
// know neither gRPC nor protobuf can say exactly what went wrong;
// `rpc/status` turns it into google.rpc details on the wire.
//
// Thread safety: free functions on values.
#ifndef ANTEROOM_SERVER_ERROR_ERROR_H_
#define ANTEROOM_SERVER_ERROR_ERROR_H_

#include <optional>
#include <string>
#include <utility>
#include <vector>
#include "absl/strings/string_view.h"

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace anteroom {

// The reasons of the contract. Each has one canonical code, except the hook
// failures (kInitFailed, kEnterFailed, kUseFailed), which keep the hook's own.
enum class Reason {
  kInvalidRequest,
  kRequestIdReused,
  kResourceNotFound,
  kResourceExists,
  kLeaseNotFound,
  kInstanceNotFound,
  kLeaseEnded,
  kStaleFencingToken,
  kWaitTimedOut,
  kInitFailed,
  kEnterFailed,
  kUseFailed,
  kInitTimedOut,
  kEnterTimedOut,
  kUseTimedOut,
  kUseCancelled,
  kCallNotReceived,  // a resumed scope never got it, and will not run it
  kReplyLost,        // it ran, and its reply is kept no longer
  kSuperseded,
  kInstanceLost,
  kMethodNotFound,
  kNotImplemented,
  kWouldWait,
  kQueueFull,
  kQuotaExceeded,
  kBreakerOpen,
  kDraining,
  kEventsLost,
  kSlowReader,
  kNotHolder,
  kForbidden,
  kUnauthenticated,
};

// "LEASE_ENDED" for kLeaseEnded.
absl::string_view ReasonName(Reason reason);

// The canonical code of `reason`; INTERNAL for the hook failures, whose code is
// the hook's own.
absl::StatusCode CodeOf(Reason reason);

// An error with `reason` and its canonical code.
absl::Status Error(Reason reason, absl::string_view message);

// INVALID_ARGUMENT `INVALID_REQUEST` naming the offending field by its path in
// the request ("acquire.ttl").
absl::Status InvalidField(absl::string_view field,
                          absl::string_view description);

// `status` with the hook failure `reason` added; code and message stay the
// hook's. A reason that `status` already carries stays: the innermost failure
// is the true one.
// REQUIRES: !status.ok().
absl::Status WithReason(absl::Status status, Reason reason);

// The same for a reason that came over the wire, known here or not.
absl::Status WithReasonName(absl::Status status, absl::string_view reason);

// `status` with one more wrong field.
absl::Status WithFieldViolation(absl::Status status, absl::string_view field,
                                absl::string_view description);

// `status` with one more ErrorInfo metadata entry.
absl::Status WithMetadata(absl::Status status, absl::string_view key,
                          absl::string_view value);

// `status` that may be retried after `delay`.
absl::Status WithRetryDelay(absl::Status status, absl::Duration delay);

// INTERNAL "`who` threw: ..." for the exception that is being handled.
// REQUIRES: called in a catch block.
absl::Status ErrorOfException(absl::string_view who);

// What an error carries besides code and message. The lists are sorted.
struct ErrorDetail {
  // Empty: an error that is not ours (a hook's own).
  std::string reason;
  std::vector<std::pair<std::string, std::string>> metadata;
  // Field path and description.
  std::vector<std::pair<std::string, std::string>> field_violations;
  std::optional<absl::Duration> retry_delay;
  // Details that came from outside, as type URL and serialized message.
  std::vector<std::pair<std::string, std::string>> foreign;
};
ErrorDetail DetailOf(const absl::Status& status);

// True if `status` carries `reason`.
bool HasReason(const absl::Status& status, Reason reason);

}  // namespace anteroom

#endif  // ANTEROOM_SERVER_ERROR_ERROR_H_
