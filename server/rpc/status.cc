#include "server/rpc/status.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>

#include "absl/strings/cord.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "google/rpc/error_details.pb.h"
#include "server/error/error.h"
#include "server/error/utf8.h"

namespace anteroom::rpc {
namespace {

constexpr absl::string_view kTypePrefix = "type.googleapis.com/";
// Of a message as gRPC sends it: percent-encoded.
constexpr std::size_t kMaxMessageBytes = 2048;
// Of a client's 8 KiB of metadata: base64 adds a third, and there is more in it
// than our details.
constexpr std::size_t kMaxDetailBytes = 3584;

google::protobuf::Duration ToProto(absl::Duration duration) {
  google::protobuf::Duration proto;
  proto.set_seconds(absl::IDivDuration(duration, absl::Seconds(1), &duration));
  proto.set_nanos(static_cast<std::int32_t>(
      absl::IDivDuration(duration, absl::Nanoseconds(1), &duration)));
  return proto;
}

// `text` as UTF-8, cut so that gRPC sends at most kMaxMessageBytes for it.
std::string Sendable(absl::string_view text) {
  std::size_t encoded = 0;
  return ToUtf8(text, [&](absl::string_view character) {
    // gRPC encodes a byte as %XX unless it is printable ASCII, and '%' itself.
    const bool plain = character.size() == 1 && character[0] >= 0x20 &&
                       character[0] <= 0x7E && character[0] != '%';
    encoded += plain ? 1 : 3 * character.size();
    return encoded <= kMaxMessageBytes;
  });
}

// Adds `message` if the whole stays small enough.
void AddDetail(const google::protobuf::Message& message,
               google::rpc::Status& proto) {
  google::protobuf::Any detail;
  detail.PackFrom(message);
  if (proto.ByteSizeLong() + detail.ByteSizeLong() > kMaxDetailBytes) return;
  *proto.add_details() = std::move(detail);
}

void AddErrorInfo(const ErrorDetail& detail, google::rpc::Status& proto) {
  if (detail.reason.empty() && detail.metadata.empty()) return;
  google::rpc::ErrorInfo info;
  info.set_domain(kErrorDomain);
  info.set_reason(detail.reason);
  google::rpc::ErrorInfo with_metadata = info;
  for (const auto& [key, value] : detail.metadata) {
    (*with_metadata.mutable_metadata())[key] = value;
  }
  const int before = proto.details_size();
  AddDetail(with_metadata, proto);
  if (proto.details_size() == before) AddDetail(info, proto);
}

// False if `any` is none of ours.
bool ReadOwnDetail(const google::protobuf::Any& any, absl::Status& status) {
  google::rpc::ErrorInfo info;
  google::rpc::BadRequest bad_request;
  google::rpc::RetryInfo retry;
  if (any.Is<google::rpc::ErrorInfo>() && any.UnpackTo(&info)) {
    if (info.domain() != kErrorDomain) return false;
    status = WithReasonName(std::move(status), info.reason());
    for (const auto& [key, value] : info.metadata()) {
      status = WithMetadata(std::move(status), key, value);
    }
    return true;
  }
  if (any.Is<google::rpc::BadRequest>() && any.UnpackTo(&bad_request)) {
    for (const auto& violation : bad_request.field_violations()) {
      status = WithFieldViolation(std::move(status), violation.field(),
                                  violation.description());
    }
    return true;
  }
  if (any.Is<google::rpc::RetryInfo>() && any.UnpackTo(&retry)) {
    status = WithRetryDelay(std::move(status),
                            absl::Seconds(retry.retry_delay().seconds()) +
                                absl::Nanoseconds(retry.retry_delay().nanos()));
    return true;
  }
  return false;
}

}  // namespace

google::rpc::Status ToProto(const absl::Status& status) {
  google::rpc::Status proto;
  proto.set_code(static_cast<int>(status.code()));
  proto.set_message(Sendable(status.message()));
  if (status.ok()) return proto;
  const ErrorDetail detail = DetailOf(status);
  AddErrorInfo(detail, proto);
  if (!detail.field_violations.empty()) {
    google::rpc::BadRequest bad_request;
    for (const auto& [field, description] : detail.field_violations) {
      auto* const violation = bad_request.add_field_violations();
      violation->set_field(field);
      violation->set_description(description);
    }
    AddDetail(bad_request, proto);
  }
  if (detail.retry_delay.has_value()) {
    google::rpc::RetryInfo retry;
    *retry.mutable_retry_delay() = ToProto(*detail.retry_delay);
    AddDetail(retry, proto);
  }
  for (const auto& [type_url, value] : detail.foreign) {
    if (proto.ByteSizeLong() + type_url.size() + value.size() >
        kMaxDetailBytes) {
      continue;
    }
    google::protobuf::Any* const any = proto.add_details();
    any->set_type_url(type_url);
    any->set_value(value);
  }
  return proto;
}

absl::Status FromProto(const google::rpc::Status& proto) {
  if (proto.code() == 0) return absl::OkStatus();
  const bool known = proto.code() >= 1 && proto.code() <= 16;
  absl::Status status(known ? static_cast<absl::StatusCode>(proto.code())
                            : absl::StatusCode::kUnknown,
                      proto.message());
  for (const google::protobuf::Any& any : proto.details()) {
    if (ReadOwnDetail(any, status)) continue;
    if (!absl::StartsWith(any.type_url(), kTypePrefix)) continue;
    const absl::string_view value = any.value();
    status.SetPayload(any.type_url(), absl::Cord(value));
  }
  return status;
}

grpc::Status ToGrpcStatus(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  const google::rpc::Status proto = ToProto(status);
  return grpc::Status(
      static_cast<grpc::StatusCode>(proto.code()), proto.message(),
      proto.details_size() > 0 ? proto.SerializeAsString() : std::string());
}

absl::Status FromGrpcStatus(const grpc::Status& status) {
  if (status.ok()) return absl::OkStatus();
  google::rpc::Status proto;
  if (!proto.ParseFromString(status.error_details())) proto.Clear();
  // The call's own code and message count, whatever the details repeat.
  proto.set_code(status.error_code());
  proto.set_message(status.error_message());
  return FromProto(proto);
}

}  // namespace anteroom::rpc
