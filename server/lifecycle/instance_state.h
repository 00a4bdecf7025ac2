// The states of an instance, and which may follow which.
//
//   CONSTRUCTED -> INITIALIZING -> READY <-> HELD -> CLOSING -> CLOSED
//   CONSTRUCTED -> READY         no Init, or it is never awaited
//   CONSTRUCTED -> CLOSING       not wanted any more before its init began
//   INITIALIZING -> FAILED -> CLOSING
//   READY -> CLOSING             idle, drain
//   HELD -> CLOSING              retired, at its last exit
#ifndef ANTEROOM_SERVER_LIFECYCLE_INSTANCE_STATE_H_
#define ANTEROOM_SERVER_LIFECYCLE_INSTANCE_STATE_H_

#include "absl/strings/string_view.h"

namespace anteroom::lifecycle {

enum class InstanceState {
  kConstructed,
  kInitializing,
  kReady,   // may be held; nobody holds it
  kHeld,    // ready, and at least one lease is bound to it
  kFailed,  // its init failed
  kClosing,
  kClosed,
};

// Whether the table above has the row.
bool MayFollow(InstanceState from, InstanceState to);

// "HELD" for kHeld.
absl::string_view StateName(InstanceState state);

}  // namespace anteroom::lifecycle

#endif  // ANTEROOM_SERVER_LIFECYCLE_INSTANCE_STATE_H_
