#include "server/kinds/provider/updates.h"

namespace anteroom::kinds {
namespace {

constexpr char kEmpty[] = "has an update that is empty or unknown";

}  // namespace

const char* Initializing::Refuse(const provider::v1::InitResponse& update) {
  if (initialized_) return "goes on after it has initialized";
  switch (update.update_case()) {
    case provider::v1::InitResponse::kProgress:
      return nullptr;
    case provider::v1::InitResponse::kInitialized:
      initialized_ = true;
      return nullptr;
    case provider::v1::InitResponse::UPDATE_NOT_SET:
      break;
  }
  return kEmpty;
}

const char* Initializing::RefuseEnd() const {
  return initialized_ ? nullptr : "ended before it had initialized";
}

const char* Entering::Refuse(const provider::v1::EnterResponse& update) {
  using Update = provider::v1::EnterResponse;
  if (state_ == State::kEntered) return "goes on after it has entered";
  switch (update.update_case()) {
    case Update::kInitializing:
      if (state_ != State::kBegun) return "begins an init twice";
      state_ = State::kInitializing;
      return nullptr;
    case Update::kProgress:
      if (state_ == State::kInitializing) return nullptr;
      return "tells the progress of no init";
    case Update::kInitialized:
      if (state_ != State::kInitializing) {
        return "ends an init that it has not begun";
      }
      state_ = State::kInitialized;
      return nullptr;
    case Update::kEntered:
      if (state_ == State::kInitializing) {
        return "has entered in the middle of an init";
      }
      state_ = State::kEntered;
      return nullptr;
    case Update::UPDATE_NOT_SET:
      break;
  }
  return kEmpty;
}

const char* Entering::RefuseEnd() const {
  return state_ == State::kEntered ? nullptr : "ended before it had entered";
}

}  // namespace anteroom::kinds
