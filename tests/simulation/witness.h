// Witness: sees every hook call, event and answer of one simulated world, knows
// what the contract promises, and says so when a promise is broken.
//
// What it knows it has from outside: from the hooks that are called, from the
// events in the leases' sinks and in the log, from the answers to calls. Only
// that no object sits while somebody waits (G7) is read off the pool's census.
//
// Hooks, sinks and answers are checked as they come; CheckIdle() checks what
// must hold whenever nothing can run without time passing. The first violation
// is kept.
//
// Thread safety: none.
#ifndef ANTEROOM_TESTS_SIMULATION_WITNESS_H_
#define ANTEROOM_TESTS_SIMULATION_WITNESS_H_

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/coro/clock.h"
#include "server/coro/runtime.h"
#include "server/lifecycle/event.h"
#include "server/lifecycle/lease.h"
#include "server/lifecycle/policy.h"
#include "server/lifecycle/pool.h"
#include "server/lifecycle/resource.h"
#include "tests/simulation/chance.h"

namespace anteroom::lifecycle {

class Witness;

// kMake: an awaited constructor.
enum class HookKind { kInit, kEnter, kUse, kExit, kClose, kCheck, kMake };

// One object, from its constructor on.
struct InstanceTrack {
  std::uint64_t number = 0;
  std::string key;
  coro::Instant constructed_at;
  bool begun = false;  // its constructor was called
  bool constructed = false;
  bool unmade = false;  // its constructor failed for good
  bool threw = false;   // by an exception
  bool destroyed = false;
  // An awaited constructor that runs now; how often it was called.
  bool making = false;
  int makings = 0;
  // Its init: running now; calls of the hook; over, and how.
  bool initializing = false;
  int attempts = 0;
  // Of the constructor, or of the init.
  coro::Instant attempt_ended_at = coro::kNever;
  bool init_ok = false;
  bool init_failed = false;
  coro::Instant ready_at = coro::kNever;
  int entering = 0;    // Enter hooks that run
  int bound_seen = 0;  // leases from ENTERING to EXITED, or a failed Enter
  int held = 0;        // leases between ENTERED and EXITED
  int using_it = 0;
  int exiting = 0;   // Exit hooks that run
  int deferred = 0;  // leases bound early to it that are not entered
  int outlived = 0;  // of those, how many outlived their lease's end
  bool checking = false;
  bool closing = false;  // its Close hook was called
  bool close_over = false;
  bool lent = false;       // ever
  bool may_close = false;  // something has happened that excuses it
  bool doomed = false;     // must not be lent any more
  coro::Instant evicted_at = coro::kNever;
  bool lost = false;  // has said so
  coro::Instant lost_at = coro::kNever;
  // Since when nobody has held it.
  coro::Instant idle_since;
  // What the log has told.
  bool told_constructed = false;
  bool told_initializing = false;
  bool told_ready = false;
  bool told_failed = false;
  bool told_closing = false;
  bool told_closed = false;
};

// One attempt to get a lease, and the lease it came to. It receives its events.
struct LeaseTrack : public EventSink {
  void OnEvent(const Event& event) override;
  // Whether the object that it was bound to has died.
  bool IsLost() const { return instance != nullptr && instance->lost; }

