// Payload: what travels between a holder and an object. Bytes are bytes: the
// server never looks inside.
#ifndef ANTEROOM_SERVER_LIFECYCLE_PAYLOAD_H_
#define ANTEROOM_SERVER_LIFECYCLE_PAYLOAD_H_

#include <string>

#include "absl/strings/string_view.h"

namespace anteroom::lifecycle {

struct Payload {
  // A media type; empty if nobody said.
  std::string content_type;
  std::string data;

  friend bool operator==(const Payload&, const Payload&) = default;
};

// A payload that somebody else keeps, who says for how long.
class PayloadView {
 public:
  PayloadView() = default;
  PayloadView(absl::string_view type, absl::string_view bytes)
      : content_type(type), data(bytes) {}
  // Implicit: every payload may be looked at.
  // NOLINTNEXTLINE(google-explicit-constructor)
  PayloadView(const Payload& payload)
      : PayloadView(payload.content_type, payload.data) {}

  Payload Copy() const {
    return {std::string(content_type), std::string(data)};
  }

  friend bool operator==(const PayloadView&, const PayloadView&) = default;

  absl::string_view content_type;
  absl::string_view data;
};

// What client libraries send and expect for values.
inline constexpr char kJson[] = "application/json";

}  // namespace anteroom::lifecycle

#endif  // ANTEROOM_SERVER_LIFECYCLE_PAYLOAD_H_
