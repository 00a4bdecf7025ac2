// What must hold whenever nothing can run without time passing.
#include <algorithm>

#include "tests/simulation/witness.h"

namespace anteroom::lifecycle {

void Witness::CheckIdle() {
  if (!checks_ || !violation_.empty()) return;
  for (std::size_t i = 0; i < live_.size();) {
    if (CheckLive(*live_[i])) {
      ++i;
    } else {
      live_[i] = live_.back();
      live_.pop_back();
    }
  }
  OrderEnds();
  CheckCalls();
  CheckCensus();
  ++idle_spells_;
}

bool Witness::CheckLive(LeaseTrack& track) {
  if (track.of_scope || track.deferred) LookAt(track);
  const bool enters =
      track.deferred && !track.over && track.instance != nullptr;
  if (!track.entered && !track.answered) CheckWaiting(track);
  if (!track.entered && track.answered && enters) CheckEntering(track);
  if (track.entered && !track.exited) CheckHeld(track);
  if (track.exited) CheckReceipt(track);
  const bool may_enter = track.deferred_lease != nullptr && !track.over;
  if ((enters || may_enter) && !track.entered) return true;
  return !track.answered || (track.entered && !track.exited);
}

// A deferred lease: its Enter, or its init, runs.
void Witness::CheckEntering(LeaseTrack& track) {
  const std::uint64_t which = track.number;
  const bool runs = track.enter_running && !track.awaits_init;
  Expect(!track.ended_early || runs, "one that was ended goes on entering",
         which);
  Expect(runs || Now() < track.attempt_deadline,
         "a deferred enter outlived max_wait", which);
  Expect(runs || !draining(), "one enters though it drains", which);
  if (runs) return;
  const InstanceTrack& instance = *track.instance;
  Expect(instance.initializing || AwaitsRetry(instance),
         "G1: one awaits an init that does not run", which);
}

// G7: who left, or whose time is over, has its answer; and so has everybody
// whose answer is known. Only an Enter that does not listen keeps one.
void Witness::CheckWaiting(LeaseTrack& track) {
  const std::uint64_t which = track.number;
  const bool kept = track.enter_running && !track.awaits_init;
  Expect(!MayLeave(track) || kept, "G7: one who left waits for its answer",
         which);
  if (track.has_request) {
    // What others may share does not keep it.
    return Expect(!CallerLeaves(track), "G7: one who left waits for its answer",
                  which);
  }
  Expect(!draining() || kept, "G7: one waits though it drains", which);
  if (track.instance == nullptr) {
    Expect(!track.overtaken, "G6: somebody behind it was bound first", which);
    Expect(track.init_failure.empty(),
           "G2: the init failed, but its waiter waits", which);
    return;
  }
  if (track.enter_running && !track.awaits_init) return;
  Expect(hooks_.enter, "bound, but not granted", which);
  // It awaits the init: that runs, or is about to be tried again.
  const InstanceTrack& instance = *track.instance;
  Expect(instance.initializing ||
             (instance.attempts > 0 && !instance.init_ok &&
              !instance.init_failed &&
              Now() <= coro::After(instance.attempt_ended_at,
                                   policy_.init_retry.max_backoff)),
         "G1: one awaits an init that does not run", which);
}

coro::Instant Witness::Expiry(const LeaseTrack& track) const {
  if (track.stream_bound) return coro::kNever;
  if (track.uses == 0 || Now() < track.ttl_over) return track.ttl_over;
  return coro::After(track.renewed_at, policy_.max_ttl);
}

void Witness::CheckHeld(LeaseTrack& track) {
  const std::uint64_t which = track.number;
  const coro::Instant now = Now();
  if (track.lease == nullptr) {
    return Expect(track.exit_running || track.uses > 0, "held by nobody",
                  which);
  }
  if (track.lease->state() == LeaseState::kHeld) {
    Expect(!track.decided, "an end was decided, but it is held", which);
    Expect(now < Expiry(track), "a lease outlived its ttl", which);
    Expect(now < track.revoke_at, "a lease was not taken in time", which);
    if (track.revoke_at != coro::kNever) {
      const bool due = now >= track.revoke_at - revoke_notice_;
      Expect(!due || track.told_revoking, "a holder was not told in time",
             which);
    }
    Expect(!draining() || policy_.revoke_notice > absl::ZeroDuration(),
           "held though it drains", which);
    Expect(!forced(), "held though the drain was forced", which);
    Expect(!track.IsLost(), "held though its object is lost", which);
    Expect(now < track.leaves_at, "a scope outlived its grace", which);
    return;
  }
  if (!track.decided) {
    if (track.uses > 0) CheckDecision(track);
    track.decided = true;
    track.decided_at = now;
  }
  Expect(track.uses > 0 || track.exit_running, "an exit does not begin", which);
  Expect(!track.exit_running || now < track.exit_deadline,
         "an Exit that outlived exit_timeout keeps its holder", which);
}

void Witness::CheckReceipt(LeaseTrack& track) {
  if (track.receipt_checked || track.lease == nullptr) return;
  const std::uint64_t which = track.number;
  track.receipt_checked = true;
  Expect(track.lease->state() == LeaseState::kEnded, "EXITED, but not ended",
         which);
  if (!violation_.empty()) return;
  const Receipt receipt = track.lease->receipt();
  const coro::Instant decided =
      track.decided ? track.decided_at : track.exited_at;
  Expect(receipt.held == std::max(coro::Between(track.held_since, decided),
                                  absl::ZeroDuration()),
         "a receipt's held", which);
  Expect(receipt.exited == coro::Between(decided, track.exited_at),
         "a receipt's exited", which);
  Expect(receipt.attempts == (hooks_.exit ? 1 : 0), "a receipt's attempts",
         which);
  Expect(
      receipt.exit_status.ok() == (track.exit_status.ok() &&
                                   receipt.reason != ExitReason::kInstanceLost),
      "a receipt's exit_status", which);
  Expect(receipt.error_suppressed ==
                 (track.exit_result.suppress && track.cause_known &&
                  !track.cause.error.ok()) ||
             !track.asked.empty(),
         "a receipt's error_suppressed", which);
  if (track.cause_known) {
    return Expect(receipt.reason == track.cause.reason, "a receipt's reason",
                  which);
  }
  if (AskedFor(track, receipt.reason)) return;
  switch (receipt.reason) {
    case ExitReason::kTtlExpired:
      Expect(!track.stream_bound && decided >= track.ttl_over,
             "G10: a ttl expired too early", which);
      break;
    case ExitReason::kRevoked:
      Expect(decided >= track.revoke_at &&
                 track.revoke_reason == ExitReason::kRevoked,
             "a lease was taken too early", which);
      break;
    case ExitReason::kDrained:
      Expect(draining() && (forced() || decided >= track.revoke_at ||
                            policy_.revoke_notice == absl::ZeroDuration() ||
                            track.entered_at >= drain_at_),
             "DRAINED without a drain", which);
      break;
    case ExitReason::kDisconnected:
      Expect(decided == track.leaves_at || decided == track.gone_at ||
                 // Granted too late.
                 (decided == track.entered_at &&
                  (track.left || decided >= track.deadline ||
                   decided >= track.attempt_deadline ||
                   decided >= std::min(track.leaves_at, track.gone_at))),
             "DISCONNECTED, but its caller was there", which);
      break;
    case ExitReason::kInstanceLost:
      Expect(track.IsLost() && decided >= track.instance->lost_at,
             "INSTANCE_LOST, but its object is not", which);
      break;
    default:
      Expect(false, "a lease ended for no reason", which);
  }
}

// A hook that listens is told when its time is over.
void Witness::CheckCalls() {
  const coro::Instant now = Now();
  for (const HookCall* const call : calls_) {
    if (!call->heeds) continue;
    const std::uint64_t which = call->instance->number;
    const LeaseTrack* const lease = call->lease;
    Expect(now < call->deadline || (lease != nullptr && lease->awaits_init),
           "a hook outlived its deadline", which);
    switch (call->kind) {
      case HookKind::kInit:
        Expect(!draining(), "an init goes on though it drains", which);
        break;
      case HookKind::kEnter:
        Expect(!draining(), "an Enter goes on though it drains", which);
        break;
      case HookKind::kUse:
        Expect(
            !call->use->left && (now < lease->gone_at || call->use->forwarded),
            "a Use goes on though its caller left", which);
        Expect(!forced(), "a Use goes on though the drain was forced", which);
        Expect(!lease->decided ||
                   now < coro::After(lease->decided_at, policy_.use_grace),
               "a Use outlived use_grace", which);
        break;
      case HookKind::kCheck:
        Expect(!draining(), "a Check goes on though it drains", which);
        break;
      case HookKind::kMake:
        Expect(!draining(), "a constructor goes on though it drains", which);
        break;
      case HookKind::kExit:
      case HookKind::kClose:
        break;
    }
  }
}

bool Witness::UnderWay(const Pool::Census::Seat& seat) const {
  if (seat.retired) return false;
  if (!seat.constructed || seat.checking) return true;
  return !hooks_.enter && seat.state != InstanceState::kReady &&
         seat.state != InstanceState::kHeld;
}

std::size_t Witness::Served(const Pool::Census::Line& line) const {
  std::size_t served = 0;
  for (const Pool::Census::Seat& seat : line.seats) {
    if (UnderWay(seat)) served += SlotsLeft(seat);
  }
  return served;
}

std::size_t Witness::AllUnserved() const {
  std::size_t all = 0;
  for (const Pool::Census::Line& line : Census().lines) all += Unserved(line);
  return all;
}

bool Witness::HasRoom(const std::string& key) const {
  const Pool::Census::Line* const line = Census().Find(key);
  if (line == nullptr || line->waiting > 0) return false;
  return std::any_of(line->seats.begin(), line->seats.end(),
                     [](const Pool::Census::Seat& seat) {
                       return seat.state == InstanceState::kReady &&
                              !seat.retired && !seat.checking;
                     });
}

void Witness::CheckCensus() {
  const Pool::Census& census = Census();
  std::size_t bound = 0;
  std::size_t waiting = 0;
  std::size_t overdue = 0;
  for (const Pool::Census::Line& line : census.lines) {
    for (const Pool::Census::Seat& seat : line.seats) {
      bound += static_cast<std::size_t>(seat.bound);
      overdue += IsOverdue(seat);
      seat.constructed ? CheckSeat(seat) : CheckMaking(line, seat);
    }
    waiting += line.waiting;
  }
  Expect(overdue <= static_cast<std::size_t>(policy_.min_idle),
         "an object outlived idle_timeout", overdue);
  const Pool::Counts counts = pool_->counts();
  Expect(bound == counts.leases, "leases and what they are bound to", bound);
  Expect(census.instances == counts.instances &&
             census.instances == existing_.size(),
         "instances that nobody knows", census.instances);
  for (const Pool::Census::Line& line : census.lines) {
    if (!with_requests_) {
      Expect(line.waiting == QueueOf(line.key).size(),
             "G7: a queue of other waiters", line.waiting);
    }
    if (with_requests_ && line.waiting > 0) {
      CheckCallers(line.key, line.waiting);
    }
    if (!with_requests_ && !draining() && line.waiting > 0) {
      CheckPlaces(line);
      CheckDeferred(line);
    }
    if (line.waiting > 0) CheckLine(census, line);
  }
  if (draining()) {
    return Expect(waiting == 0, "waiting though it drains", waiting);
  }
  if (!policy_.keyed && !census.lines.empty()) {
    CheckSpares(census.lines.front());
  }
}

void Witness::CheckSeat(const Pool::Census::Seat& seat) {
  const InstanceTrack& track = instances_[seat.number - 1];
  const std::uint64_t which = seat.number;
  Expect(track.constructed && !track.destroyed, "constructed by nobody", which);
  Expect(static_cast<std::size_t>(seat.bound) <= slots(),
         "G5: more than max_holders are bound", which);
  Expect(seat.bound >= track.held, "held, but not bound", which);
  if (!with_requests_) {
    const int seen = hooks_.enter
                         ? track.bound_seen
                         : track.held + track.outlived + track.deferred;
    Expect(seat.bound == seen, "bound to somebody who is gone", which);
  }
  Expect(!track.doomed || seat.retired || seat.state == InstanceState::kClosing,
         "an object is kept that must not be lent", which);
  Expect(seat.checking == track.checking, "a Check that does not run", which);
  // What is over is closed as soon as nobody holds it.
  if (seat.bound == 0 && !seat.checking && !track.initializing &&
      !AwaitsRetry(track)) {
    const bool closing = seat.state == InstanceState::kClosing;
    Expect(!seat.retired || closing, "G8: an object that is over is not closed",
           which);
    Expect(!draining() || closing, "G8: an object outlives the drain", which);
    if (closing) {
      Expect(track.closing && !track.close_over, "a Close that does not run",
             which);
    } else {
      CheckIdling(seat, track);
    }
  }
  // It is to be closed: what it still does is of no use.
  if (seat.retired && track.initializing && seat.bound == 0) {
    Expect(InitIsDeaf(track), "G7: an init that nobody awaits", which);
  }
  // Nobody waits for its init any more.
  if (policy_.abandon_init == AbandonInit::kCancel && hooks_.enter &&
      track.initializing && seat.bound == 0) {
    Expect((seat.warm && !seat.retired) || InitIsDeaf(track),
           "G7: an init that nobody awaits", which);
  }
}

// Who has moved up is told its place within a second, where that is worth it.
void Witness::CheckPlaces(const Pool::Census::Line& line) {
  const coro::Instant now = Now();
  const std::size_t served = Served(line);
  std::size_t place = 0;
  for (LeaseTrack* const track : QueueOf(line.key)) {
    ++place;
    if (track->place > place) track->moved_at = now;
    track->place = place;
    const std::size_t unserved = place - std::min(place, served);
    if (track->place_since == coro::kNever ||
        track->unserved_place != unserved) {
      track->place_since = now;
    }
    track->unserved_place = unserved;
    const auto told = static_cast<std::size_t>(track->told_place);
    const bool worth = unserved > 0 && unserved != told &&
                       (told == 0 || unserved <= 3 || unserved <= told / 2);
    Expect(!worth || track->moved_at == coro::kNever ||
               track->place_since > track->moved_at ||
               now < coro::After(track->moved_at, absl::Seconds(1)),
           "one who moved up was not told its place", track->number);
  }
}

// DEFERRED: one waits for capacity, not for the init that will serve it.
void Witness::CheckDeferred(const Pool::Census::Line& line) {
  const std::vector<LeaseTrack*>& queue = QueueOf(line.key);
  std::size_t place = 0;
  for (const Pool::Census::Seat& seat : line.seats) {
    if (!UnderWay(seat)) continue;
    for (std::size_t left = SlotsLeft(seat); left > 0 && place < queue.size();
         --left, ++place) {
      Expect(!queue[place]->deferred || seat.checking || !seat.constructed,
             "a deferred lease waits for an init", queue[place]->number);
    }
  }
}

// Each that waits has a caller, though some share one.
void Witness::CheckCallers(const std::string& key, std::size_t waiting) {
  std::size_t callers = 0;
  for (const LeaseTrack* const track : live_) {
    callers += !track->answered && track->key == key;
  }
  Expect(waiting <= callers, "G7: one waits whose callers have gone", waiting);
}

bool Witness::AwaitsRetry(const InstanceTrack& instance) const {
  return instance.attempts > 0 && !instance.init_ok && !instance.init_failed;
}

bool Witness::InitIsDeaf(const InstanceTrack& instance) const {
  for (const HookCall* const call : calls_) {
    const bool inits =
        call->kind == HookKind::kInit || call->kind == HookKind::kMake;
    if (inits && call->instance == &instance) {
      return !call->heeds;
    }
  }
  return true;
}

// An object that nobody holds, and that is not closing.
void Witness::CheckIdling(const Pool::Census::Seat& seat,
                          const InstanceTrack& instance) {
  if (seat.state == InstanceState::kReady &&
      policy_.max_lifetime != absl::InfiniteDuration()) {
    Expect(Now() < coro::After(instance.idle_since, 1.1 * policy_.max_lifetime),
           "an object outlived max_lifetime", seat.number);
  }
}

// Its idle_timeout has passed.
bool Witness::IsOverdue(const Pool::Census::Seat& seat) const {
  return seat.bound == 0 && !seat.retired && !seat.checking &&
         seat.state == InstanceState::kReady &&
         Now() >= instances_[seat.number - 1].idle_since + idle_timeout_;
}

// G7: no object sits while somebody waits.
void Witness::CheckLine(const Pool::Census& census,
                        const Pool::Census::Line& line) {
  const bool here = !line.seats.empty();
  bool hope = false;
  for (const Pool::Census::Seat& seat : line.seats) {
    hope |= !seat.retired;
    const bool lends = seat.state == InstanceState::kReady ||
                       seat.state == InstanceState::kHeld ||
                       (hooks_.enter && seat.constructed &&
                        (seat.state == InstanceState::kConstructed ||
                         seat.state == InstanceState::kInitializing));
    Expect(!lends || seat.retired || seat.checking ||
               static_cast<std::size_t>(seat.bound) >= slots(),
           "G7: an object with room, and somebody waits for it", seat.number);
  }
  if (Unserved(line) == 0) return;
  const bool full =
      census.instances >= static_cast<std::size_t>(policy_.max_instances);
  if (!BreakerAllows()) {
    return Expect(full || hope || (policy_.keyed && here),
                  "one waits for nothing while the breaker is open");
  }
  if (!policy_.keyed || !here) {
    Expect(full, "G7: somebody waits, and nothing is built");
  }
  if (policy_.keyed && !here) CheckRoomIsMade(census);
}

// A key without an object makes room for itself, unless enough is made already.
void Witness::CheckRoomIsMade(const Pool::Census& census) {
  std::size_t hungry = 0;
  std::size_t closing = 0;
  for (const Pool::Census::Line& line : census.lines) {
    hungry += line.waiting > 0 && line.seats.empty();
    for (const Pool::Census::Seat& seat : line.seats) {
      closing += seat.state == InstanceState::kClosing;
    }
  }
  if (hungry <= closing) return;
  for (const Pool::Census::Line& line : census.lines) {
    for (const Pool::Census::Seat& seat : line.seats) {
      Expect(seat.bound > 0 || seat.checking || seat.retired ||
                 seat.state != InstanceState::kReady,
             "G7: an idle object keeps another key waiting", seat.number);
    }
  }
}

// min_idle are ready, or on their way; and no more are on their way than are
// needed.
void Witness::CheckSpares(const Pool::Census::Line& line) {
  std::size_t spares = 0;
  std::size_t under_way = 0;  // with an init that may be let go
  std::size_t offered = 0;    // slots for those who wait
  std::size_t needed = 0;     // instances that offer them
  for (const Pool::Census::Seat& seat : line.seats) {
    if (UnderWay(seat) && offered < line.waiting) {
      offered += SlotsLeft(seat);
      needed += seat.bound == 0;
    }
    if (seat.retired || seat.bound > 0) continue;
    const bool ready = seat.state == InstanceState::kReady;
    spares += ready || UnderWay(seat) || seat.warm;
    under_way += !ready && UnderWay(seat);
  }
  const auto min_idle = static_cast<std::size_t>(policy_.min_idle);
  const bool full =
      line.seats.size() >= static_cast<std::size_t>(policy_.max_instances);
  const bool pauses =
      init_failed_at_ != coro::Instant::min() &&
      Now() <=
          coro::After(init_failed_at_, std::max(policy_.init_retry.max_backoff,
                                                absl::Milliseconds(100)));
  Expect(full || pauses || !BreakerAllows() ||
             spares >= min_idle + std::min(needed, under_way),
         "min_idle are not kept", spares);
  if (policy_.abandon_init == AbandonInit::kCancel) {
    Expect(under_way <= needed + min_idle, "G7: inits that nobody awaits",
           under_way);
  }
}

void Witness::CheckEnd() {
  if (!checks_ || !violation_.empty()) return;
  CheckIdle();
  const Pool::Counts left = pool_->counts();
  Expect(left.instances == 0 && left.leases == 0 && left.waiting == 0,
         "G8: something is left after the drain", left.instances);
  Expect(existing_.empty(), "G8: an object is left", existing_.size());
  Expect(calls_.empty(), "G8: a hook still runs", calls_.size());
  Expect(sunk_.empty(), "the log lacks events", sunk_.size());
  for (const LeaseTrack* const track : live_) {
    Expect(track->answered && (!track->entered || track->exited),
           "G7: somebody has no answer", track->number);
  }
  for (const InstanceTrack& instance : instances_) {
    if (instance.unmade) {
      Expect(instance.told_failed, "a constructor that failed was not told of",
             instance.number);
      continue;
    }
    Expect(instance.told_closed && instance.constructed && instance.destroyed,
           "G8: an object was not closed", instance.number);
    Expect(!hooks_.close || instance.close_over, "G8: no Close",
           instance.number);
  }
}

}  // namespace anteroom::lifecycle