  Witness* witness = nullptr;
  std::uint64_t number = 0;  // of its acquire; its holder's name
  // What was asked for.
  std::string key;
  std::int32_t priority = 0;
  bool no_wait = false;
  bool stream_bound = false;
  bool has_request = false;
  bool own_request = false;  // a scope's: no other acquire bears its request id
  bool deferred = false;
  bool of_scope = false;  // a scope's: its sink is not the witness's
  std::vector<std::uint64_t> own_events;          // of a scope: their sequences
  std::string lease_name;                         // as its sink was told
  coro::Instant deadline = coro::kNever;          // of its caller
  coro::Instant attempt_deadline = coro::kNever;  // of what callers share
  absl::Duration ttl;
  // How it went.
  coro::Instant acquired_at;
  std::uint64_t idle_spells_before = 0;
  bool queued = false;  // in the model's queue
  bool left = false;    // its caller asked for a stop
  // Of a scope: when its grace is over, and what ends is DISCONNECTED; and when
  // its calls are stopped, too.
  coro::Instant leaves_at = coro::kNever;
  coro::Instant gone_at = coro::kNever;
  // Taken by an operator, or released, before it was entered.
  bool ended_early = false;
  ExitCause early_cause;
  // What a scope was asked to end with, though maybe too late.
  std::vector<ExitCause> asked;
  LeasePtr seen;  // as the pool listed it
  // The same of a deferred one: it may end before anybody is given it.
  LeasePtr deferred_lease;
  bool counted = false;  // among the deferred that are bound and not entered
  bool over = false;     // ended without having been entered
  bool began = false;    // its acquire was called, and waits if unanswered
  bool answered = false;
  InstanceTrack* instance = nullptr;  // once bound, as far as one can see
  bool enter_called = false;
  bool enter_running = false;
  bool enter_heeds = false;
  bool enter_ok = false;
  bool awaits_init = false;
  coro::Instant enter_began = coro::kNever;
  absl::Duration enter_spent;
  std::string failure;  // of its Enter hook
  // The init that was to serve it failed with this: so must its acquire.
  std::string init_failure;
  // The failure of an init that was to serve others.
  std::string spared;
  bool entered = false;
  coro::Instant entered_at;
  // The same in whole microseconds: what its times are counted from.
  coro::Instant held_since;
  coro::Instant renewed_at;
  coro::Instant ttl_over;  // the ttl after that
  coro::Instant revoke_at = coro::kNever;
  ExitReason revoke_reason = ExitReason::kRevoked;
  bool told_revoking = false;
  bool told_exiting = false;
  int uses = 0;                 // Use hooks that run
  std::uint64_t last_sent = 0;  // of those that began
  std::uint64_t token = 0;
  // Its place as WAITING told it last; 0: it was told none.
  int told_place = 0;
  // Its place in the queue, and how many of that are unserved (0: it is
  // served), since when; and when somebody before it left last.
  std::size_t place = 0;
  std::size_t unserved_place = 0;
  coro::Instant place_since = coro::kNever;
  coro::Instant moved_at = coro::kNever;
  bool left_in_init = false;
  bool overtaken = false;          // one behind it in the queue was bound,
  std::uint64_t overtaken_by = 0;  // and this is the token that it got
  // Its end, once decided: known at once where a call of ours decided.
  bool decided = false;
  coro::Instant decided_at = coro::kNever;
  bool cause_known = false;
  ExitCause cause;
  bool exit_called = false;
  bool exit_running = false;
  bool exit_outlives = false;  // it runs on after its lease's end
  coro::Instant exit_deadline = coro::kNever;
  absl::Status exit_status;
  ExitResult exit_result;
  bool exited = false;
  // Which of the world's leases: at the latest, and at the earliest.
  std::uint64_t ended_as = 0;
  std::uint64_t ended_earliest = 0;
  coro::Instant exited_at = coro::kNever;
  bool failed = false;   // FAILED was announced
  bool unbound = false;  // its Enter went well, and yet it was not entered
  bool receipt_checked = false;
  LeasePtr lease;  // once somebody was given it
};

// One call of a method, as its caller knows it.
struct UseTrack {
  coro::Instant deadline = coro::kNever;
  std::uint64_t number = 0;
  // In which order those of scopes were said; 0: it is of none.
  std::uint64_t sent = 0;
  bool left = false;
  bool disowned = false;      // said never to have arrived
  bool any_deadline = false;  // that of whichever stream its scope has
  bool forwarded = false;     // to the object's endpoint: no scope stops it
  bool reached = false;       // its hook was called
  const InstanceTrack* object = nullptr;  // of which object
  bool hook_over = false;
  bool went_well = false;
};

// One hook that runs.
struct HookCall {
  HookKind kind = HookKind::kInit;
  InstanceTrack* instance = nullptr;
  LeaseTrack* lease = nullptr;  // of Enter, Use and Exit
  std::string lease_name;
  coro::Instant began;
  coro::Instant deadline = coro::kNever;  // that its stop token obeys
  bool heeds = false;                     // looks at its stop token
  bool deaf = false;                      // did not, while it took its time
  UseTrack* use = nullptr;                // of a Use
  bool stopped = false;                   // its stop token fired
};

class Witness {
 public:
  // `checks` false: only counts and the hash.
  Witness(coro::Runtime runtime, std::uint64_t seed, const Policy& policy,
          Hooks hooks, bool checks);
  Witness(const Witness&) = delete;
  Witness& operator=(const Witness&) = delete;

  // Refers to no lease any more: before their table goes.
  void LetGo();

