#include "server/service/convert.h"

#include <openssl/sha.h>

#include <algorithm>
#include <iterator>
#include <string>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/io/zero_copy_stream_impl_lite.h"
#include "server/error/error.h"
#include "server/lifecycle/labels.h"
#include "server/rpc/status.h"

namespace anteroom::service {
namespace {

using lifecycle::ExitCause;
using lifecycle::ExitReason;
using lifecycle::LeaseState;
using lifecycle::Phase;

// Limits of the contract, in bytes.
constexpr std::size_t kMaxNameBytes = 256;
constexpr std::size_t kMinRequestIdBytes = 16;
constexpr std::size_t kMaxRequestIdBytes = 128;
// google.protobuf.Duration's own range, about 10,000 years.
constexpr std::int64_t kMaxSeconds = 315'576'000'000;
constexpr std::int64_t kMaxNanos = 999'999'999;

bool HasControlCharacter(absl::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](unsigned char c) { return absl::ascii_iscntrl(c); });
}

bool IsPrintable(absl::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](unsigned char c) { return absl::ascii_isprint(c); });
}

absl::Status CheckRequestId(absl::string_view id) {
  if (id.empty()) return absl::OkStatus();
  if (id.size() < kMinRequestIdBytes || id.size() > kMaxRequestIdBytes ||
      !IsPrintable(id)) {
    return InvalidField("request_id",
                        "must be 16 to 128 printable characters, such as a "
                        "UUID");
  }
  return absl::OkStatus();
}

absl::Status CheckEnums(const v1::AcquireRequest& proto) {
  if (!v1::AcquireRequest::Readiness_IsValid(proto.readiness())) {
    return InvalidField("readiness",
                        absl::StrCat(proto.readiness(), " is no known value"));
  }
  if (!v1::AcquireRequest::Events_IsValid(proto.events())) {
    return InvalidField("events",
                        absl::StrCat(proto.events(), " is no known value"));
  }
  return absl::OkStatus();
}

// What one of the two ways to acquire has no meaning for.
absl::Status CheckBinding(const v1::AcquireRequest& proto,
                          LeaseBinding binding) {
  if (binding == LeaseBinding::kTtl &&
      (proto.disconnect_grace().seconds() != 0 ||
       proto.disconnect_grace().nanos() != 0)) {
    return InvalidField("disconnect_grace",
                        "is for With: without a stream a lease lives by its "
                        "ttl");
  }
  return absl::OkStatus();
}

// A digest: the same for the same arguments, whatever their size; maps in the
// order of their keys. (The first 120 bits of a SHA-256: what a string holds
// without asking for memory.)
std::string Fingerprint(const v1::AcquireRequest& proto, LeaseBinding binding) {
  // One request id is one hold: of a stream or not.
  std::string bytes = binding == LeaseBinding::kStream ? "s" : "t";
  {
    google::protobuf::io::StringOutputStream stream(&bytes);
    google::protobuf::io::CodedOutputStream coded(&stream);
    coded.SetSerializationDeterministic(true);
    proto.SerializeToCodedStream(&coded);
  }
  unsigned char digest[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(),
         digest);
  return {std::begin(digest), std::begin(digest) + 15};
}

v1::ExitReason ToProto(ExitReason reason) {
  switch (reason) {
    case ExitReason::kReleased:
      return v1::EXIT_REASON_RELEASED;
    case ExitReason::kBodyFailed:
      return v1::EXIT_REASON_BODY_FAILED;
    case ExitReason::kTtlExpired:
      return v1::EXIT_REASON_TTL_EXPIRED;
    case ExitReason::kDisconnected:
      return v1::EXIT_REASON_DISCONNECTED;
    case ExitReason::kRevoked:
      return v1::EXIT_REASON_REVOKED;
    case ExitReason::kDrained:
      return v1::EXIT_REASON_DRAINED;
    case ExitReason::kEnterFailed:
      return v1::EXIT_REASON_ENTER_FAILED;
    case ExitReason::kInstanceLost:
      return v1::EXIT_REASON_INSTANCE_LOST;
    case ExitReason::kServerRestarted:
      return v1::EXIT_REASON_SERVER_RESTARTED;
    case ExitReason::kCancelled:
      return v1::EXIT_REASON_CANCELLED;
  }
  return v1::EXIT_REASON_UNSPECIFIED;
}

v1::Lease::State ToProto(LeaseState state) {
  switch (state) {
    case LeaseState::kWaiting:
      return v1::Lease::STATE_WAITING;
    case LeaseState::kEntering:
      return v1::Lease::STATE_ENTERING;
    case LeaseState::kHeld:
      return v1::Lease::STATE_HELD;
    case LeaseState::kExiting:
      return v1::Lease::STATE_EXITING;
    case LeaseState::kEnded:
      return v1::Lease::STATE_ENDED;
  }
  return v1::Lease::STATE_UNSPECIFIED;
}

