// Payload: what travels between a holder and an object. Bytes are bytes: the
// server never looks inside.
#ifndef ANTEROOM_SERVER_LIFECYCLE_PAYLOAD_H_
#define ANTEROOM_SERVER_LIFECYCLE_PAYLOAD_H_

#include <string>

namespace anteroom::lifecycle {

struct Payload {
  // A media type; empty if nobody said.
  std::string content_type;
  std::string data;

  friend bool operator==(const Payload&, const Payload&) = default;
};

// What client libraries send and expect for values.
inline constexpr char kJson[] = "application/json";

}  // namespace anteroom::lifecycle

#endif  // ANTEROOM_SERVER_LIFECYCLE_PAYLOAD_H_
