// The states of a lease, and which may follow which.
//
//   WAITING -> ENTERING -> HELD -> EXITING -> ENDED
//   WAITING -> ENDED    gave up, or its init failed: never bound
//   ENTERING -> ENDED   enter failed: no exit
#ifndef ANTEROOM_SERVER_LIFECYCLE_LEASE_STATE_H_
#define ANTEROOM_SERVER_LIFECYCLE_LEASE_STATE_H_

#include <cstdint>

#include "absl/strings/string_view.h"

namespace anteroom::lifecycle {

enum class LeaseState : std::uint8_t {
  kWaiting,
  kEntering,
  kHeld,
  kExiting,
  kEnded
};

// Whether the table above has the row.
bool MayFollow(LeaseState from, LeaseState to);

// "HELD" for kHeld.
absl::string_view StateName(LeaseState state);

}  // namespace anteroom::lifecycle

#endif  // ANTEROOM_SERVER_LIFECYCLE_LEASE_STATE_H_