v1::LifecycleEvent::Phase ToProto(Phase phase) {
  switch (phase) {
    case Phase::kConstructed:
      return v1::LifecycleEvent::PHASE_CONSTRUCTED;
    case Phase::kWaiting:
      return v1::LifecycleEvent::PHASE_WAITING;
    case Phase::kEntering:
      return v1::LifecycleEvent::PHASE_ENTERING;
    case Phase::kInitializing:
      return v1::LifecycleEvent::PHASE_INITIALIZING;
    case Phase::kProgress:
      return v1::LifecycleEvent::PHASE_PROGRESS;
    case Phase::kReady:
      return v1::LifecycleEvent::PHASE_READY;
    case Phase::kEntered:
      return v1::LifecycleEvent::PHASE_ENTERED;
    case Phase::kUsed:
      return v1::LifecycleEvent::PHASE_USED;
    case Phase::kRevoking:
      return v1::LifecycleEvent::PHASE_REVOKING;
    case Phase::kExiting:
      return v1::LifecycleEvent::PHASE_EXITING;
    case Phase::kExited:
      return v1::LifecycleEvent::PHASE_EXITED;
    case Phase::kClosing:
      return v1::LifecycleEvent::PHASE_CLOSING;
    case Phase::kClosed:
      return v1::LifecycleEvent::PHASE_CLOSED;
    case Phase::kFailed:
      return v1::LifecycleEvent::PHASE_FAILED;
  }
  return v1::LifecycleEvent::PHASE_UNSPECIFIED;
}

}  // namespace

absl::Status CheckName(absl::string_view field, absl::string_view name) {
  if (name.size() > kMaxNameBytes) {
    return InvalidField(
        field,
        absl::StrCat("has ", name.size(), " bytes, more than ", kMaxNameBytes));
  }
  if (HasControlCharacter(name)) {
    return InvalidField(field, "has a control character");
  }
  return absl::OkStatus();
}

absl::Status CheckMethodName(absl::string_view field, absl::string_view name) {
  if (name.empty()) return InvalidField(field, "must not be empty");
  return CheckName(field, name);
}

absl::StatusOr<absl::Duration> FromProto(
    absl::string_view field, const google::protobuf::Duration& proto) {
  if (proto.seconds() < 0 || proto.nanos() < 0) {
    return InvalidField(field, "must not be negative");
  }
  if (proto.seconds() > kMaxSeconds || proto.nanos() > kMaxNanos) {
    return InvalidField(field, "is out of the range of a Duration");
  }
  return absl::Seconds(proto.seconds()) + absl::Nanoseconds(proto.nanos());
}

absl::StatusOr<lifecycle::Scope::AcquireRequested> FromProto(
    const v1::AcquireRequest& proto, LeaseBinding binding) {
  if (proto.resource().empty()) {
    return InvalidField("resource", "must not be empty");
  }
  const absl::StatusOr<absl::Duration> ttl = FromProto("ttl", proto.ttl());
  if (!ttl.ok()) return ttl.status();
  const absl::StatusOr<absl::Duration> max_wait =
      FromProto("max_wait", proto.max_wait());
  if (!max_wait.ok()) return max_wait.status();
  const absl::StatusOr<absl::Duration> grace =
      FromProto("disconnect_grace", proto.disconnect_grace());
  const lifecycle::Labels labels(proto.labels().begin(), proto.labels().end());
  for (const absl::Status& checked :
       {CheckName("resource", proto.resource()), CheckName("key", proto.key()),
        CheckRequestId(proto.request_id()),
        lifecycle::ValidateLabels("labels", labels), CheckEnums(proto),
        grace.status(), CheckBinding(proto, binding)}) {
    if (!checked.ok()) return checked;
  }

  lifecycle::Scope::AcquireRequested request;
  request.resource = proto.resource();
  if (proto.has_max_wait()) request.max_wait = *max_wait;
  request.options.key = proto.key();
  request.options.ttl = *ttl;
  request.options.argument = FromProto(proto.argument());
  request.options.no_wait = proto.no_wait();
  request.options.priority = proto.priority();
  request.options.labels = labels;
  request.options.stream_bound = binding == LeaseBinding::kStream;
  request.options.deferred =
      proto.readiness() == v1::AcquireRequest::READINESS_DEFERRED;
  request.disconnect_grace = *grace;
  request.events = proto.events() != v1::AcquireRequest::EVENTS_NONE;
  if (!proto.request_id().empty()) {
    request.options.request = proto.request_id();
    request.options.arguments = Fingerprint(proto, binding);
  }
  return request;
}