  // The first violation; empty: none.
  const std::string& violation() const { return violation_; }
  std::uint64_t hash() const { return hash_.value(); }
  bool checks() const { return checks_; }
  void Violate(const char* what, std::uint64_t which);
  void Expect(bool promise, const char* what, std::uint64_t which = 0) {
    if (!promise) [[unlikely]] {
      Violate(what, which);
    }
  }
  void Mix(std::uint64_t word) { hash_.Add(word); }

  // ---- calls from outside ----

  LeaseTrack& NewAttempt();
  LeaseTrack& attempt(std::uint64_t number) { return attempts_[number]; }
  // Just before, and just after, the acquire is called.
  void AcquireBegins(LeaseTrack& track);
  void AcquireBegan(LeaseTrack& track);
  // What a caller was told whose own acquire `track` was. The lease may be
  // another attempt's, where both bore one request id.
  void Answered(LeaseTrack& track, const absl::StatusOr<LeasePtr>& answer);
  void Left(LeaseTrack& track) { track.left = true; }
  // Ended by a call of ours, if nothing has ended it before.
  void Ending(LeaseTrack& track, const ExitCause& cause);
  void Renewed(LeaseTrack& track, absl::Duration ttl);
  void Revoked(LeaseTrack& track, absl::Duration notice, ExitReason reason);
  // What a release was answered with (G9).
  void Released(const LeaseTrack& track, const Lease& lease,
                const Receipt& receipt);
  // Whether `lease` is still known by its id.
  void ExpectKept(const LeaseTrack& track, const Lease& lease, bool known,
                  absl::Duration receipts_kept, std::size_t receipts_max);
  void CheckView(const LeaseTrack& track, const LeaseView& view);
  void DrainBegins();
  // One more call of a method, which is to be made with this argument.
  UseTrack& NewUse();
  std::uint64_t NextSent() { return ++last_sent_; }
  Payload ArgumentOf(const UseTrack& use) const;
  UseTrack& UseOf(lifecycle::PayloadView argument);
  // G10: until when `track` lives, if nothing happens.
  coro::Instant Expiry(const LeaseTrack& track) const;
  bool draining() const { return drain_at_ != coro::kNever; }
  bool forced() const { return Now() >= forced_at_; }
  // From then on a drain grants nothing any more: no notice, no use_grace.
  void DrainForcedAt(coro::Instant when) { forced_at_ = when; }
  void Evicted(std::uint64_t number);
  // Just before the object says that it has died.
  void Lost(InstanceTrack& instance);
  // A scope's acquire has come to this lease, or is over without one.
  void ScopeGranted(LeaseTrack& track, const LeasePtr& lease);
  void ScopeRefused(LeaseTrack& track);
  const LeaseTrack* Named(const std::string& name) const;
  // Null: none has been built that bears this id.
  InstanceTrack* FindInstance(const std::string& id);

  // ---- hooks ----

  // A constructor that is over when it returns.
  InstanceTrack& ConstructBegins(const InstanceInfo& info);
  void ConstructThrows(InstanceTrack& instance);
  // Before each call of an awaited one. What that yields is constructed when
  // the call has ended well.
  InstanceTrack& MakeBegins(const InstanceInfo& info);
  void Destroyed(InstanceTrack& instance);
  // A call that begins; `context_deadline` is what the hook was told.
  void Begins(HookCall& call, coro::Instant context_deadline);
  void Ends(HookCall& call, const absl::Status& status);
  // The hook's stop token fired while it slept.
  void Stopped(const HookCall& call);
  LeaseTrack& TrackOf(const LeaseInfo& lease);
  // Around EnterContext::Init().
  void AwaitsInit(HookCall& call);
  void AwaitedInit(HookCall& call, const absl::Status& status);
  void ExitTold(const LeaseTrack& track, const ExitCause& cause);

  // ---- events ----

  void OnSink(LeaseTrack& track, const Event& event);
  void OnLog(const Event& event);

  // ---- between steps ----

  // REQUIRES: nothing can run without time passing, the log was read.
  void CheckIdle();
  // REQUIRES: the drain is over.
  void CheckEnd();

  // Called where the log must be read before a hook is judged.
  void ReadLog() { read_log_(); }
  void set_read_log(std::function<void()> read_log) {
    read_log_ = std::move(read_log);
  }
  // Tells the story on stderr, too.
  void set_tells(bool tells) { tells_ = tells; }
  void Tell(const char* what, std::uint64_t which, absl::string_view more = {});
  // REQUIRES: called before the pool is started.
  void set_pool(const Pool& pool) { pool_ = &pool; }
  std::uint64_t instances_built() const { return instances_.size(); }

