// What is told as it happens: calls, hooks and events. What must hold in
// between is in witness_idle.cc.
#include "tests/simulation/witness.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "server/coro/check.h"
#include "server/error/error.h"
#include "server/lifecycle/small_duration.h"

namespace anteroom::lifecycle {
namespace {

// The number in "r#12".
std::uint64_t InstanceNumber(const std::string& id) {
  std::uint64_t number = 0;
  for (std::size_t i = id.find('#') + 1; i > 0 && i < id.size(); ++i) {
    number = number * 10 + static_cast<std::uint64_t>(id[i] - '0');
  }
  return number;
}

std::uint64_t Ticks(coro::Instant instant) {
  return static_cast<std::uint64_t>(instant.time_since_epoch().count());
}

constexpr const char* kPhases[] = {
    "CONSTRUCTED", "WAITING", "ENTERING", "INITIALIZING", "PROGRESS",
    "READY",       "ENTERED", "USED",     "REVOKING",     "EXITING",
    "EXITED",      "CLOSING", "CLOSED",   "FAILED"};

const char* NameOf(HookKind kind) {
  constexpr const char* kNames[] = {"Init",  "Enter", "Use", "Exit",
                                    "Close", "Check", "Make"};
  return kNames[static_cast<int>(kind)];
}

// Whether `a` is to be served before `b`.
bool Ahead(const LeaseTrack& a, const LeaseTrack& b) {
  return a.priority != b.priority ? a.priority > b.priority
                                  : a.number < b.number;
}

}  // namespace

// Whether something has become of a lease that no event tells.
void Witness::LookAt(LeaseTrack& track) {
  if (track.over || track.entered) return;
  const LeasePtr lease = track.lease == nullptr ? track.seen : track.lease;
  if (lease == nullptr) {
    if (track.of_scope && track.began) Over(track);
    return;
  }
  if (lease->state() == LeaseState::kEnded) {
    if (track.of_scope || track.deferred) Over(track);
    // Bound, it was known by its id.
    if (track.deferred && lease->fencing_token() != 0) {
      end_untold_ = true;
      Ended(track);
    }
    return;
  }
  if (!track.deferred || lease->state() != LeaseState::kEntering) return;
  InstanceTrack* const instance = FindInstance(lease->View().instance_id);
  if (instance == nullptr) return Expect(false, "bound to no object");
  BoundTo(track, *instance);
  if (!hooks_.enter && !std::exchange(track.counted, true)) {
    ++instance->deferred;
    CheckTurn(track, lease->fencing_token());
  }
  if (track.of_scope && track.lease == nullptr) ScopeGranted(track, lease);
}

// It ended without having been entered.
void Witness::Over(LeaseTrack& track) {
  track.over = true;
  if (track.of_scope) track.answered = true;
  Unqueue(track);
  if (track.instance == nullptr) return;
  InstanceTrack& instance = *track.instance;
  if (std::exchange(track.counted, false)) --instance.deferred;
  Unbound(track);
  instance.idle_since = Now();
  instance.may_close = true;
  const LeasePtr& lease =
      track.lease == nullptr ? track.deferred_lease : track.lease;
  if (lease == nullptr || lease->fencing_token() == 0) return;
  const Receipt receipt = lease->receipt();
  const ExitReason reason =
      track.ended_early ? track.early_cause.reason : ExitReason::kEnterFailed;
  Expect(receipt.reason == reason ||
             (draining() && !track.ended_early &&
              receipt.reason == ExitReason::kDrained) ||
             ((CallerLeaves(track) || track.has_request) &&
              receipt.reason == ExitReason::kDisconnected) ||
             (track.IsLost() && receipt.reason == ExitReason::kInstanceLost) ||
             AskedFor(track, receipt.reason),
         "a lease that was not entered ended for another reason", track.number);
  Expect(receipt.attempts == 0 && !track.exit_called,
         "an exit of what was not entered", track.number);
}

bool Witness::AskedFor(const LeaseTrack& track, ExitReason reason) const {
  return std::any_of(
      track.asked.begin(), track.asked.end(),
      [reason](const ExitCause& asked) { return asked.reason == reason; });
}

void Witness::ScopeGranted(LeaseTrack& track, const LeasePtr& lease) {
  if (track.lease != nullptr) {
    return Expect(track.lease == lease, "one acquire, two leases",
                  track.number);
  }
  track.answered = true;
  CheckTurn(track, lease->fencing_token());
  Unqueue(track);
  Expect(track.init_failure.empty() || track.deferred,
         "G2: init failed, but its waiter got a lease", track.number);
  CheckGranted(track, lease);
}

void Witness::ScopeRefused(LeaseTrack& track) {
  track.answered = true;
  // It may be about to leave.
  LookAt(track);
}

UseTrack& Witness::NewUse() {
  UseTrack& use = uses_.emplace_back();
  use.number = uses_.size() - 1;
  return use;
}

Payload Witness::ArgumentOf(const UseTrack& use) const {
  return Payload{"text/plain", std::to_string(use.number)};
}

UseTrack& Witness::UseOf(PayloadView argument) {
  std::uint64_t number = 0;
  for (const char c : argument.data) {
    number = number * 10 + static_cast<std::uint64_t>(c - '0');
  }
  return uses_[number];
}

void Witness::Evicted(std::uint64_t number) {
  if (!checks_) return;
  read_log_();
  // Maybe before its constructor runs.
  if (instances_.size() < number) instances_.resize(number);
  InstanceTrack& instance = instances_[number - 1];
  instance.may_close = instance.doomed = true;
  instance.evicted_at = Now();
}

void Witness::Lost(InstanceTrack& instance) {
  Tell("lost", instance.number);
  Mix(instance.number);
  if (!checks_ || instance.lost) return;
  read_log_();
  instance.lost = instance.may_close = true;
  instance.lost_at = Now();
}

void LeaseTrack::OnEvent(const Event& event) { witness->OnSink(*this, event); }

Witness::Witness(coro::Runtime runtime, std::uint64_t seed,
                 const Policy& policy, Hooks hooks, bool checks)
    : runtime_(runtime),
      seed_(seed),
      policy_(policy),
      idle_timeout_(absl::ToChronoNanoseconds(policy.idle_timeout)),
      revoke_notice_(absl::ToChronoNanoseconds(policy.revoke_notice)),
      hooks_(hooks),
      checks_(checks),
      first_token_(absl::ToUnixMicros(runtime.clock.WallNow())) {}

void Witness::LetGo() {
  for (LeaseTrack& track : attempts_) {
    track.lease = track.seen = track.deferred_lease = nullptr;
  }
  requested_.clear();
}

void Witness::Violate(const char* what, std::uint64_t which) {
  if (!violation_.empty()) return;
  violation_ = absl::StrCat("seed ", seed_, ", at ", Ticks(Now()), ": ", what,
                            " (", which, ")");
}

void Witness::Tell(const char* what, std::uint64_t which,
                   absl::string_view more) {
  if (!tells_) return;
  std::fprintf(stderr, "%12.6f %s %llu %.*s\n",
               static_cast<double>(Ticks(Now())) / 1e9 - 3600, what,
               static_cast<unsigned long long>(which),
               static_cast<int>(more.size()), more.data());
}

InstanceTrack* Witness::FindInstance(const std::string& id) {
  const std::uint64_t number = InstanceNumber(id);
  if (number == 0 || number > instances_.size()) return nullptr;
  return &instances_[number - 1];
}

// ---- calls from outside ----

LeaseTrack& Witness::NewAttempt() {
  LeaseTrack& track = attempts_.emplace_back();
  track.witness = this;
  track.number = attempts_.size() - 1;
  return track;
}

void Witness::AcquireBegins(LeaseTrack& track) {
  if (!checks_) return;
  if (tells_) {
    Tell("acquire", track.number,
         absl::StrCat("key ", track.key, ", priority ", track.priority,
                      track.no_wait ? ", no_wait" : "",
                      track.has_request ? ", request" : "",
                      track.stream_bound ? ", stream" : ""));
  }
  read_log_();
  track.acquired_at = Now();
  track.idle_spells_before = idle_spells_;
  with_requests_ |= track.has_request;
  with_deferred_scopes_ |= track.deferred && track.of_scope;
  acquiring_ = &track;
  live_.push_back(&track);
  // A bound beyond all clients is none.
  if (policy_.max_waiters < 1000) unserved_before_ = AllUnserved();
  room_before_ = track.no_wait && HasRoom(track.key);
  built_before_ = instances_.size();
  if (!track.has_request) Queue(track);
}

void Witness::AcquireBegan(LeaseTrack& track) {
  if (!checks_) {
    track.began = true;
    return;
  }
  read_log_();
  track.began = true;
  acquiring_ = nullptr;
  if (track.of_scope || track.deferred) {
    Pool::LeaseCursor cursor;
    const std::string holder = std::to_string(track.number);
    for (const auto& lease : pool_->Leases(cursor, 1000)) {
      if (lease->holder() != holder) continue;
      track.seen = lease;
      if (track.deferred) track.deferred_lease = lease;
      named_.insert_or_assign(lease->name(), &track);
    }
    if (track.deferred) CheckBoundEarly(track);
  }
  const bool shares = track.has_request || track.own_request;
  if (Now() >= (shares ? track.attempt_deadline : track.deadline)) {
    Expect(track.told_place == 0 && instances_.size() == built_before_,
           "an acquire whose time was over queues or builds", track.number);
    Expect(track.has_request || track.of_scope || track.answered,
           "an acquire whose time was over waits", track.number);
  }
  if (track.has_request || track.answered) return;
  if (track.told_place == 0) return CheckServed(track);
  Expect(!track.no_wait, "no_wait was made to wait", track.number);
  if (policy_.max_waiters < 1000) {
    Expect(AllUnserved() <= static_cast<std::size_t>(policy_.max_waiters),
           "more wait than max_waiters", track.number);
  }
}

// Who waits without being told so is served by what is under way.
void Witness::CheckServed(const LeaseTrack& track) {
  if (with_requests_ || track.instance != nullptr || !track.queued) return;
  const std::vector<LeaseTrack*>& queue = QueueOf(track.key);
  const Pool::Census::Line* const line = Census().Find(track.key);
  // Else some are bound, or failed, and do not know it yet.
  if (line == nullptr || line->waiting != queue.size()) return;
  const auto place = std::find(queue.begin(), queue.end(), &track);
  Expect(static_cast<std::size_t>(place - queue.begin()) <
             line->waiting - Unserved(*line),
         "one waits for nothing under way, and was not told", track.number);
}

void Witness::Queue(LeaseTrack& track) {
  std::vector<LeaseTrack*>& queue = QueueOf(track.key);
  auto place = queue.end();
  while (place != queue.begin() && Ahead(track, **(place - 1))) --place;
  queue.insert(place, &track);
  track.queued = true;
}

void Witness::Unqueue(LeaseTrack& track) {
  if (!track.queued) return;
  track.queued = false;
  std::vector<LeaseTrack*>& queue = QueueOf(track.key);
  queue.erase(std::find(queue.begin(), queue.end(), &track));
}

bool Witness::CallerLeaves(const LeaseTrack& track) const {
  return track.left || Now() >= track.deadline ||
         Now() >= std::min(track.leaves_at, track.gone_at);
}

// G6: `track` is bound, as the one with `token` (0: just now). Who is before it
// in the queue was bound before, or is about to leave or to be told of a
// failure.
void Witness::CheckTurn(LeaseTrack& track, std::uint64_t token) {
  if (!track.queued) return;
  Expect(!track.overtaken || token < track.overtaken_by,
         "G6: somebody behind it was bound first", track.number);
  if (MayBeBoundEarly(track)) return Unqueue(track);
  for (LeaseTrack* const other : QueueOf(track.key)) {
    if (other == &track) break;
    // Who came after the last idle moment may have come after the binding,
    // where that is not seen as it happens.
    const bool was_there = hooks_.enter || other->number < track.number ||
                           other->idle_spells_before < idle_spells_;
    if (!was_there || MayLeave(*other)) continue;
    if (!other->overtaken || token < other->overtaken_by) {
      other->overtaken_by = token;
    }
    other->overtaken = true;
  }
  Unqueue(track);
}

// To an init under way, behind others that it will serve, too.
bool Witness::MayBeBoundEarly(const LeaseTrack& track) const {
  return track.deferred && !hooks_.enter && InitIsAwaited() &&
         (track.instance == nullptr ||
          track.instance->ready_at >= track.acquired_at);
}

// One that was bound as it came: those before it are served all the same.
void Witness::CheckBoundEarly(const LeaseTrack& track) {
  const LeasePtr lease = track.seen;
  if (lease == nullptr || lease->fencing_token() == 0) return;
  const Pool::Census::Line* const line = Census().Find(track.key);
  const std::size_t served = line == nullptr ? 0 : Served(*line);
  Pool::LeaseCursor cursor;
  std::size_t before = 0;
  for (const auto& other : pool_->Leases(cursor, 1000)) {
    before += other->fencing_token() == 0 && other->key() == track.key &&
              other->priority() >= track.priority;
  }
  Expect(before <= served, "G6: a deferred lease took another's place",
         track.number);
}

void Witness::BoundTo(LeaseTrack& track, InstanceTrack& instance) {
  Expect(track.instance == nullptr || track.instance == &instance,
         "a lease has two instances", track.number);
  if (track.instance != nullptr) return;
  track.instance = &instance;
  instance.lent = true;
  // Without an Enter this is seen late, and its token tells when it was.
  if (hooks_.enter) CheckTurn(track, 0);
}

void Witness::Unbound(LeaseTrack& track) {
  if (!track.enter_ok || std::exchange(track.unbound, true)) return;
  --track.instance->bound_seen;
}

void Witness::Answered(LeaseTrack& track,
                       const absl::StatusOr<LeasePtr>& answer) {
  if (tells_) Tell("answer to", track.number, answer.status().ToString());
  Mix(track.number);
  Mix(Ticks(Now()));
  Mix(static_cast<std::uint64_t>(answer.status().code()));
  if (checks_) read_log_();
  track.answered = true;
  if (answer.ok()) Mix((*answer)->fencing_token() - first_token_);
  if (!checks_) return;
  read_log_();
  LookAtDeferred(track, answer);
  if (answer.ok()) CheckTurn(track, (*answer)->fencing_token());
  // A scope's may be about to leave.
  track.of_scope ? LookAt(track) : Unqueue(track);
  if (!answer.ok()) return CheckFailure(track, answer.status());
  LeaseTrack& granted = TrackOf((*answer)->info());
  Expect(track.has_request || &granted == &track, "another's lease",
         track.number);
  Expect(track.has_request || !track.left, "G7: a lease for one who left",
         track.number);
  Expect(track.has_request || Now() < track.deadline,
         "G7: a lease after the deadline", track.number);
  LookAt(granted);
  Expect(granted.entered || granted.deferred, "a lease that was not ENTERED",
         track.number);
  Expect(granted.key == track.key && granted.priority == track.priority,
         "G9: a lease that was asked for otherwise", track.number);
  Expect(track.init_failure.empty(),
         "G2: init failed, but its waiter got a lease", track.number);
  if (granted.lease != nullptr) {
    Expect(granted.lease == *answer, "G9: one attempt, two leases",
           track.number);
    return;
  }
  CheckGranted(granted, *answer);
  if (track.has_request) {
    LeasePtr& last = requested_[std::string((*answer)->request())];
    Expect(last == nullptr || last->state() == LeaseState::kEnded,
           "G9: one request, two leases", track.number);
    last = *answer;
  }
}

void Witness::LookAtDeferred(LeaseTrack& track,
                             const absl::StatusOr<LeasePtr>& answer) {
  if (track.deferred_lease == nullptr) return;
  LookAt(track);
  // One that was bound too late for its caller is ended; that of a request may
  // have others.
  if (answer.ok() || track.over || track.has_request ||
      track.deferred_lease->fencing_token() == 0) {
    return;
  }
  EndEarly(track, {ExitReason::kDisconnected, absl::OkStatus(), false});
}

void Witness::CheckGranted(LeaseTrack& track, const LeasePtr& lease) {
  track.lease = lease;
  LookAt(track);
  const std::uint64_t token = lease->fencing_token();
  Expect(track.token == 0 || track.token == token, "a token changed",
         track.number);
  track.token = token;
  Expect(token > first_token_, "G5: the first token", token);
  const std::size_t index = token - first_token_;
  if (index >= tokens_.size()) tokens_.resize(index + 1);
  Expect(!tokens_[index], "G5: a token was given twice", token);
  tokens_[index] = true;
}

void Witness::CheckFailure(LeaseTrack& track, const absl::Status& status) {
  const coro::Instant now = Now();
  const std::uint64_t which = track.number;
  // Not even queued.
  if (!track.began && now >= track.attempt_deadline && !track.has_request) {
    Expect(HasReason(status, Reason::kWaitTimedOut),
           "an acquire whose time was over was told something else", which);
  }
  if (!track.init_failure.empty() && !track.left && now < track.deadline &&
      !draining() && !track.ended_early &&
      (!track.IsLost() || track.asked.empty())) {
    // A deferred lease may have ended with it before its scope was told of it.
    Expect(track.deferred && HasReason(status, Reason::kLeaseEnded)
               ? absl::EndsWith(status.message(), track.init_failure)
               : status.message() == track.init_failure,
           "G2: init failed, but its waiter was told something else", which);
  }
  if (track.has_request) {
    // Others may have decided it; but not before it came.
    Expect(track.began || !HasReason(status, Reason::kWaitTimedOut) ||
               now >= track.attempt_deadline || now >= track.deadline,
           "G9: a retry was told of an old failure", which);
    return;
  }
  // An init that failed after its Enter: only its instance announces that.
  if (!track.entered) Unbound(track);
  if (HasReason(status, Reason::kLeaseEnded)) {
    // A scope's may have failed before its acquire was answered.
    if (track.of_scope && track.deferred && (track.over || track.failed)) {
      return;
    }
    if (track.IsLost() && !track.asked.empty()) return;
    Expect(track.ended_early, "LEASE_ENDED, but nobody ended it", which);
    Expect(absl::StrContains(DetailOf(status).metadata.empty()
                                 ? ""
                                 : DetailOf(status).metadata.begin()->second,
                             ExitReasonName(track.early_cause.reason)),
           "LEASE_ENDED for another reason", which);
  } else if (HasReason(status, Reason::kInstanceLost)) {
    Expect(track.IsLost(), "INSTANCE_LOST, but its object is not", which);
  } else if (HasReason(status, Reason::kWaitTimedOut)) {
    Expect(now >= track.deadline, "WAIT_TIMED_OUT before the deadline", which);
  } else if (HasReason(status, Reason::kDraining)) {
    Expect(draining(), "DRAINING without a drain", which);
  } else if (HasReason(status, Reason::kWouldWait)) {
    Expect(track.no_wait, "WOULD_WAIT without no_wait", which);
    Expect(!room_before_, "WOULD_WAIT though there was room", which);
  } else if (HasReason(status, Reason::kQueueFull)) {
    Expect(unserved_before_ >= static_cast<std::size_t>(policy_.max_waiters),
           "QUEUE_FULL though it was not", which);
  } else if (HasReason(status, Reason::kBreakerOpen)) {
    read_log_();
    Expect(breaker_.open || breaker_.closed_at == now,
           "BREAKER_OPEN though it was not", which);
  } else if (HasReason(status, Reason::kInitTimedOut) ||
             HasReason(status, Reason::kInitFailed)) {
    Expect(now == init_failed_at_ || track.instance != nullptr,
           "INIT_FAILED, but no init did", which);
    Expect(track.spared.empty() || status.message() != track.spared,
           "G2: told of the failure of another's init", which);
  } else if (HasReason(status, Reason::kEnterTimedOut)) {
    Expect(track.enter_spent >= policy_.enter_timeout,
           "ENTER_TIMED_OUT too early", which);
  } else if (HasReason(status, Reason::kEnterFailed)) {
    Expect(!track.failure.empty() && !track.enter_ok,
           "ENTER_FAILED, but it did not", which);
  } else {
    Expect(absl::IsCancelled(status), "an unknown failure", which);
    Expect(CallerLeaves(track) || draining(), "CANCELLED, but nobody left",
           which);
  }
  // The end of one that was entered is decided.
  if (track.entered) {
    Expect(draining() || MayLeave(track) || track.IsLost(),
           "entered, yet refused", which);
  }
}

// Before it was entered. The loss of its object may have come before this.
void Witness::EndEarly(LeaseTrack& track, const ExitCause& cause) {
  if (track.IsLost()) {
    track.asked.push_back(cause);
  } else if (!std::exchange(track.ended_early, true)) {
    track.early_cause = cause;
  }
}

void Witness::Ending(LeaseTrack& track, const ExitCause& cause) {
  Tell("ending", track.number, ExitReasonName(cause.reason));
  if (!checks_) return;
  read_log_();
  const LeasePtr lease = track.lease == nullptr ? track.seen : track.lease;
  if (lease == nullptr || track.decided) return;
  if (lease->state() == LeaseState::kWaiting ||
      lease->state() == LeaseState::kEntering) {
    // Its scope may have ended it before, or those who
    // asked for it by one request, all of whom left.
    const bool left =
        track.has_request && track.lease == nullptr && CallerLeaves(track);
    if (track.deferred &&
        (left || Now() >= track.leaves_at || !track.asked.empty())) {
      track.asked.push_back(cause);
      return;
    }
    // Without an Enter nobody was told to what it was bound.
    const InstanceTrack* const bound = FindInstance(lease->View().instance_id);
    if (bound != nullptr && bound->lost) {
      track.asked.push_back(cause);
      return;
    }
    return EndEarly(track, cause);
  }
  if (lease->state() != LeaseState::kHeld) return;
  track.decided = track.cause_known = true;
  track.decided_at = Now();
  track.cause = cause;
}

void Witness::Renewed(LeaseTrack& track, absl::Duration ttl) {
  if (ttl != absl::ZeroDuration()) track.ttl = std::min(ttl, policy_.max_ttl);
  track.renewed_at = coro::After(
      track.held_since,
      SmallDuration(coro::Between(track.held_since, Now())).value());
  track.ttl_over = coro::After(track.renewed_at, track.ttl);
}

void Witness::Revoked(LeaseTrack& track, absl::Duration notice,
                      ExitReason reason) {
  if (!checks_) return;
  read_log_();
  const LeasePtr lease = track.lease == nullptr ? track.seen : track.lease;
  if (lease == nullptr) return;
  const bool held = lease->state() == LeaseState::kHeld;
  if (notice <= absl::ZeroDuration() || !held) {
    return Ending(track, ExitCause{reason, absl::OkStatus(), false});
  }
  const coro::Instant when = coro::After(Now(), notice);
  if (when >= track.revoke_at) return;
  track.revoke_at = when;
  track.revoke_reason = reason;
}

void Witness::Released(const LeaseTrack& track, const Lease& lease,
                       const Receipt& receipt) {
  if (!checks_) return;
  const Receipt kept = lease.receipt();
  Expect(receipt.reason == kept.reason && receipt.held == kept.held &&
             receipt.exited == kept.exited &&
             receipt.end_time == kept.end_time &&
             receipt.exit_status == kept.exit_status &&
             receipt.attempts == kept.attempts &&
             receipt.error_suppressed == kept.error_suppressed,
         "G9: two receipts", track.number);
  read_log_();
  if (track.entered) {
    Expect(track.exited, "released, but it has not exited", track.number);
    Expect(!track.cause_known || receipt.reason == track.cause.reason,
           "G9: another reason than the first", track.number);
  } else {
    Expect(receipt.attempts == 0 && !track.exit_called,
           "an exit of what was not entered", track.number);
  }
}

void Witness::ExpectKept(const LeaseTrack& track, const Lease& lease,
                         bool known, absl::Duration receipts_kept,
                         std::size_t receipts_max) {
  if (!checks_ || with_deferred_scopes_) return;
  read_log_();
  OrderEnds();
  const bool live = lease.state() != LeaseState::kEnded;
  const bool in_time = Now() < coro::After(track.exited_at, receipts_kept);
  const bool may_be =
      live || (in_time && ended_ - track.ended_as < receipts_max);
  const bool must_be =
      live || (in_time && ended_ - track.ended_earliest < receipts_max);
  Expect(known ? may_be : !must_be, "a receipt was kept too long, or too short",
         track.number);
}

void Witness::Ended(LeaseTrack& track) {
  track.exited_at = Now();
  track.ended_as = track.ended_earliest = ++ended_;
  just_ended_.push_back(&track);
}

// Where no event has told of an end, the order of those around it is unknown.
void Witness::OrderEnds() {
  for (LeaseTrack* const track : live_) {
    if (track->deferred_lease != nullptr) LookAt(*track);
  }
  for (LeaseTrack* const track : just_ended_) {
    if (!end_untold_) break;
    track->ended_earliest = ended_ - just_ended_.size() + 1;
    track->ended_as = ended_;
  }
  just_ended_.clear();
  end_untold_ = false;
}

void Witness::CheckView(const LeaseTrack& track, const LeaseView& view) {
  if (view.state != LeaseState::kHeld) return;
  read_log_();
  const coro::Instant expiry = Expiry(track);
  const absl::Time expected =
      expiry == coro::kNever
          ? absl::InfiniteFuture()
          : runtime_.clock.WallNow() + coro::Between(Now(), expiry);
  Expect(view.expire_time == expected, "a lease's expire_time", track.number);
  Expect(view.ttl == track.ttl, "a lease's ttl", track.number);
}

void Witness::DrainBegins() {
  if (draining()) return;
  if (checks_) read_log_();
  drain_at_ = Now();
  Tell("drain", 0);
  if (!checks_) return;
  // Whoever waits is refused; who is bound already is told by its lease alone.
  Pool::LeaseCursor bound{true, 0, 0};
  for (const auto& lease : pool_->Leases(bound, 1000)) {
    LeaseTrack& track = TrackOf(lease->info());
    track.seen = lease;
    Revoked(track, policy_.revoke_notice, ExitReason::kDrained);
  }
}

// ---- hooks ----

InstanceTrack& Witness::ConstructBegins(const InstanceInfo& info) {
  InstanceTrack& instance = Built(info);
  instance.constructed = checks_;
  return instance;
}

InstanceTrack& Witness::Built(const InstanceInfo& info) {
  const std::uint64_t number = InstanceNumber(info.instance_id);
  while (instances_.size() < number) instances_.emplace_back();
  InstanceTrack& instance = instances_[number - 1];
  // One that is built again and again is not found out by any step's end.
  ANTEROOM_CHECK(number <= 1000 + 100 * attempts_.size());
  Mix(number);
  Mix(Ticks(Now()));
  instance.number = number;
  Tell("construct", number, info.key);
  if (!checks_) return instance;
  read_log_();
  Expect(!instance.begun, "constructed twice", number);
  instance.key = info.key;
  instance.constructed_at = instance.idle_since = Now();
  instance.begun = true;
  Expect(info.key.empty() != policy_.keyed, "a key too many, or none", number);
  for (const InstanceTrack* const other : existing_) {
    Expect(!policy_.keyed || other->key != info.key, "two instances of a key",
           number);
  }
  existing_.push_back(&instance);
  Expect(existing_.size() <= static_cast<std::size_t>(policy_.max_instances),
         "more than max_instances", number);
  Expect(!draining() || drain_at_ == Now(), "built while it drains", number);
  if (breaker_.open && breaker_.opened_at < Now()) {
    Expect(Now() >= breaker_.retry_at, "built while the breaker is open",
           number);
    if (breaker_.probe == nullptr) {
      breaker_.probe = &instance;
      breaker_.probe_began = Now();
    } else {
      Expect(breaker_.probe_began == Now(), "two probes of a half-open breaker",
             number);
    }
  }
  return instance;
}

void Witness::ConstructThrows(InstanceTrack& instance) {
  if (!checks_) return;
  instance.unmade = instance.threw = true;
  Destroyed(instance);
  InitFailed(instance, Error(Reason::kInitFailed, "the constructor threw"));
}

void Witness::Destroyed(InstanceTrack& instance) {
  Tell("destroy", instance.number);
  Mix(instance.number);
  if (!checks_) return;
  read_log_();
  Expect(!instance.destroyed, "G8: destroyed twice", instance.number);
  Expect(instance.unmade || !hooks_.close || instance.close_over,
         "G8: destroyed without Close", instance.number);
  Expect(instance.held == 0 && instance.entering == 0 &&
             instance.using_it == 0 && instance.exiting == 0 &&
             !instance.initializing && !instance.checking,
         "G8: destroyed while in use", instance.number);
  if (!hooks_.close && !instance.unmade) CheckMayClose(instance);
  instance.destroyed = true;
  existing_.erase(std::find(existing_.begin(), existing_.end(), &instance));
}

// An object that could still be lent is closed only for a reason.
void Witness::CheckMayClose(const InstanceTrack& instance) {
  const coro::Instant now = Now();
  if (instance.may_close || instance.init_failed || draining()) return;
  // Was not wanted any more.
  if (!instance.init_ok && hooks_.init) return;
  if (now == instance.constructed_at) return;
  // Let go of, and initialized all the same.
  if (now == instance.ready_at && (!instance.lent || !InitIsAwaited())) return;
  // From READY on, with 10 % jitter.
  if (policy_.max_lifetime != absl::InfiniteDuration() &&
      now >= coro::After(instance.constructed_at, 0.9 * policy_.max_lifetime)) {
    return;
  }
  if (now >= coro::After(instance.idle_since, policy_.idle_timeout)) return;
  if (policy_.keyed) return;  // makes room for another key
  Expect(false, "closed without a reason", instance.number);
}

LeaseTrack& Witness::TrackOf(const LeaseInfo& lease) {
  std::uint64_t number = 0;
  for (const char c : lease.holder) {
    number = number * 10 + static_cast<std::uint64_t>(c - '0');
  }
  return attempts_[number];
}

void Witness::Begins(HookCall& call, coro::Instant context_deadline) {
  call.began = Now();
  InstanceTrack& instance = *call.instance;
  Tell(NameOf(call.kind), instance.number,
       call.lease == nullptr ? "" : "for a lease");
  Mix(static_cast<std::uint64_t>(call.kind) << 32 | instance.number);
  Mix(Ticks(call.began));
  if (!checks_) return;
  if (!call.lease_name.empty()) {
    named_.insert_or_assign(call.lease_name, call.lease);
  }
  read_log_();
  calls_.push_back(&call);
  const std::uint64_t which = instance.number;
  Expect(!instance.closing && !instance.destroyed, "a hook after Close", which);
  LeaseTrack* const lease = call.lease;
  switch (call.kind) {
    case HookKind::kInit:
      Expect(hooks_.init, "an Init that it does not have", which);
      call.deadline = coro::After(call.began, policy_.init_timeout);
      Expect(
          !instance.initializing && !instance.init_ok && !instance.init_failed,
          "G2: a second init", which);
      CheckAttempt(instance, ++instance.attempts);
      Expect(instance.using_it == 0 || !InitIsAwaited(), "G1: Use before init",
             which);
      Expect(!instance.checking, "Init and Check side by side", which);
      instance.initializing = true;
      break;
    case HookKind::kEnter:
      Expect(hooks_.enter, "an Enter that it does not have", which);
      Expect(lease->instance == &instance, "entered where it is not bound",
             which);
      Expect(!lease->enter_called, "entered twice", lease->number);
      Expect(!instance.checking, "Enter and Check side by side", which);
      call.deadline = std::min(lease->attempt_deadline,
                               coro::After(call.began, policy_.enter_timeout));
      lease->enter_called = lease->enter_running = true;
      lease->enter_began = call.began;
      ++instance.entering;
      Expect(instance.entering + instance.held + instance.outlived <=
                 static_cast<int>(slots()),
             "G5: more than max_holders enter", which);
      break;
    case HookKind::kUse:
      Expect(lease->entered && !lease->exited, "G4: Use of no lease",
             lease->number);
      Expect(!lease->exit_called, "G4: Use after Exit", lease->number);
      Expect(lease->instance == &instance, "Use of another's object", which);
      Expect(Usable(instance), "G1: Use before init", which);
      Expect(!instance.checking, "Use and Check side by side", which);
      ++lease->uses;
      ++instance.using_it;
      Expect(!call.use->reached, "a Use ran twice", which);
      Expect(!call.use->disowned, "a Use ran that was said not to", which);
      // (Those that await a deferred enter are resumed in any order.)
      if (lease->of_scope && !call.use->forwarded) {
        Expect(lease->deferred || call.use->sent > lease->last_sent,
               "a scope's calls ran in another order", lease->number);
        lease->last_sent = call.use->sent;
      }
      if (!violation_.empty()) return;
      call.use->reached = true;
      call.use->object = &instance;
      call.deadline =
          call.use->any_deadline ? context_deadline : call.use->deadline;
      break;
    case HookKind::kExit:
      Expect(hooks_.exit, "an Exit that it does not have", which);
      Expect(lease->entered, "G3: Exit without Enter", lease->number);
      Expect(!lease->exit_called, "G3: a second Exit", lease->number);
      Expect(lease->uses == 0, "G4: Exit while a Use runs", lease->number);
      Expect(lease->instance == &instance, "Exit of another's object", which);
      call.deadline = lease->exit_deadline =
          coro::After(call.began, policy_.exit_timeout);
      lease->exit_called = lease->exit_running = true;
      ++instance.exiting;
      break;
    case HookKind::kClose:
      Expect(hooks_.close, "a Close that it does not have", which);
      Expect(instance.held == 0 && instance.entering == 0 &&
                 instance.using_it == 0 && instance.exiting == 0 &&
                 !instance.initializing && !instance.checking,
             "Close while in use", which);
      CheckMayClose(instance);
      call.deadline = coro::After(call.began, policy_.close_timeout);
      instance.closing = true;
      break;
    case HookKind::kCheck:
      Expect(hooks_.check && policy_.check_interval > absl::ZeroDuration(),
             "a Check that was not asked for", which);
      Expect(instance.held == 0 && instance.entering == 0 &&
                 !instance.initializing && !instance.checking,
             "Check while in use", which);
      Expect(call.began >=
                 coro::After(instance.idle_since, policy_.check_interval),
             "a Check before check_interval", which);
      call.deadline = coro::After(call.began, policy_.enter_timeout);
      instance.checking = true;
      break;
    case HookKind::kMake:
      call.deadline = coro::After(call.began, policy_.init_timeout);
      CheckAttempt(instance, ++instance.makings);
      instance.making = true;
      break;
  }
  if (call.kind == HookKind::kUse && !call.use->any_deadline) {
    if (policy_.use_timeout != absl::InfiniteDuration()) {
      call.deadline =
          std::min(call.deadline, coro::After(call.began, policy_.use_timeout));
    }
  }
  Expect(call.deadline == context_deadline, "a hook was told a wrong deadline",
         which);
}

void Witness::Ends(HookCall& call, const absl::Status& status) {
  InstanceTrack& instance = *call.instance;
  if (tells_) {
    Tell(NameOf(call.kind), instance.number,
         absl::StrCat("is over: ", status.ToString()));
  }
  Mix(static_cast<std::uint64_t>(call.kind) << 40 | instance.number << 8 |
      static_cast<std::uint64_t>(status.code()));
  Mix(Ticks(Now()));
  if (!checks_) return;
  read_log_();
  calls_.erase(std::find(calls_.begin(), calls_.end(), &call));
  LeaseTrack* const lease = call.lease;
  switch (call.kind) {
    case HookKind::kInit:
      instance.initializing = false;
      instance.attempt_ended_at = Now();
      if (status.ok()) {
        instance.init_ok = true;
        instance.idle_since = instance.ready_at = Now();
      } else {
        init_failed_at_ = Now();
        if (instance.attempts >= policy_.init_retry.attempts &&
            !instance.lost) {
          ForetellInitFailure(call, std::string(status.message()));
        }
      }
      break;
    case HookKind::kEnter:
      --instance.entering;
      lease->enter_running = false;
      lease->enter_ok = status.ok();
      lease->enter_spent += coro::Between(lease->enter_began, Now());
      if (status.ok()) break;
      --instance.bound_seen;
      lease->failure = std::string(status.message());
      instance.idle_since = Now();
      // Its Enter may have left it half entered; not if it left in the init.
      instance.may_close = true;
      if (!lease->left_in_init && !lease->has_request) instance.doomed = true;
      break;
    case HookKind::kUse:
      --lease->uses;
      call.use->went_well = status.ok();
      call.use->hook_over = true;
      --instance.using_it;
      break;
    case HookKind::kExit:
      --instance.exiting;
      lease->exit_running = false;
      if (!lease->exit_outlives) break;
      // Its object was bound to it until now.
      --instance.outlived;
      --instance.bound_seen;
      instance.idle_since = Now();
      break;
    case HookKind::kClose:
      instance.close_over = true;
      break;
    case HookKind::kCheck:
      instance.checking = false;
      if (!status.ok()) instance.may_close = instance.doomed = true;
      break;
    case HookKind::kMake:
      MakeEnds(call, status);
      break;
  }
}

void Witness::Stopped(const HookCall& call) {
  if (!checks_) return;
  read_log_();
  const coro::Instant now = Now();
  if (now >= call.deadline) return;
  const std::uint64_t which = call.instance->number;
  LeaseTrack* const lease = call.lease;
  switch (call.kind) {
    case HookKind::kInit: {
      if (draining() || call.instance->lost) return;
      Expect(policy_.abandon_init == AbandonInit::kCancel ||
                 call.instance->may_close,
             "an init was stopped that was to be kept", which);
      for (const LeaseTrack* const track : live_) {
        Expect(!track->awaits_init || track->instance != call.instance ||
                   track->has_request || MayStop(*track),
               "G7: an init was stopped that somebody awaits", track->number);
      }
      return;
    }
    case HookKind::kEnter:
      Expect(MayStop(*lease) || lease->has_request || draining() ||
                 call.instance->lost,
             "an Enter was stopped for no reason", lease->number);
      return;
    case HookKind::kUse: {
      if (call.use->left || forced()) return;
      if (now >= lease->gone_at && !call.use->forwarded) return;
      if (call.instance->lost) return;
      if (lease->lease == nullptr) return;
      Expect(lease->lease->state() == LeaseState::kExiting,
             "a Use was stopped for no reason", lease->number);
      const coro::Instant decided = lease->decided ? lease->decided_at : now;
      Expect(now >= coro::After(decided, policy_.use_grace),
             "a Use was stopped before use_grace", lease->number);
      if (!lease->decided) CheckDecision(*lease);
      return;
    }
    case HookKind::kCheck:
      Expect(draining(), "a Check was stopped for no reason", which);
      return;
    case HookKind::kMake:
      return CheckMakeStopped(call);
    case HookKind::kExit:
    case HookKind::kClose:
      Expect(false, "an Exit or Close was stopped for no reason", which);
  }
}

// Time has ended the lease now, while a Use runs: was it time? (G10)
void Witness::CheckDecision(const LeaseTrack& track) {
  if (track.cause_known || track.has_request || track.IsLost()) return;
  const coro::Instant now = Now();
  if (now >= track.leaves_at || !track.asked.empty()) return;
  const bool expired = !track.stream_bound &&
                       now >= coro::After(track.renewed_at, policy_.max_ttl);
  Expect(expired || now >= track.revoke_at || draining(),
         "G10: a lease in use ended before its time", track.number);
}

void Witness::AwaitsInit(HookCall& call) {
  if (!checks_) return;
  call.lease->awaits_init = true;
  call.lease->enter_spent += coro::Between(call.lease->enter_began, Now());
}

void Witness::AwaitedInit(HookCall& call, const absl::Status& status) {
  if (!checks_) return;
  LeaseTrack& track = *call.lease;
  track.awaits_init = false;
  track.enter_began = Now();
  call.deadline =
      std::min(track.attempt_deadline,
               coro::After(Now(), policy_.enter_timeout - track.enter_spent));
  if (!status.ok()) {
    track.left_in_init = MayStop(track) || draining() ||
                         track.enter_spent >= policy_.enter_timeout;
    return;
  }
  Expect(call.instance->init_ok || !InitIsAwaited() || !hooks_.init,
         "G1: Init() returned before the init was over", track.number);
  Expect(track.init_failure.empty(), "G2: the init failed, but not for one",
         track.number);
}

void Witness::ExitTold(const LeaseTrack& track, const ExitCause& cause) {
  if (!checks_ || !track.cause_known) return;
  Expect(cause.reason == track.cause.reason &&
             cause.error.code() == track.cause.error.code(),
         "G3: Exit was told another cause", track.number);
}

// ---- events ----

void Witness::OnSink(LeaseTrack& track, const Event& event) {
  if (tells_) {
    Tell(kPhases[static_cast<int>(event.phase)], track.number,
         event.instance_id());
  }
  if (sunk_.empty() || sunk_.back().first != event.sequence) {
    sunk_.emplace_back(event.sequence, event.phase);
  }
  Expect(event.time == runtime_.clock.WallNow(), "an event of another time",
         track.number);
  if (event.lease_name().empty()) {
    Expect(track.instance == nullptr ||
               track.instance == FindInstance(event.instance_id()),
           "a stream was told of another's instance", track.number);
    Expect(event.phase != Phase::kClosing && event.phase != Phase::kClosed,
           "a stream was told of CLOSING or CLOSED", track.number);
    return;
  }
  if (track.lease_name != event.lease_name()) {
    track.lease_name = event.lease_name();
    named_.insert_or_assign(track.lease_name, &track);
  }
  if (event.phase != Phase::kWaiting || !track.queued || with_requests_) return;
  const std::vector<LeaseTrack*>& queue = QueueOf(track.key);
  const auto found = std::find(queue.begin(), queue.end(), &track);
  Expect(event.queue_position <= found - queue.begin() + 1,
         "a place behind all who wait", track.number);
}

const LeaseTrack* Witness::Named(const std::string& name) const {
  const auto found = named_.find(name);
  return found == named_.end() ? nullptr : found->second;
}

void Witness::OnLease(LeaseTrack& track, const Event& event) {
  switch (event.phase) {
    case Phase::kWaiting:
      OnWaiting(track, event.queue_position);
      break;
    case Phase::kEntering: {
      InstanceTrack* const instance = FindInstance(event.instance_id());
      Expect(hooks_.enter && track.instance == nullptr && instance != nullptr,
             "ENTERING at the wrong time", track.number);
      if (!violation_.empty()) return;
      Expect(!instance->closing && !instance->destroyed && !instance->doomed &&
                 !instance->checking && !instance->init_failed,
             "bound to an object that must not be lent", track.number);
      Expect(!draining(), "bound while it drains", track.number);
      Expect(++instance->bound_seen <= static_cast<int>(slots()),
             "G5: more than max_holders are bound", track.number);
      BoundTo(track, *instance);
      break;
    }
    case Phase::kEntered: {
      InstanceTrack* const instance = FindInstance(event.instance_id());
      Expect(instance != nullptr && !track.entered && !track.failed,
             "ENTERED at the wrong time", track.number);
      if (!violation_.empty()) return;
      BoundTo(track, *instance);
      EnteredNow(track);
      if (track.of_scope) {
        const LeasePtr lease = track.seen;
        if (lease != nullptr) ScopeGranted(track, lease);
      }
      break;
    }
    case Phase::kUsed:
      Expect(track.entered && !track.exited && !track.exit_called,
             "USED at the wrong time", track.number);
      break;
    case Phase::kRevoking:
      Expect(track.entered && !track.exited && event.deadline().has_value(),
             "REVOKING at the wrong time", track.number);
      track.told_revoking = true;
      break;
    case Phase::kExiting:
      Expect(hooks_.exit && track.entered && !track.exit_called &&
                 track.uses == 0 && !track.told_exiting,
             "EXITING at the wrong time", track.number);
      track.told_exiting = true;
      break;
    case Phase::kExited:
      OnExited(track, event.status());
      break;
    case Phase::kFailed:
      Expect(!track.entered && !track.failed, "FAILED at the wrong time",
             track.number);
      if (track.over) break;  // seen already
      track.failed = true;
      if (track.instance != nullptr) {
        track.instance->idle_since = Now();
        track.instance->may_close = true;
        Unbound(track);
      }
      break;
    default:
      Expect(false, "an event of no lease", track.number);
  }
}

// Its place when it queues, and the new one whenever that is worth it, to all
// at once, at most once a second.
void Witness::OnWaiting(LeaseTrack& track, int place) {
  Expect(track.instance == nullptr && !track.entered && !track.failed,
         "WAITING at the wrong time", track.number);
  Expect(place >= 1, "a queue position", track.number);
  if (track.began) {
    Expect(track.told_place == 0 ||
               (place != track.told_place &&
                (place <= 3 || place <= track.told_place / 2)),
           "WAITING told again for nothing", track.number);
    Expect(told_places_at_ == coro::kNever || told_places_at_ == Now() ||
               Now() >= coro::After(told_places_at_, absl::Seconds(1)),
           "places are told too often", track.number);
    told_places_at_ = Now();
  }
  track.told_place = place;
}

void Witness::OnExited(LeaseTrack& track, const absl::Status& exit_status) {
  const bool timed_out = hooks_.exit && Now() >= track.exit_deadline;
  Expect(track.entered && !track.exited && track.uses == 0 &&
             (!track.exit_running || timed_out) &&
             track.exit_called == hooks_.exit &&
             track.told_exiting == hooks_.exit,
         "G3: EXITED at the wrong time", track.number);
  InstanceTrack& instance = *track.instance;
  track.exit_outlives = track.exit_running;
  if (track.exit_outlives) {
    Expect(Now() == track.exit_deadline, "EXITED later than exit_timeout",
           track.number);
  }
  // A hook that ends just then may have been too late, or not.
  if (timed_out && absl::IsDeadlineExceeded(exit_status)) {
    track.exit_status = exit_status;
    track.exit_result = ExitResult();
  }
  Expect(!track.exit_outlives || absl::IsDeadlineExceeded(exit_status),
         "an exit that outlived exit_timeout went well", track.number);
  track.exited = true;
  Ended(track);
  --instance.held;
  if (track.exit_outlives) {
    ++instance.outlived;
  } else {
    --instance.bound_seen;
  }
  instance.idle_since = Now();
  const bool tainted = track.exit_result.tainted || !track.exit_status.ok() ||
                       (track.cause_known && track.cause.tainted);
  if (tainted && !policy_.reuse_tainted) {
    instance.may_close = instance.doomed = true;
  }
}

void Witness::EnteredNow(LeaseTrack& track) {
  InstanceTrack& instance = *track.instance;
  track.entered = true;
  if (std::exchange(track.counted, false)) --instance.deferred;
  if (track.ended_early) {
    track.decided = track.cause_known = true;
    track.decided_at = Now();
    track.cause = track.early_cause;
  }
  track.entered_at = Now();
  track.held_since = track.renewed_at =
      std::chrono::ceil<std::chrono::microseconds>(Now());
  track.ttl_over = coro::After(track.renewed_at, track.ttl);
  track.revoke_at = coro::After(track.held_since, policy_.max_hold);
  ++instance.held;
  Expect(!instance.closing && !instance.destroyed, "entered after Close",
         track.number);
  Expect(instance.held + instance.outlived <= static_cast<int>(slots()),
         "G5: more than max_holders hold", track.number);
  Expect(Usable(instance), "G1: entered before init", track.number);
  Expect(!hooks_.enter || (track.enter_ok && !track.enter_running),
         "ENTERED without Enter", track.number);
  // It may have been bound just before it was evicted.
  Expect(!instance.doomed || hooks_.enter || slots() > 1 || track.deferred ||
             instance.evicted_at == Now() || instance.lost_at == Now(),
         "an object was lent that must not be", track.number);
  Expect(!instance.checking, "lent while it is checked", track.number);
  if (std::find(live_.begin(), live_.end(), &track) == live_.end()) {
    live_.push_back(&track);
  }
}

void Witness::OnLog(const Event& event) {
  if (tells_) {
    Tell("    event", static_cast<std::uint64_t>(event.phase),
         absl::StrCat(kPhases[static_cast<int>(event.phase)], " ",
                      event.instance_id(), " ", event.lease_name()));
  }
  Mix(static_cast<std::uint64_t>(event.phase) << 8 |
      static_cast<std::uint64_t>(event.queue_position));
  Mix(InstanceNumber(event.instance_id()));
  Mix(static_cast<std::uint64_t>(absl::ToUnixNanos(event.time)));
  if (!checks_) return;
  const bool was_sunk = !sunk_.empty() && sunk_.front().first == event.sequence;
  LeaseTrack* track = nullptr;
  if (!event.lease_name().empty()) {
    LeaseTrack*& named = named_[event.lease_name()];
    if (named == nullptr) named = acquiring_;
    track = named;
    if (track == nullptr) return Expect(false, "an event of no lease");
    Expect(was_sunk || track->of_scope, "an event that its lease was not told",
           event.sequence);
    if (track->of_scope) track->own_events.push_back(event.sequence);
  }
  Expect(sunk_.empty() || sunk_.front().first >= event.sequence,
         "the log lacks an event", event.sequence);
  if (was_sunk) {
    Expect(sunk_.front().second == event.phase, "the log tells another event",
           event.sequence);
    sunk_.pop_front();
  }
  if (!violation_.empty()) return;
  if (track != nullptr) return OnLease(*track, event);
  InstanceTrack* const instance = FindInstance(event.instance_id());
  if (instance == nullptr) return Expect(false, "an event of no instance");
  const std::uint64_t which = instance->number;
  const auto once = [&](bool& told, bool now) {
    Expect(!told && now && !instance->told_closed, "an instance's event",
           which);
    told = true;
  };
  switch (event.phase) {
    case Phase::kConstructed:
      once(instance->told_constructed, instance->constructed);
      before_constructed_ = breaker_;
      if (!hooks_.init) InitSucceeded();
      break;
    case Phase::kInitializing:
      once(instance->told_initializing, instance->told_constructed);
      break;
    case Phase::kProgress:
      // Or of its constructor.
      Expect(instance->told_initializing == instance->told_constructed &&
                 instance->makings + instance->attempts > 0 &&
                 !instance->told_ready && !instance->told_failed,
             "PROGRESS at the wrong time", which);
      break;
    case Phase::kReady:
      once(instance->told_ready, instance->init_ok);
      Expect(instance->told_initializing && !instance->told_failed,
             "READY without init", which);
      Expect(!instance->lost || instance->lost_at == Now(),
             "READY, but it was lost", which);
      InitSucceeded();
      break;
    case Phase::kFailed:
      Expect(!instance->told_failed, "FAILED twice", which);
      instance->told_failed = true;
      if (instance->unmade) break;  // counted when it threw
      if (!instance->constructed) return Unmade(*instance, event.status());
      if (HasReason(event.status(), Reason::kInitFailed) &&
          !instance->told_initializing) {
        return LostWhileMade(*instance, event.status());
      }
      if (instance->told_initializing && !instance->told_ready) {
        // Lost, it is of no use though its init went well.
        instance->init_ok &= !instance->lost;
        Expect(!instance->init_ok, "FAILED, but its init did not", which);
        InitFailed(*instance, event.status());
      } else {
        Expect(instance->may_close, "FAILED for a check that did not", which);
        instance->doomed = true;
      }
      break;
    case Phase::kClosing:
      once(instance->told_closing, hooks_.close);
      break;
    case Phase::kClosed:
      once(instance->told_closed, instance->destroyed);
      Expect(instance->told_closing == hooks_.close, "CLOSED without CLOSING",
             which);
      if (breaker_.probe == instance) breaker_.probe = nullptr;
      break;
    default:
      Expect(false, "an instance's event that is none", which);
  }
}

}  // namespace anteroom::lifecycle
