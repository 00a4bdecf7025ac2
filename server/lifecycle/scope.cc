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
  return InvalidField(
      "request",
      "the first request of a With stream must be an acquire or a resume");
}

ExitCause Disconnected() {
  return ExitCause{ExitReason::kDisconnected, absl::OkStatus(), false};
}

Scope::SendUsed Reply(std::uint64_t call_id, absl::StatusOr<Payload> result) {
  auto use = std::make_unique<Scope::Use>();
  use->call_id = call_id;
  use->result = std::move(result);
  return {std::move(use)};
}

}  // namespace

Scope::Effects Scope::Handle(Input&& input) {
  Effects effects;
  if (done()) return effects;
  std::visit([&](auto& what) { On(std::move(what), effects); }, input);
  return effects;
}

void Scope::On(std::unique_ptr<AcquireRequested> input, Effects& effects) {
  if (state_ != State::kOpening) {
    On(Malformed{InvalidField("acquire", "comes once, as the first request")},
       effects);
    return;
  }
  state_ = State::kAcquiring;
  grace_ = input->disconnect_grace;
  has_request_ = !input->options.request.empty();
  effects.push_back(StartAcquire{std::move(input)});
}

void Scope::On(std::unique_ptr<Use> input, Effects& effects) {
  if (state_ == State::kOpening) return FinishWith(NotAcquired(), effects);
  const std::uint64_t call_id = input->call_id;
  // Its reply comes, or came.
  if (kept_ != nullptr && kept_->TakeArrived(call_id)) return;
  absl::Status refusal = Refusal(*input);
  if (!refusal.ok()) {
    input->result = std::move(refusal);
    if (!IsLive(call_id)) {
      Tell(SendUsed{std::move(input)}, effects);
    } else if (attached_) {  // the call itself has its own reply
      effects.push_back(SendUsed{std::move(input)});
    }
    return;
  }
  // Who uses a call id again has had its reply.
  Forget(call_id);
  unanswered_bytes_ += input->argument.data.size();
  if (state_ == State::kAcquiring) {
    queued_.push_back(std::move(input));
  } else {
    Start(std::move(input), effects);
  }
}

absl::Status Scope::Refusal(const Use& use) const {
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
  const auto queued = std::find_if(
      queued_.begin(), queued_.end(),
      [&input](const auto& use) { return use->call_id == input.call_id; });
  if (queued != queued_.end()) {
    std::unique_ptr<Use> use = std::move(*queued);
    queued_.erase(queued);
    unanswered_bytes_ -= use->argument.data.size();
    use->result = absl::CancelledError("cancelled before it began");
    return Tell(SendUsed{std::move(use)}, effects);
  }
  const auto live = live_.find(input.call_id);
  if (live == live_.end() || !live->second.wanted) return;  // answered already
  live->second.wanted = false;
  effects.push_back(StopUse{input.call_id, live->second.stop});
}

void Scope::On(ReleaseRequested input, Effects& effects) {
  if (state_ == State::kOpening) return FinishWith(NotAcquired(), effects);
  if (state_ == State::kAcquiring && !cause_.has_value() &&
      input.cause.reason == ExitReason::kCancelled) {
    effects.push_back(StopAcquire{});
  }
  End(std::move(input.cause), absl::OkStatus(), effects);
}

void Scope::On(const Acknowledged& input, Effects& effects) {
  if (state_ == State::kOpening) return FinishWith(NotAcquired(), effects);
  for (const std::uint64_t call_id : input.call_ids) Forget(call_id);
}

void Scope::On(HalfClosed, Effects& effects) {
  if (state_ == State::kOpening) return FinishWith(NotAcquired(), effects);
  if (cause_.has_value()) return;  // after a release: as it should be
  if (MayBeResumed()) return BeginGrace(grace_, effects);
  if (state_ == State::kAcquiring) effects.push_back(StopAcquire{});
  End(Disconnected(), absl::OkStatus(), effects);
}

