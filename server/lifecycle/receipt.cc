#include "server/lifecycle/receipt.h"

namespace anteroom::lifecycle {

absl::string_view ExitReasonName(ExitReason reason) {
  switch (reason) {
    case ExitReason::kReleased:
      return "RELEASED";
    case ExitReason::kBodyFailed:
      return "BODY_FAILED";
    case ExitReason::kTtlExpired:
      return "TTL_EXPIRED";
    case ExitReason::kDisconnected:
      return "DISCONNECTED";
    case ExitReason::kRevoked:
      return "REVOKED";
    case ExitReason::kDrained:
      return "DRAINED";
    case ExitReason::kEnterFailed:
      return "ENTER_FAILED";
    case ExitReason::kInstanceLost:
      return "INSTANCE_LOST";
    case ExitReason::kServerRestarted:
      return "SERVER_RESTARTED";
    case ExitReason::kCancelled:
      return "CANCELLED";
  }
  return "UNSPECIFIED";
}

}  // namespace anteroom::lifecycle
