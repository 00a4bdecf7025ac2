// Lease: one holder's right to use one instance, from enter to exit.
//
// Invariants:
//  1. Transition() is the only writer of the state (lease_state.h has the
//     table); the events of the lease hang on it.
//  2. DecideExit() is true for exactly one caller: the lease's end is decided
//     once, and whoever decided it sees the exit through.
//  3. A Use begins only while the lease is HELD; EXITING ends only after the
//     last Use has ended (UsesEnded()).
//  4. The receipt is written once, before ended() is set.
//
// A lease is a record with gates: the pool that made it runs the hooks.
//
// There may be a million: their memory is LeaseTable's, what most have not, or
// not for long, stands apart, what their pool knows is asked there, and a
// reference is one pointer.
//
// Thread safety: all methods, from any thread. Takes no lock but its own, and
// the event log's and LeaseTimers' inside it.
#ifndef ANTEROOM_SERVER_LIFECYCLE_LEASE_H_
#define ANTEROOM_SERVER_LIFECYCLE_LEASE_H_

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <new>
#include <optional>
#include <stop_token>
#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/coro/event.h"
#include "server/coro/mutex.h"
#include "server/coro/ref.h"
#include "server/coro/runtime.h"
#include "server/coro/task.h"
#include "server/coro/timing_wheel.h"
#include "server/coro/waiter.h"
#include "server/lifecycle/event.h"
#include "server/lifecycle/labels.h"
#include "server/lifecycle/lease_id.h"
#include "server/lifecycle/lease_state.h"
#include "server/lifecycle/low_bytes.h"
#include "server/lifecycle/packed_strings.h"
#include "server/lifecycle/payload.h"
#include "server/lifecycle/receipt.h"
#include "server/lifecycle/resource.h"
#include "server/lifecycle/small_duration.h"

namespace anteroom::lifecycle {

class Instance;
class Pool;
struct Policy;

// What a client asks for.
struct AcquireOptions {
  std::string key;
  // 0: the policy's default; more than its maximum is clamped.
  absl::Duration ttl = absl::ZeroDuration();
  Payload argument;
  // Refuse with WOULD_WAIT rather than queue for a free instance. An init may
  // still be awaited.
  bool no_wait = false;
  // Higher ones are served first.
  std::int32_t priority = 0;
  std::string holder;
  Labels labels;
  // The lease lives as long as a stream: it has no TTL.
  bool stream_bound = false;
  // DEFERRED: the acquire answers as soon as the lease is bound, ENTERING; its
  // first Use awaits init and enter.
  bool deferred = false;
  // When a deferred enter must have ended: no caller waits for it.
  coro::Instant enter_by = coro::kNever;
  // What makes the acquire retry-safe (request_index.h): identity and request
  // id, and what tells other arguments apart. Empty: nothing does.
  std::string request;
  std::string arguments;
  // Receives the lease's events; null: nobody does.
  std::shared_ptr<EventSink> sink;
};

// What a client is shown.
struct LeaseView {
  LeaseState state = LeaseState::kWaiting;
  std::uint64_t fencing_token = 0;  // 0: not bound yet
  absl::Duration ttl;
  absl::Time create_time;  // to the hundredth of a second
  // Infinite future: it does not expire by itself.
  absl::Time expire_time;
  // When it will be taken; infinite future: nobody said so.
  absl::Time revoke_time;
  std::string instance_id;
  Payload value;
  std::optional<Receipt> receipt;  // set once ENDED
};

// Made by LeaseTable::Make(). Nobody but the table refers to one any more when
// its pool goes. Its times are right for the first four years that it is held.
class Lease : public coro::Counted<Lease> {
 public:
  // Where it is in its table, for as long as it lives; of its timer, too.
  using Place = coro::TimerNode::Index;
  static constexpr Place kNoPlace = coro::TimerNode::kNoIndex;  // no lease's
  // The next of a list, and the one before.
  struct Links {
    Place next = kNoPlace;
    Place previous = kNoPlace;
  };

  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;
  ~Lease();
  // The last reference is gone: its memory is free for another.
  static void operator delete(Lease* lease, std::destroying_delete_t);

