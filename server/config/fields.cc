#include "server/config/fields.h"

#include "absl/strings/str_cat.h"
#include "server/error/error.h"

namespace anteroom::config {
namespace {

constexpr std::int32_t kMaxNanos = 999'999'999;

}  // namespace

std::string Fields::PathOf(absl::string_view name) const {
  return path_.empty() ? std::string(name) : absl::StrCat(path_, ".", name);
}

void Fields::Read(absl::string_view name,
                  const google::protobuf::Duration& proto,
                  absl::Duration& value) {
  if (proto.seconds() < 0 || proto.nanos() < 0 || proto.nanos() > kMaxNanos) {
    Refuse(name, "must be a duration of at least 0");
    return;
  }
  value = absl::Seconds(proto.seconds()) + absl::Nanoseconds(proto.nanos());
}

void Fields::Read(absl::string_view name, std::int32_t proto, int& value) {
  if (proto < 0) {
    Refuse(name, "must not be negative");
    return;
  }
  value = proto;
}

void Fields::Refuse(absl::string_view name, absl::string_view description) {
  if (status_.ok()) status_ = InvalidField(PathOf(name), description);
}

void Fields::NotYet(absl::string_view name, bool set) {
  if (!set || !status_.ok()) return;
  status_ = Error(
      Reason::kNotImplemented,
      absl::StrCat(PathOf(name), ": this server does not support it yet"));
}

absl::Status NamedFrom(const std::string& path, const absl::Status& status) {
  const ErrorDetail detail = DetailOf(status);
  if (detail.field_violations.empty()) return status;
  const auto& [field, description] = detail.field_violations.front();
  return InvalidField(absl::StrCat(path, ".", field), description);
}

}  // namespace anteroom::config