absl::StatusOr<ExitCause> FromProto(const v1::ReleaseRequest& proto) {
  ExitCause cause;
  cause.tainted = proto.tainted();
  switch (proto.outcome()) {
    case v1::ReleaseRequest::OUTCOME_UNSPECIFIED:
    case v1::ReleaseRequest::OUTCOME_OK:
      if (proto.has_error() && proto.error().code() != 0) {
        return InvalidField("error", "must be unset where the outcome is OK");
      }
      cause.reason = ExitReason::kReleased;
      return cause;
    case v1::ReleaseRequest::OUTCOME_ERROR:
      cause.error = rpc::FromProto(proto.error());
      if (cause.error.ok()) {
        cause.error = absl::UnknownError("the body failed and did not say how");
      }
      cause.reason = absl::IsCancelled(cause.error) ? ExitReason::kCancelled
                                                    : ExitReason::kBodyFailed;
      return cause;
    default:
      return InvalidField("outcome",
                          absl::StrCat(proto.outcome(), " is no known value"));
  }
}

void ToProto(absl::Duration duration, google::protobuf::Duration* proto) {
  duration = std::clamp(duration, -absl::Seconds(kMaxSeconds),
                        absl::Seconds(kMaxSeconds));
  proto->set_seconds(absl::IDivDuration(duration, absl::Seconds(1), &duration));
  proto->set_nanos(static_cast<std::int32_t>(
      absl::IDivDuration(duration, absl::Nanoseconds(1), &duration)));
}

void ToProto(absl::Time time, google::protobuf::Timestamp* proto) {
  const std::int64_t seconds = absl::ToUnixSeconds(time);
  proto->set_seconds(seconds);
  proto->set_nanos(static_cast<std::int32_t>(
      absl::ToInt64Nanoseconds(time - absl::FromUnixSeconds(seconds))));
}

lifecycle::Payload FromProto(const v1::Payload& proto) {
  return {proto.content_type(), proto.data()};
}

lifecycle::Payload FromProto(v1::Payload&& proto) {
  return {std::move(*proto.mutable_content_type()),
          std::move(*proto.mutable_data())};
}

lifecycle::PayloadView ViewOf(const v1::Payload& proto) {
  return {proto.content_type(), proto.data()};
}

void ToProto(lifecycle::Payload&& payload, v1::Payload* proto) {
  proto->set_content_type(std::move(payload.content_type));
  proto->set_data(std::move(payload.data));
}

void ToProto(const lifecycle::Receipt& receipt, v1::Receipt* proto) {
  proto->set_reason(ToProto(receipt.reason));
  proto->set_error_suppressed(receipt.error_suppressed);
  google::rpc::Status& exit_status = *proto->mutable_exit_status();
  if (!receipt.exit_status.ok()) {
    exit_status = rpc::ToProto(receipt.exit_status);
  }
  ToProto(receipt.held, proto->mutable_held());
  ToProto(receipt.exited, proto->mutable_exited());
  proto->set_attempts(receipt.attempts);
  ToProto(receipt.end_time, proto->mutable_end_time());
}

void ToProto(const lifecycle::Event& event, v1::LifecycleEvent* proto) {
  proto->set_sequence(event.sequence);
  ToProto(event.time, proto->mutable_time());
  proto->set_resource(event.resource());
  proto->set_key(event.key());
  proto->set_instance_id(event.instance_id());
  proto->set_lease_name(event.lease_name());
  proto->set_phase(ToProto(event.phase));
  proto->set_message(event.message());
  if (const auto progress = event.progress()) proto->set_progress(*progress);
  proto->set_queue_position(event.queue_position);
  if (!event.status().ok()) {
    *proto->mutable_status() = rpc::ToProto(event.status());
  }
  if (const auto deadline = event.deadline()) {
    ToProto(*deadline, proto->mutable_deadline());
  }
}

void ToProto(const lifecycle::Lease& lease, LeaseId id, v1::Lease* proto) {
  lifecycle::LeaseView view = lease.View();
  if (id == LeaseId::kShown) proto->set_lease_id(lease.id());
  proto->set_name(lease.name());
  proto->set_resource(lease.resource());
  proto->set_key(std::string(lease.key()));
  proto->set_instance_id(std::move(view.instance_id));
  proto->set_fencing_token(view.fencing_token);
  proto->set_state(ToProto(view.state));
  // A lease on a stream has no time to live.
  if (!lease.stream_bound()) ToProto(view.ttl, proto->mutable_ttl());
  ToProto(view.create_time, proto->mutable_create_time());
  if (view.expire_time != absl::InfiniteFuture()) {
    ToProto(view.expire_time, proto->mutable_expire_time());
  }
  if (view.revoke_time != absl::InfiniteFuture()) {
    ToProto(view.revoke_time, proto->mutable_revoke_time());
  }
  proto->set_holder(std::string(lease.holder()));
  const lifecycle::Labels labels = lease.labels();
  proto->mutable_labels()->insert(labels.begin(), labels.end());
  if (view.receipt.has_value()) {
    ToProto(*view.receipt, proto->mutable_receipt());
  }
  if (id == LeaseId::kShown) {
    ToProto(std::move(view.value), proto->mutable_value());
  }
}

}  // namespace anteroom::service
