// How a lease ended, decided once and kept.
#ifndef ANTEROOM_SERVER_LIFECYCLE_RECEIPT_H_
#define ANTEROOM_SERVER_LIFECYCLE_RECEIPT_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace anteroom::lifecycle {

// Why a lease ended.
enum class ExitReason {
  kReleased,         // the holder released it, its body went well
  kBodyFailed,       // the holder released it with an error
  kTtlExpired,       // nobody renewed it
  kDisconnected,     // the stream it lived on broke
  kRevoked,          // an operator took it
  kDrained,          // the server or the resource went away
  kEnterFailed,      // never held: its enter failed
  kInstanceLost,     // the object died under it
  kServerRestarted,  // found after a restart
  kCancelled,        // the body was cancelled
};

// "TTL_EXPIRED" for kTtlExpired.
absl::string_view ExitReasonName(ExitReason reason);

// What made a lease end.
struct ExitCause {
  ExitReason reason = ExitReason::kReleased;
  // The body's exception; OK if there was none.
  absl::Status error;
  // The holder says: do not lend this object again.
  bool tainted = false;
};

struct Receipt {
  ExitReason reason = ExitReason::kReleased;
  // The exit hook took the body's error upon itself.
  bool error_suppressed = false;
  // How the exit hook ended; OK if there is none.
  absl::Status exit_status;
  // From ENTERED to the decision to exit, to the microsecond.
  absl::Duration held;
  // From that decision to the end: running uses and the exit hook.
  absl::Duration exited;
  // Calls of the exit hook; 0 if the object has none, or enter failed.
  int attempts = 0;
  absl::Time end_time;
};

}  // namespace anteroom::lifecycle

#endif  // ANTEROOM_SERVER_LIFECYCLE_RECEIPT_H_