 private:
  // The breaker as the contract has it.
  struct BreakerModel {
    int failures = 0;
    bool open = false;
    coro::Instant opened_at = coro::kNever;
    coro::Instant closed_at = coro::kNever;
    coro::Instant retry_at;
    const InstanceTrack* probe = nullptr;
    coro::Instant probe_began;
  };

  coro::Instant Now() const { return runtime_.clock.Now(); }
  bool InitIsAwaited() const {
    return hooks_.init && policy_.await_init == AwaitInit::kOnEnter;
  }
  bool Usable(const InstanceTrack& instance) const {
    return instance.init_ok || !InitIsAwaited();
  }
  // The constructor of this object is called for the first time.
  InstanceTrack& Built(const InstanceInfo& info);
  // As it is now; until it is taken again.
  const Pool::Census& Census() const {
    pool_->TakeCensus(census_);
    return census_;
  }
  std::vector<LeaseTrack*>& QueueOf(const std::string& key) {
    // The keys are none, or the letters from 'a' on.
    return queues_.at(key.empty() ? 0 : static_cast<std::size_t>(key[0] & 31));
  }
  void Queue(LeaseTrack& track);
  void Unqueue(LeaseTrack& track);
  // Whether a scope was asked to end so, though maybe too late.
  bool AskedFor(const LeaseTrack& track, ExitReason reason) const;
  // Its caller has left, or its time is over.
  bool CallerLeaves(const LeaseTrack& track) const;
  // Whether it is about to be answered, or may be, though it is in the queue.
  bool MayLeave(const LeaseTrack& track) const {
    return track.ended_early || CallerLeaves(track);
  }
  // Whether its enter may be stopped: of a deferred lease also because its
  // scope, which was asked for its end, was told that it is bound.
  bool MayStop(const LeaseTrack& track) const {
    return MayLeave(track) ||
           ((track.deferred || track.IsLost()) && !track.asked.empty());
  }
  void CheckServed(const LeaseTrack& track);
  void CheckTurn(LeaseTrack& track, std::uint64_t token);
  bool MayBeBoundEarly(const LeaseTrack& track) const;
  void CheckBoundEarly(const LeaseTrack& track);
  void OnLease(LeaseTrack& track, const Event& event);
  void OnWaiting(LeaseTrack& track, int place);
  void CheckGranted(LeaseTrack& track, const LeasePtr& lease);
  // A lease that ended without an event of its own, or was bound without one.
  void LookAt(LeaseTrack& track);
  void Over(LeaseTrack& track);
  // Of a deferred one that is answered now.
  void LookAtDeferred(LeaseTrack& track,
                      const absl::StatusOr<LeasePtr>& answer);
  void EndEarly(LeaseTrack& track, const ExitCause& cause);
  void Ended(LeaseTrack& track);
  void OrderEnds();
  void OnExited(LeaseTrack& track, const absl::Status& exit_status);
  void CheckMayClose(const InstanceTrack& instance);
  void BoundTo(LeaseTrack& track, InstanceTrack& instance);
  // It is not entered: what its Enter had bound it to is free.
  void Unbound(LeaseTrack& track);
  void EnteredNow(LeaseTrack& track);
  void CheckDecision(const LeaseTrack& track);
  void CheckReceipt(LeaseTrack& track);
  void CheckFailure(LeaseTrack& track, const absl::Status& status);
  // That a constructor, or an init, that failed is tried as init_retry says:
  // this is the call number `attempt`.
  void CheckAttempt(const InstanceTrack& instance, int attempt);
  void MakeEnds(HookCall& call, const absl::Status& status);
  void CheckMakeStopped(const HookCall& call);
  // An awaited constructor has failed for good.
  void Unmade(InstanceTrack& instance, const absl::Status& status);
  // The object died before its constructor had ended.
  void LostWhileMade(InstanceTrack& instance, const absl::Status& status);
  // Who is told why this init, or constructor, failed.
  void ForetellInitFailure(const HookCall& call, std::string message);
  void ForetellWaiters(const HookCall& call, const std::string& message);
  void Foretell(LeaseTrack& track, const std::string& message) const;
  void InitFailed(InstanceTrack& instance, const absl::Status& status);
  void InitSucceeded();
  bool BreakerAllows() const;