  // The secret capability, and how a client writes it.
  LeaseId secret() const {
    return {secret_, static_cast<std::uint32_t>(number_.low()), place_};
  }
  std::string id() const { return secret().Text(); }
  Place place() const { return place_; }
  std::uint64_t number() const;
  // The public one: "resource/number".
  std::string name() const;
  const std::string& resource() const;
  absl::string_view key() const { return WordAt(Word::kKey); }
  absl::string_view holder() const { return WordAt(Word::kHolder); }
  Labels labels() const;
  // Identity and request id; empty: the acquire had none.
  absl::string_view request() const { return WordAt(Word::kRequest); }
  // What tells its other arguments apart from another acquire's.
  absl::string_view arguments() const { return WordAt(Word::kArguments); }
  bool no_wait() const { return asked_.no_wait; }
  std::int32_t priority() const;
  bool stream_bound() const { return asked_.stream_bound; }
  bool deferred() const { return asked_.deferred; }
  // REQUIRES: deferred().
  coro::Instant enter_by() const;
  std::uint64_t fencing_token() const;  // 0: it was not bound
  // What its hooks are told of it.
  LeaseInfo info() const;
  Pool& pool() const;
  // Null once it has ended, or if nobody listens.
  std::shared_ptr<EventSink> sink() const;
  // What its enter is given; moved out.
  Payload TakeArgument();

  LeaseState state() const { return state_.load(std::memory_order_acquire); }
  // LEASE_ENDED, with metadata `exit_reason`, once its end is decided.
  absl::Status CheckLive() const;
  LeaseView View() const;

  // WAITING: announces its place in the queue (1: next).
  void Queued(int position);
  // WAITING -> ENTERING: `instance` is its own from now on, and stays until it
  // has ended.
  void Bind(Instance& instance, std::uint64_t fencing_token);
  // ENTERING -> HELD: the ttl starts, now. How it is to end at once, if its end
  // was asked for meanwhile. AnnounceEntered() follows.
  std::optional<ExitCause> Enter(Payload value, coro::Instant now);
  void AnnounceEntered();
  // WAITING or ENTERING -> ENDED without exit, for ENTER_FAILED unless its end
  // was asked for. The event FAILED carries `status`; `announce` false: the
  // instance's own FAILED has told it already. AnnounceEnd() follows, if
  // anybody knows it.
  void Fail(const absl::Status& status, bool announce);

  // HELD -> EXITING, now. True for the one call that decided; the caller must
  // then have the exit run.
  bool DecideExit(ExitCause cause, coro::Instant now);
  // Announces that the exit hook is about to be called. REQUIRES: EXITING.
  void BeginExit();
  // EXITING -> ENDED, now. AnnounceEnd() follows.
  void End(bool suppressed, absl::Status exit_status, int attempts,
           coro::Instant now);
  void AnnounceEnd();

  // REQUIRES: EXITING.
  ExitCause cause() const;
  // From ENTERING on, until it has ended; null before and after. It stays until
  // its pool has unbound the lease, which is later. REQUIRES, where it is
  // looked at: the lease is not ended meanwhile, or the pool's mutex is held.
  Instance* instance() const;
  // What its enter returned; empty before and after.
  Payload value() const;
  // Set once ENDED, and its instance is free for the next (unless an exit hook
  // that outlived exit_timeout still holds it).
  coro::Event& ended();
  // Whether it is: for who need not wait.
  bool has_ended() const;
  // Calls `call` with the receipt when it is, within AnnounceEnd(); at once if
  // it is already. Once. REQUIRES: stream_bound().
  using EndCall = absl::AnyInvocable<void(const Receipt&) &&>;
  void OnEnd(EndCall call);
  // REQUIRES: ENDED.
  Receipt receipt() const;
  // Prefetch what is kept of it, the second where the first one has. REQUIRES:
  // ENDED.
  void PrefetchApart() const;
  void PrefetchRare() const;

  // Stops its enter; the lease ends with `cause` as soon as that has ended.
  // False, without effect, unless ENTERING. The first cause stands.
  bool AbortEnter(ExitCause cause);
  // REQUIRES: ENTERING.
  std::stop_token enter_stop();
  // Waits until its enter has ended: OK at once where it has, else the enter's
  // own failure, CANCELLED or DEADLINE_EXCEEDED. REQUIRES: deferred(). Resumes
  // on the executor if it waited.
  coro::Task<absl::Status> AwaitEntered(std::stop_token stop,
                                        coro::Instant deadline);

