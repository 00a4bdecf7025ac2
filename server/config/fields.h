// Reads the fields of one configuration message and keeps the first complaint.
#ifndef ANTEROOM_SERVER_CONFIG_FIELDS_H_
#define ANTEROOM_SERVER_CONFIG_FIELDS_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "google/protobuf/duration.pb.h"

namespace anteroom::config {

class Fields {
 public:
  // `path` names the message; empty: the configuration itself.
  explicit Fields(std::string path) : path_(std::move(path)) {}

  // Reads a duration of at least 0.
  void Read(absl::string_view name, const google::protobuf::Duration& proto,
            absl::Duration& value);
  // Reads a number of at least 0.
  void Read(absl::string_view name, std::int32_t proto, int& value);
  // INVALID_REQUEST.
  void Refuse(absl::string_view name, absl::string_view description);
  // NOT_IMPLEMENTED if the field, which this server cannot honour, is set.
  void NotYet(absl::string_view name, bool set);

  // The first complaint.
  const absl::Status& status() const { return status_; }

 private:
  std::string PathOf(absl::string_view name) const;

  const std::string path_;
  absl::Status status_;
};

// `status`, with the field that it names named from `path` on; as it is if it
// names none.
absl::Status NamedFrom(const std::string& path, const absl::Status& status);

}  // namespace anteroom::config

#endif  // ANTEROOM_SERVER_CONFIG_FIELDS_H_