void Scope::On(const Broken& input, Effects& effects) {
  absl::Status status = absl::CancelledError("the stream broke");
  if (state_ == State::kOpening) return FinishWith(std::move(status), effects);
  if (!attached_) return;
  attached_ = false;
  effects.push_back(Finish{std::move(status)});
  const absl::Duration grace = std::min(grace_, input.grace);
  if (MayBeResumed() && grace > absl::ZeroDuration()) {
    BeginGrace(grace, effects);
  } else {
    Abandon(effects);
  }
}

void Scope::On(const GraceOver& input, Effects& effects) {
  if (!grace_runs_ || input.number != grace_number_) return;
  grace_runs_ = false;
  if (state_ == State::kLingering) {
    state_ = State::kDone;
  } else if (attached_) {  // half-closed
    grace_ = absl::ZeroDuration();
    On(HalfClosed{}, effects);
  } else {
    Abandon(effects);
  }
}

void Scope::On(Closing, Effects& effects) {
  grace_ = absl::ZeroDuration();
  if (grace_runs_) On(GraceOver{grace_number_}, effects);
}

void Scope::On(const Resumed& input, Effects& effects) {
  attached_ = true;
  grace_runs_ = false;
  if (lease_ != nullptr) effects.push_back(SendEntered{lease_});
  if (!input.by_acquire) {
    // It has the replies that it does not ask for.
    kept().ForgetAllBut({input.unanswered.begin(), input.unanswered.end()});
  }
  kept().Replay(
      input.after_sequence,
      [&effects](const Event& event) {
        effects.push_back(SendEvent{std::make_unique<Event>(event)});
      },
      [&effects](std::uint64_t call_id, const Kept::Reply& reply) {
        effects.push_back(Reply(call_id, reply));
      });
  std::vector<std::uint64_t> arrived;
  if (input.by_acquire) {
    arrived = kept().replied();
    for (const auto& [call_id, use] : live_) arrived.push_back(call_id);
    for (const auto& use : queued_) arrived.push_back(use->call_id);
    for (const std::uint64_t call_id : kept().lost()) {
      arrived.push_back(call_id);
      effects.push_back(Reply(call_id, WhyUnanswered(call_id)));
    }
  }
  kept().Arrived(std::move(arrived));
  for (const std::uint64_t call_id : input.unanswered) {
    if (IsLive(call_id) || kept().has_reply(call_id)) continue;
    effects.push_back(Reply(call_id, WhyUnanswered(call_id)));
  }
  if (state_ == State::kLingering) TellEnd(effects);
}

