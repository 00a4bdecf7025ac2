// Between the wire's messages and the lifecycle's values. Every rule about what
// a request may say is here, and each refusal names its field.
//
// Thread safety: free functions on values.
#ifndef ANTEROOM_SERVER_SERVICE_CONVERT_H_
#define ANTEROOM_SERVER_SERVICE_CONVERT_H_

#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "anteroom/v1/resource_service.pb.h"
#include "google/protobuf/duration.pb.h"
#include "google/protobuf/timestamp.pb.h"
#include "server/lifecycle/event.h"
#include "server/lifecycle/lease.h"
#include "server/lifecycle/payload.h"
#include "server/lifecycle/receipt.h"
#include "server/lifecycle/scope.h"

namespace anteroom::service {

// Whether an acquire's lease lives on a stream (With) or by its TTL (Acquire).
enum class LeaseBinding { kTtl, kStream };

// Names and keys: at most 256 bytes and no control character; a method's name
// is not empty. INVALID_REQUEST naming `field`.
absl::Status CheckName(absl::string_view field, absl::string_view name);
absl::Status CheckMethodName(absl::string_view field, absl::string_view name);

// A non-negative duration. INVALID_REQUEST naming `field` if it is negative,
// malformed, or longer than the 10,000 years that protobuf allows.
absl::StatusOr<absl::Duration> FromProto(
    absl::string_view field, const google::protobuf::Duration& proto);

// What an AcquireRequest asks for. INVALID_REQUEST naming the field, or
// NOT_IMPLEMENTED for what this server cannot do yet.
absl::StatusOr<lifecycle::Scope::AcquireRequested> FromProto(
    const v1::AcquireRequest& proto, LeaseBinding binding);

// Why a ReleaseRequest ends the lease. INVALID_REQUEST for an unknown outcome,
// and for outcome OK with an error.
absl::StatusOr<lifecycle::ExitCause> FromProto(const v1::ReleaseRequest& proto);

lifecycle::Payload FromProto(const v1::Payload& proto);
lifecycle::Payload FromProto(v1::Payload&& proto);
// The same, of what `proto` keeps.
lifecycle::PayloadView ViewOf(const v1::Payload& proto);

// All fill in place what is empty, or was cleared: a response that was used
// before has room for it, one on an arena needs no memory of its own.
void ToProto(lifecycle::Payload&& payload, v1::Payload* proto);
void ToProto(const lifecycle::Receipt& receipt, v1::Receipt* proto);
void ToProto(const lifecycle::Event& event, v1::LifecycleEvent* proto);

// google.protobuf.Duration ends at 10,000 years: more is cut to that.
void ToProto(absl::Duration duration, google::protobuf::Duration* proto);
void ToProto(absl::Time time, google::protobuf::Timestamp* proto);

// Whether what its holder alone may know is part of the answer: the secret
// lease id, and the value that enter returned.
enum class LeaseId { kShown, kHidden };
void ToProto(const lifecycle::Lease& lease, LeaseId id, v1::Lease* proto);

}  // namespace anteroom::service

#endif  // ANTEROOM_SERVER_SERVICE_CONVERT_H_
