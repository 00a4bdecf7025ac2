#include "server/lifecycle/scope.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/error/error.h"

namespace anteroom::lifecycle {
namespace {

// Of one scope.
constexpr std::size_t kMaxUnansweredUses = 1000;
constexpr std::size_t kMaxUnansweredBytes = std::size_t{16} << 20;
// How soon a refused use may be worth trying again.
constexpr absl::Duration kRetryDelay = absl::Milliseconds(100);

absl::Status NotAcquired() {
  return InvalidField("request",
                      "the first request of a With stream must be an acquire");
}

ExitCause Disconnected() {
  return ExitCause{ExitReason::kDisconnected, absl::OkStatus(), false};
}

}  // namespace

Scope::Effects Scope::Handle(Input input) {
  Effects effects;
  if (done()) return effects;
  std::visit([&](auto& what) { On(std::move(what), effects); }, input);
  return effects;
}

void Scope::On(AcquireRequested input, Effects& effects) {
  if (state_ != State::kOpening) {
    On(Malformed{InvalidField("acquire", "comes once, as the first request")},
       effects);
    return;
  }
  state_ = State::kAcquiring;
  effects.push_back(StartAcquire{std::move(input)});
}

void Scope::On(UseRequested input, Effects& effects) {
  if (state_ == State::kOpening) return FinishWith(NotAcquired(), effects);
  absl::Status refusal = Refusal(input);
  if (!refusal.ok()) {
    effects.push_back(SendUsed{input.call_id, std::move(refusal)});
    return;
  }
  unanswered_bytes_ += input.argument.data.size();
  if (state_ == State::kAcquiring) {
    queued_.push_back(std::move(input));
  } else {
    Start(std::move(input), effects);
  }
}

absl::Status Scope::Refusal(const UseRequested& use) const {
  if (!use.invalid.ok()) return use.invalid;
  if (cause_.has_value()) {
    return WithMetadata(
        Error(Reason::kLeaseEnded, "the scope has ended: no use after release"),
        "exit_reason", ExitReasonName(cause_->reason));
  }
  if (IsLive(use.call_id)) {
    return InvalidField("use.call_id", "is that of a call still unanswered");
  }
  const std::size_t unanswered = live_.size() + queued_.size();
  if (unanswered >= kMaxUnansweredUses ||
      (unanswered > 0 &&
       unanswered_bytes_ + use.argument.data.size() > kMaxUnansweredBytes)) {
    return WithRetryDelay(
        Error(Reason::kQuotaExceeded,
              absl::StrCat(unanswered, " calls of this scope with ",
                           unanswered_bytes_,
                           " bytes wait for their replies: "
                           "no more until some have come")),
        kRetryDelay);
  }
  return absl::OkStatus();
}

void Scope::On(CancelRequested input, Effects& effects) {
  if (state_ == State::kOpening) return FinishWith(NotAcquired(), effects);
  const auto queued = std::find_if(queued_.begin(), queued_.end(),
                                   [&input](const UseRequested& use) {
                                     return use.call_id == input.call_id;
                                   });
  if (queued != queued_.end()) {
    unanswered_bytes_ -= queued->argument.data.size();
    queued_.erase(queued);
    effects.push_back(SendUsed{
        input.call_id, absl::CancelledError("cancelled before it began")});
    return;
  }
  const auto live = live_.find(input.call_id);
  if (live == live_.end() || !live->second.wanted) return;  // answered already
  live->second.wanted = false;
  effects.push_back(StopUse{input.call_id});
}

void Scope::On(ReleaseRequested input, Effects& effects) {
  if (state_ == State::kOpening) return FinishWith(NotAcquired(), effects);
  End(std::move(input.cause), absl::OkStatus(), effects);
}

void Scope::On(HalfClosed, Effects& effects) {
  if (state_ == State::kOpening) return FinishWith(NotAcquired(), effects);
  if (cause_.has_value()) return;  // after a release: as it should be
  if (state_ == State::kAcquiring) effects.push_back(StopAcquire{});
  End(Disconnected(), absl::OkStatus(), effects);
}

void Scope::On(Broken, Effects& effects) {
  const absl::Status status = absl::CancelledError("the stream broke");
  if (state_ == State::kOpening) return FinishWith(status, effects);
  if (broken_) return;
  broken_ = true;
  if (state_ == State::kAcquiring) effects.push_back(StopAcquire{});
  End(Disconnected(), status, effects);
  for (auto& [call_id, use] : live_) {
    if (!use.wanted) continue;
    use.wanted = false;
    effects.push_back(StopUse{call_id});
  }
}

void Scope::On(Malformed input, Effects& effects) {
  if (state_ == State::kOpening) {
    return FinishWith(std::move(input.status), effects);
  }
  if (state_ == State::kAcquiring && !cause_.has_value()) {
    effects.push_back(StopAcquire{});
  }
  End(Disconnected(), std::move(input.status), effects);
}

void Scope::On(Acquired input, Effects& effects) {
  if (!input.lease.ok()) {
    // Who ended the scope before it was entered hears why it ended.
    FinishWith(status_.ok() ? input.lease.status() : status_, effects);
    return;
  }
  state_ = State::kHeld;
  effects.push_back(SendEntered{*input.lease});
  if (!broken_) {
    while (!queued_.empty()) {
      UseRequested use = std::move(queued_.front());
      queued_.pop_front();
      Start(std::move(use), effects);
    }
  }
  queued_.clear();
  if (cause_.has_value()) {
    state_ = State::kExiting;
    effects.push_back(EndLease{*cause_});
  }
}

void Scope::On(UseEnded input, Effects& effects) {
  const auto live = live_.find(input.call_id);
  unanswered_bytes_ -= live->second.bytes;
  live_.erase(live);
  effects.push_back(SendUsed{input.call_id, std::move(input.result)});
  if (live_.empty()) {
    for (Event& event : exit_events_) {
      effects.push_back(SendEvent{std::move(event)});
    }
    exit_events_.clear();
  }
  Conclude(effects);
}

void Scope::On(LeaseEnded input, Effects& effects) {
  // By this scope's word, or by others: an operator, a drain.
  if (!cause_.has_value()) {
    cause_ = ExitCause{input.receipt.reason, absl::OkStatus(), false};
  }
  state_ = State::kExiting;
  receipt_ = std::move(input.receipt);
  Conclude(effects);
}

void Scope::On(Happened input, Effects& effects) {
  // The exit follows the uses; so do its events their replies.
  const bool of_exit = input.event.phase == Phase::kExiting ||
                       input.event.phase == Phase::kExited;
  if (of_exit && !live_.empty()) {
    exit_events_.push_back(std::move(input.event));
    return;
  }
  effects.push_back(SendEvent{std::move(input.event)});
}

bool Scope::IsLive(std::uint64_t call_id) const {
  return live_.contains(call_id) ||
         std::any_of(queued_.begin(), queued_.end(),
                     [call_id](const UseRequested& use) {
                       return use.call_id == call_id;
                     });
}

void Scope::Start(UseRequested use, Effects& effects) {
  live_.emplace(use.call_id, LiveUse{true, use.argument.data.size()});
  effects.push_back(StartUse{std::move(use)});
}

void Scope::End(ExitCause cause, absl::Status status, Effects& effects) {
  if (cause_.has_value()) return;
  cause_ = std::move(cause);
  status_ = std::move(status);
  if (state_ == State::kHeld) {
    state_ = State::kExiting;
    effects.push_back(EndLease{*cause_});
  }
}

void Scope::Conclude(Effects& effects) {
  if (!receipt_.has_value() || !live_.empty()) return;
  effects.push_back(SendExited{*receipt_});
  FinishWith(status_, effects);
}

void Scope::FinishWith(absl::Status status, Effects& effects) {
  state_ = State::kDone;
  effects.push_back(Finish{std::move(status)});
}

}  // namespace anteroom::lifecycle