  // Counts a Use in and announces it; the instance that it is on, which stays
  // until it is counted out. LEASE_ENDED, with metadata `exit_reason`, unless
  // HELD; STALE_FENCING_TOKEN if `fencing_token` is neither 0 nor its.
  absl::StatusOr<Instance*> BeginUse(absl::string_view method,
                                     std::uint64_t fencing_token);
  // Counts a Use out. True: it had put the expiry off; look at DecideEnd().
  bool EndUse();
  // Whether a Use runs.
  bool in_use() const;
  // Waits until no Use runs any more. REQUIRES: EXITING. Resumes on the
  // executor if it waited.
  coro::Task<coro::Wake> UsesEnded(coro::Instant deadline);
  // Stops the Uses that look at use_stop().
  void CancelUses();
  // The same, because its object is lost: `why`, with reason INSTANCE_LOST. Its
  // end is for the caller to decide.
  void Lose(const absl::Status& why);
  // OK: its object is not lost, as far as it was told.
  absl::Status loss() const;
  std::stop_token use_stop();

  // Restarts the time to live; `ttl` 0 keeps its length. LEASE_ENDED unless
  // HELD, or ENTERING: then it has not started yet.
  absl::Status Renew(absl::Duration ttl);
  // It will be taken at `when`, and its holder is told (REVOKING). The earliest
  // such decision stands; max_hold is one. No effect unless HELD.
  void Revoke(coro::Instant when, ExitReason reason);
  // What time has decided: true if the lease is to end now, by its time to live
  // (which running Uses put off to the policy's max_ttl after the last renewal)
  // or because it is taken; it is EXITING then, and the caller must have the
  // exit run. Else it is scheduled to be looked at again, if it may ever end by
  // itself.
  bool DecideEnd(coro::Instant now);
  // Of the pool's LeaseTimers, and guarded by their lock.
  coro::TimerNode& timer() { return timer_; }
  // Of its instance's BoundLeases, and guarded by the pool's mutex.
  Links& bound_links() { return bound_links_; }

 private:
  friend class LeaseTable;

  // `number` is its public name's.
  Lease(Pool& pool, std::uint64_t secret, Place place, std::uint64_t number,
        AcquireOptions&& options);

  struct Deferred {
    Deferred(const coro::Runtime& runtime, coro::Instant enter_by)
        : enter_by(enter_by), entered(runtime) {}

    const coro::Instant enter_by;
    coro::Event entered;  // set once its enter has ended
  };
  // What its client said of it, word by word; empty where that was nothing.
  // From kLabels on, each label's key and then its value.
  enum class Word : std::uint8_t {
    kKey,
    kHolder,
    kRequest,
    kArguments,
    kPriority,  // empty: 0
    kLabels
  };
  // What matters until it is entered.
  struct Entering {
    Payload argument;
    // Made when somebody looks at it.
    std::stop_source stop{std::nostopstate};
    // Its end was asked for while ENTERING.
    std::optional<ExitCause> early_end;
  };
  // Of 8 bytes, where absl::Duration and absl::Time take 12.
  using Nanoseconds = std::chrono::nanoseconds;

  // What it has only for a while, or that few have, or only from its end on:
  // then it is what is kept of the lease.
  struct Rare {
    std::shared_ptr<EventSink> sink;
    EndCall on_end;
    std::unique_ptr<Entering> entering;
    std::unique_ptr<Deferred> deferred;  // stays
    // What its enter returned, where that is not empty.
    std::unique_ptr<Payload> value;
    std::unique_ptr<coro::Event> ended;
    // Made when the first Use asks for it, or when Uses are cancelled.
    std::stop_source use_stop{std::nostopstate};

    // How it is to end.
    coro::Instant revoke_at = coro::kNever;  // as decided; max_hold apart
    ExitReason revoke_reason = ExitReason::kRevoked;
    absl::Status loss;
    ExitCause cause;
    // Made when the exit finds Uses running.
    std::shared_ptr<coro::Event> uses_ended;

