#include "server/lifecycle/lease_state.h"

namespace anteroom::lifecycle {

bool MayFollow(LeaseState from, LeaseState to) {
  using S = LeaseState;
  switch (from) {
    case S::kWaiting:
      return to == S::kEntering || to == S::kEnded;
    case S::kEntering:
      return to == S::kHeld || to == S::kEnded;
    case S::kHeld:
      return to == S::kExiting;
    case S::kExiting:
      return to == S::kEnded;
    case S::kEnded:
      return false;
  }
  return false;
}

absl::string_view StateName(LeaseState state) {
  switch (state) {
    case LeaseState::kWaiting:
      return "WAITING";
    case LeaseState::kEntering:
      return "ENTERING";
    case LeaseState::kHeld:
      return "HELD";
    case LeaseState::kExiting:
      return "EXITING";
    case LeaseState::kEnded:
      return "ENDED";
  }
  return "UNSPECIFIED";
}

}  // namespace anteroom::lifecycle
