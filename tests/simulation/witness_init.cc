// Constructors that are awaited, and what the failures of constructors and
// inits mean for those who wait, and for the breaker.
#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "server/error/error.h"
#include "tests/simulation/witness.h"

namespace anteroom::lifecycle {

InstanceTrack& Witness::MakeBegins(const InstanceInfo& info) {
  InstanceTrack* const again = FindInstance(info.instance_id);
  const bool retries = again != nullptr && again->makings > 0;
  return retries ? *again : Built(info);
}

void Witness::CheckAttempt(const InstanceTrack& instance, int attempt) {
  const std::uint64_t which = instance.number;
  Expect(attempt <= policy_.init_retry.attempts, "G2: more inits than attempts",
         which);
  if (attempt == 1) return;
  // What it says at this very moment may not have been heard.
  Expect(!instance.lost || instance.lost_at == Now(),
         "what is lost is tried again", which);
  absl::Duration most = policy_.init_retry.initial_backoff;
  for (int i = 2; i < attempt; ++i) most *= 2;
  most = std::min(most, policy_.init_retry.max_backoff);
  const absl::Duration pause = coro::Between(instance.attempt_ended_at, Now());
  Expect(most / 2 <= pause && pause <= most,
         "an init was tried again too early or too late", which);
}

void Witness::MakeEnds(HookCall& call, const absl::Status& status) {
  InstanceTrack& instance = *call.instance;
  instance.making = false;
  instance.attempt_ended_at = Now();
  if (status.ok()) {
    instance.constructed = true;
    instance.constructed_at = instance.idle_since = Now();
    return;
  }
  instance.threw = absl::IsInternal(status);
  const bool last = instance.makings >= policy_.init_retry.attempts;
  if ((last || instance.threw) && !instance.lost) {
    ForetellInitFailure(call, std::string(status.message()));
  }
}

void Witness::CheckMakeStopped(const HookCall& call) {
  const InstanceTrack& instance = *call.instance;
  if (draining() || instance.lost) return;
  Expect(policy_.abandon_init == AbandonInit::kCancel || instance.may_close,
         "a constructor was stopped that was to be kept", instance.number);
  const Pool::Census::Line* const line = Census().Find(instance.key);
  for (const Pool::Census::Seat& seat : line->seats) {
    Expect(seat.number != instance.number || seat.retired,
           "G7: a constructor was stopped on which somebody counts",
           instance.number);
  }
}

void Witness::Unmade(InstanceTrack& instance, const absl::Status& status) {
  const std::uint64_t which = instance.number;
  Expect(instance.makings > 0 && !instance.making,
         "FAILED, but its constructor did not", which);
  const bool given_up = draining() || instance.may_close ||
                        policy_.abandon_init == AbandonInit::kCancel;
  const bool tried = instance.makings == policy_.init_retry.attempts;
  if (HasReason(status, Reason::kInitFailed)) {
    Expect(tried || instance.threw || instance.lost,
           "a constructor was not tried again", which);
  } else if (HasReason(status, Reason::kInitTimedOut)) {
    // Nobody may have waited any more just then.
    Expect(tried || given_up, "a constructor was not tried again", which);
  } else {
    Expect(absl::IsCancelled(status) && given_up,
           "a constructor was given up for no reason", which);
  }
  instance.unmade = instance.destroyed = true;
  existing_.erase(std::find(existing_.begin(), existing_.end(), &instance));
  InitFailed(instance, status);
}

void Witness::LostWhileMade(InstanceTrack& instance,
                            const absl::Status& status) {
  Expect(instance.lost, "FAILED, but it was not lost", instance.number);
  instance.doomed = true;
  breaker_ = before_constructed_;
  InitFailed(instance, status);
}

// ---- who is told ----

void Witness::ForetellInitFailure(const HookCall& call, std::string message) {
  const bool awaited = call.kind == HookKind::kMake || InitIsAwaited();
  if (call.deaf || !awaited || draining() || with_requests_) return;
  // An exception out of a constructor is told, whatever else was the matter.
  const bool threw = call.kind == HookKind::kMake && call.instance->threw;
  if (call.stopped && !threw) {
    if (Now() < call.deadline) return;  // nobody waits
    message = "init did not end within init_timeout";
  } else if (Now() >= call.deadline && !threw) {
    return;  // either may be said
  }
  // To what is not constructed yet nobody is bound.
  if (call.kind == HookKind::kMake || !hooks_.enter) {
    return ForetellWaiters(call, message);
  }
  for (LeaseTrack* const track : live_) {
    if (track->awaits_init && track->instance == call.instance) {
      Foretell(*track, message);
    }
  }
}

void Witness::ForetellWaiters(const HookCall& call,
                              const std::string& message) {
  const std::vector<LeaseTrack*>& queue = QueueOf(call.instance->key);
  for (const LeaseTrack* const track : queue) {
    if (MayLeave(*track) || !track->init_failure.empty()) return;
  }
  const Pool::Census::Line* const line = Census().Find(call.instance->key);
  // Else some are bound, or failed, and do not know it yet.
  if (line == nullptr || line->waiting != queue.size()) return;
  std::size_t before = 0;
  for (const Pool::Census::Seat& seat : line->seats) {
    if (!UnderWay(seat)) continue;
    if (seat.number == call.instance->number) {
      for (std::size_t i = 0; i < queue.size(); ++i) {
        if (i >= before && i - before < SlotsLeft(seat)) {
          Foretell(*queue[i], message);
        } else if (absl::StartsWith(message, "failure ")) {
          queue[i]->spared = message;
        }
      }
      return;
    }
    before += SlotsLeft(seat);
  }
}

void Witness::Foretell(LeaseTrack& track, const std::string& message) const {
  // Whose time to leave has come is told of that.
  if (MayStop(track) || track.enter_spent >= policy_.enter_timeout) return;
  track.init_failure = message;
}

// ---- the breaker ----

void Witness::InitSucceeded() {
  if (breaker_.open) breaker_.closed_at = Now();
  breaker_.failures = 0;
  breaker_.open = false;
  breaker_.probe = nullptr;
}

void Witness::InitFailed(InstanceTrack& instance, const absl::Status& status) {
  instance.init_failed = true;
  const bool probe = breaker_.probe == &instance;
  if (probe) breaker_.probe = nullptr;
  if (!HasReason(status, Reason::kInitFailed) &&
      !HasReason(status, Reason::kInitTimedOut)) {
    return;
  }
  init_failed_at_ = Now();
  ++breaker_.failures;
  if (policy_.breaker.failures == 0 ||
      breaker_.failures < policy_.breaker.failures ||
      (breaker_.open && !probe)) {
    return;
  }
  breaker_.open = true;
  breaker_.opened_at = Now();
  breaker_.retry_at = coro::After(Now(), policy_.breaker.open);
}

bool Witness::BreakerAllows() const {
  return !breaker_.open ||
         (Now() >= breaker_.retry_at && breaker_.probe == nullptr);
}

// ---- what must hold in between ----

void Witness::CheckMaking(const Pool::Census::Line& line,
                          const Pool::Census::Seat& seat) {
  const InstanceTrack& track = instances_[seat.number - 1];
  const std::uint64_t which = seat.number;
  const bool pauses = track.makings > 0 && !track.making && !track.unmade &&
                      Now() <= coro::After(track.attempt_ended_at,
                                           policy_.init_retry.max_backoff);
  Expect(!track.constructed && (track.making || pauses),
         "a constructor that does not run", which);
  Expect(seat.bound == 0, "G1: bound before it was constructed", which);
  Expect(!track.doomed || seat.retired,
         "an object is kept that must not be lent", which);
  const bool wanted = !seat.retired && !draining() && !track.lost;
  const bool deaf = track.making && InitIsDeaf(track);
  Expect(wanted || deaf, "G7: a constructor that nobody awaits", which);
  if (policy_.keyed && policy_.abandon_init == AbandonInit::kCancel) {
    Expect(line.waiting > 0 || seat.retired,
           "G7: a constructor for a key that nobody awaits", which);
  }
}

}  // namespace anteroom::lifecycle