    // How it ended: its receipt, whose reason is the cause's.
    bool error_suppressed = false;
    int attempts = 0;
    absl::Status exit_status;
    Nanoseconds held{0};  // known from the decision on
    coro::Instant exiting_since;
    Nanoseconds exited{0};
    Nanoseconds end_time{0};  // since the Unix epoch
    absl::Status enter_failure;
    std::uint64_t instance_number = 0;  // that it was on; 0: none
  };
  struct Apart {
    const PackedStrings words;
    std::unique_ptr<Rare> rare;  // guarded as the lease is
  };

  static PackedStrings PackWords(const AcquireOptions& options);
  absl::string_view WordAt(Word word) const;
  EventSink* raw_sink() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    return kept().sink.get();
  }
  // Set once its enter has ended. REQUIRES: deferred().
  coro::Event& entered() const;
  // What the methods above say of themselves, for those that have the lock.
  Pool& home() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  std::string name_locked() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  std::uint64_t number_locked() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  std::uint64_t fencing_token_locked() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Null: it is not bound.
  Instance* bound_to() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    return noted_.bound ? home_.instance : nullptr;
  }
  const coro::Runtime& runtime() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  const Policy& policy() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  // These make what there is not yet.
  Rare& rare() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  Entering& entering() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  std::stop_source& use_stop_source() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // What there is; of nothing, the defaults.
  const Rare& kept() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // REQUIRES: ENDED.
  Receipt MakeReceipt() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Transition(LeaseState to) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void LetGo() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // The event's date.
  absl::Time Emit(Phase phase,
                  std::shared_ptr<const EventDetails> details = nullptr,
                  int position = 0) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // When its time to live is over, put off by running Uses.
  coro::Instant Expiry(coro::Instant now) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // When it was entered, or renewed last. REQUIRES: HELD, or EXITING.
  coro::Instant EnteredAt(coro::Instant now) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  coro::Instant RenewedAt(coro::Instant now) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // When it will be taken, by decision or max_hold. REQUIRES: HELD.
  coro::Instant RevokeAt(coro::Instant now) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // When its holder is told that it will be taken then.
  coro::Instant NoticeOf(coro::Instant revoke_at) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void TellRevoking() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::Time WallAt(coro::Instant instant, coro::Instant now) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // To EXITING.
  void BeginExiting(ExitCause cause, coro::Instant now)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  static absl::Duration Clamp(absl::Duration ttl, const Policy& policy);
  absl::Status EndedError() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  // First, beside the references.
  struct Noted {
    std::uint32_t uses : 28 = 0;  // that run: more would not fit into memory
    bool bound : 1 = false;
    bool told_revoking : 1 = false;
    bool put_off : 1 = false;  // it was looked at while Uses ran
    bool announced_end : 1 = false;
  };
  Noted noted_ ABSL_GUARDED_BY(mu_);
  const std::uint64_t secret_;
  // The instance that it is bound to, and that knows the pool; else the pool.
  union Home {
    Pool* pool;
    Instance* instance;
  };
  Home home_ ABSL_GUARDED_BY(mu_);
  // Made, under mu_, when there is anything to be put there.
  std::atomic<Apart*> apart_ = nullptr;
  const Place place_;
  // Its last renewal was so long after its enter.
  SmallDuration renewed_after_ ABSL_GUARDED_BY(mu_);
  SmallDuration ttl_ ABSL_GUARDED_BY(mu_);
  Links bound_links_;
  // What follows begins in its last bytes.
  [[no_unique_address]] coro::TimerNode timer_;
  // Both near the pool's first_number(); a token that is equal to it is none.
  const LowBytes<6> number_;
  LowBytes<6> fencing_token_ ABSL_GUARDED_BY(mu_);
  const LowBytes<5> create_time_;                // hundredths of a second
  LowBytes<6> entered_at_ ABSL_GUARDED_BY(mu_);  // microseconds, rounded up
  // Written under mu_.
  std::atomic<LeaseState> state_ = LeaseState::kWaiting;
  struct Asked {
    bool no_wait : 1;
    bool stream_bound : 1;
    bool deferred : 1;
  };
  const Asked asked_;
  mutable coro::ByteMutex mu_;
};
#ifndef ABSL_HAVE_THREAD_SANITIZER  // whose mutex is larger
static_assert(sizeof(Lease) == 88);
#endif

// Whoever has it keeps it.
using LeasePtr = coro::Ref<Lease>;

}  // namespace anteroom::lifecycle

#endif  // ANTEROOM_SERVER_LIFECYCLE_LEASE_H_