  // False: it is over.
  bool CheckLive(LeaseTrack& track);
  void CheckWaiting(LeaseTrack& track);
  void CheckEntering(LeaseTrack& track);
  void CheckPlaces(const Pool::Census::Line& line);
  void CheckDeferred(const Pool::Census::Line& line);
  void CheckHeld(LeaseTrack& track);
  void CheckCalls();
  void CheckCensus();
  void CheckLine(const Pool::Census& census, const Pool::Census::Line& line);
  void CheckRoomIsMade(const Pool::Census& census);
  void CheckSeat(const Pool::Census::Seat& seat);
  // One whose constructor runs.
  void CheckMaking(const Pool::Census::Line& line,
                   const Pool::Census::Seat& seat);
  void CheckIdling(const Pool::Census::Seat& seat,
                   const InstanceTrack& instance);
  bool IsOverdue(const Pool::Census::Seat& seat) const;
  void CheckCallers(const std::string& key, std::size_t waiting);
  // Its init has failed, and is to be tried again.
  bool AwaitsRetry(const InstanceTrack& instance) const;
  // Of a constructor or an init that runs.
  bool InitIsDeaf(const InstanceTrack& instance) const;
  void CheckSpares(const Pool::Census::Line& line);
  std::size_t slots() const {
    return policy_.max_holders == 0
               ? 1'000'000
               : static_cast<std::size_t>(policy_.max_holders);
  }
  // Of a census: will take waiters later; and how many those will serve.
  bool UnderWay(const Pool::Census::Seat& seat) const;
  std::size_t SlotsLeft(const Pool::Census::Seat& seat) const {
    return slots() - static_cast<std::size_t>(seat.bound);
  }
  std::size_t Served(const Pool::Census::Line& line) const;
  std::size_t Unserved(const Pool::Census::Line& line) const {
    return line.waiting - std::min(line.waiting, Served(line));
  }
  std::size_t AllUnserved() const;
  bool HasRoom(const std::string& key) const;

  const coro::Runtime runtime_;
  const std::uint64_t seed_;
  const Policy policy_;
  const std::chrono::nanoseconds idle_timeout_;
  const std::chrono::nanoseconds revoke_notice_;
  const Hooks hooks_;
  const bool checks_;
  bool tells_ = false;
  std::string violation_;
  TraceHash hash_;
  coro::Instant drain_at_ = coro::kNever;
  std::function<void()> read_log_;
  const Pool* pool_ = nullptr;
  mutable Pool::Census census_;

  std::deque<InstanceTrack> instances_;
  std::vector<InstanceTrack*> existing_;  // constructed, not destroyed
  std::deque<LeaseTrack> attempts_;
  std::vector<LeaseTrack*> live_;  // neither over nor answered in vain
  std::vector<HookCall*> calls_;
  // Who waits, in the order of their turns.
  std::array<std::vector<LeaseTrack*>, 8> queues_;
  // (sequence, phase) that sinks were given and the log has not shown yet.
  std::deque<std::pair<std::uint64_t, Phase>> sunk_;
  std::deque<UseTrack> uses_;
  std::uint64_t last_sent_ = 0;
  absl::flat_hash_map<std::string, LeaseTrack*> named_;  // by lease name
  LeaseTrack* acquiring_ = nullptr;
  coro::Instant forced_at_ = coro::kNever;
  std::uint64_t ended_ = 0;
  // Since the ends were ordered last; and whether an event told of each.
  std::vector<LeaseTrack*> just_ended_;
  bool end_untold_ = false;
  // By request id: the lease that it was last answered with.
  std::map<std::string, LeasePtr> requested_;
  std::uint64_t idle_spells_ = 0;
  std::uint64_t unserved_before_ = 0;
  bool room_before_ = false;
  bool with_requests_ = false;
  bool with_deferred_scopes_ = false;
  BreakerModel breaker_;
  // As it was before an object without an Init was constructed last.
  BreakerModel before_constructed_;
  coro::Instant init_failed_at_ = coro::Instant::min();
  // Tokens given out, less the first.
  std::uint64_t first_token_;
  std::vector<bool> tokens_;
  std::uint64_t built_before_ = 0;
  // When waiters were told their new places last.
  coro::Instant told_places_at_ = coro::kNever;
};

}  // namespace anteroom::lifecycle

#endif  // ANTEROOM_TESTS_SIMULATION_WITNESS_H_
