#include "server/lifecycle/instance_state.h"

namespace anteroom::lifecycle {

bool MayFollow(InstanceState from, InstanceState to) {
  using S = InstanceState;
  switch (from) {
    case S::kConstructed:
      return to == S::kInitializing || to == S::kReady || to == S::kClosing;
    case S::kInitializing:
      return to == S::kReady || to == S::kFailed;
    case S::kReady:
      return to == S::kHeld || to == S::kClosing;
    case S::kHeld:
      return to == S::kReady || to == S::kClosing;
    case S::kFailed:
      return to == S::kClosing;
    case S::kClosing:
      return to == S::kClosed;
    case S::kClosed:
      return false;
  }
  return false;
}

absl::string_view StateName(InstanceState state) {
  switch (state) {
    case InstanceState::kConstructed:
      return "CONSTRUCTED";
    case InstanceState::kInitializing:
      return "INITIALIZING";
    case InstanceState::kReady:
      return "READY";
    case InstanceState::kHeld:
      return "HELD";
    case InstanceState::kFailed:
      return "FAILED";
    case InstanceState::kClosing:
      return "CLOSING";
    case InstanceState::kClosed:
      return "CLOSED";
  }
  return "UNSPECIFIED";
}

}  // namespace anteroom::lifecycle