absl::Status Scope::WhyUnanswered(std::uint64_t call_id) const {
  if (!keeps() || (kept_ != nullptr && kept_->MayBeLost(call_id))) {
    return Error(Reason::kReplyLost,
                 absl::StrCat("call ", call_id,
                              " may have run, and its reply is kept no longer: "
                              "acknowledge replies sooner"));
  }
  return Error(Reason::kCallNotReceived,
               absl::StrCat("call ", call_id,
                            " never arrived and will not run: send it again"));
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

void Scope::On(Acquired&& input, Effects& effects) {
  if (!input.lease.ok()) {
    // Who ended the scope before it was entered hears why it ended.
    FinishWith(status_.ok() ? input.lease.status() : status_, effects);
    return;
  }
  state_ = State::kHeld;
  lease_ = *std::move(input.lease);
  if (attached_) effects.push_back(SendEntered{lease_});
  if (!abandoned_) {
    while (!queued_.empty()) {
      Start(std::move(queued_.front()), effects);
      queued_.pop_front();
    }
  }
  queued_.clear();
  if (cause_.has_value()) {
    state_ = State::kExiting;
    effects.push_back(EndLease{*cause_});
  }
}

void Scope::On(UseEnded&& input, Effects& effects) {
  const auto live = live_.find(input.use->call_id);
  unanswered_bytes_ -= live->second.bytes;
  live_.erase(live);
  Tell(SendUsed{std::move(input.use)}, effects);
  if (live_.empty()) {
    for (std::unique_ptr<const Event>& event : exit_events_) {
      Tell(SendEvent{std::move(event)}, effects);
    }
    exit_events_.clear();
  }
  Conclude(effects);
}

void Scope::On(LeaseEnded&& input, Effects& effects) {
  // By this scope's word, or by others: an operator, a drain.
  if (!cause_.has_value()) {
    cause_ = ExitCause{input.receipt->reason, absl::OkStatus(), false};
  }
  state_ = State::kExiting;
  receipt_ = std::move(input.receipt);
  Conclude(effects);
}

void Scope::On(Happened&& input, Effects& effects) {
  // The exit follows the uses; so do its events, and what follows them, their
  // replies.
  const bool of_exit = input.event->phase == Phase::kExiting ||
                       input.event->phase == Phase::kExited;
  if (!live_.empty() && (of_exit || !exit_events_.empty())) {
    exit_events_.push_back(std::move(input.event));
    return;
  }
  Tell(SendEvent{std::move(input.event)}, effects);
}

bool Scope::IsLive(std::uint64_t call_id) const {
  return live_.contains(call_id) ||
         std::any_of(
             queued_.begin(), queued_.end(),
             [call_id](const auto& use) { return use->call_id == call_id; });
}

void Scope::Start(std::unique_ptr<Use> use, Effects& effects) {
  LiveUse live;
  live.bytes = use->argument.data.size();
  std::stop_token stop = live.stop.get_token();
  live_.emplace(use->call_id, std::move(live));
  effects.push_back(StartUse{std::move(use), std::move(stop)});
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
  if (receipt_ == nullptr || !live_.empty()) return;
  if (state_ == State::kLingering) return;
  state_ = State::kLingering;
  if (attached_) TellEnd(effects);
  if (!grace_runs_) state_ = State::kDone;
}

void Scope::TellEnd(Effects& effects) {
  effects.push_back(SendExited{receipt_});
  effects.push_back(Finish{status_});
  attached_ = false;
  // It may be lost on its way.
  if (MayBeResumed()) BeginGrace(grace_, effects);
}

void Scope::FinishWith(absl::Status status, Effects& effects) {
  state_ = State::kDone;
  if (attached_) effects.push_back(Finish{std::move(status)});
}

void Scope::Abandon(Effects& effects) {
  abandoned_ = true;
  grace_ = absl::ZeroDuration();
  kept_.reset();
  if (state_ == State::kAcquiring) effects.push_back(StopAcquire{});
  End(Disconnected(), absl::OkStatus(), effects);
  std::vector<std::uint64_t> stopped;
  for (auto& [call_id, use] : live_) {
    if (std::exchange(use.wanted, false)) stopped.push_back(call_id);
  }
  std::sort(stopped.begin(), stopped.end());
  for (const std::uint64_t call_id : stopped) {
    effects.push_back(StopUse{call_id, live_.at(call_id).stop});
  }
}

bool Scope::MayBeResumed() const {
  return grace_ > absl::ZeroDuration() && status_.ok() &&
         (lease_ != nullptr || has_request_);
}

void Scope::BeginGrace(absl::Duration grace, Effects& effects) {
  grace_runs_ = true;
  effects.push_back(StartGrace{++grace_number_, grace});
}

void Scope::Tell(SendEvent&& event, Effects& effects) {
  if (keeps()) kept().Keep(*event.event);
  if (attached_) effects.push_back(std::move(event));
}

void Scope::Tell(SendUsed&& reply, Effects& effects) {
  if (keeps()) kept().Keep(reply.use->call_id, reply.use->result);
  if (attached_) effects.push_back(std::move(reply));
}

Kept& Scope::kept() {
  if (kept_ == nullptr) kept_ = std::make_unique<Kept>();
  return *kept_;
}

void Scope::Forget(std::uint64_t call_id) {
  if (kept_ != nullptr) kept_->Forget(call_id);
}

}  // namespace anteroom::lifecycle
