// Scope: what a With stream does, as a pure state machine. It takes what
// arrives (the client's requests, the lifecycle's answers) and says what to do
// next; it runs no hook and owns no stream, no thread and no clock, so that the
// stream and a simulation drive the very same code.
//
//   OPENING -> ACQUIRING -> HELD -> EXITING -> LINGERING -> DONE
//   OPENING -> DONE       the first request was not an acquire, or none came
//   ACQUIRING -> DONE     the acquire failed
//   ACQUIRING -> EXITING  (by HELD) release came before entered
//   EXITING -> DONE       it has no grace: nobody may come back for its end
//
// Rules:
//  - Uses and a release sent before `entered` queue up and run after it, in
//    their order. Uses run side by side.
//  - Uses that are asked for and not answered are bounded, in number and in the
//    bytes of their arguments: one more is QUOTA_EXCEEDED in its reply, so that
//    a release or a cancel behind it is always heard.
//  - A call id that is live again is INVALID_REQUEST in its reply; a use after
//    release is LEASE_ENDED in its reply.
//  - A release as CANCELLED before `entered` does not wait for it: it leaves.
//  - A half-close or a broken stream without a release ends the scope with
//    DISCONNECTED; a broken stream cancels what runs.
//  - `exited` is the last reply: it, and the events EXITING and EXITED, wait
//    until every live use has been answered.
//  - Whatever is said after the scope was ended changes nothing.
//
// A scope with a disconnect_grace outlives its stream by that long, and its end
// too: another stream may resume it. One with a request id may be taken over by
// the same acquire, while it has a stream.
//  - Its events, and its replies until they are acknowledged, are kept, bounded
//    in number and bytes, and told again to the stream that takes it over.
//  - A use is never run twice: one that arrived is answered by its one run, one
//    that did not by CALL_NOT_RECEIVED, and is not run any more unless sent
//    again; one whose reply was dropped at the bounds by REPLY_LOST.
//  - Before `entered` it outlives its stream only if it has a request id:
//    nobody could name it else.
//
// Thread safety: none; one driver at a time.
#ifndef ANTEROOM_SERVER_LIFECYCLE_SCOPE_H_
#define ANTEROOM_SERVER_LIFECYCLE_SCOPE_H_

#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <variant>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/inlined_vector.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/lifecycle/event.h"
#include "server/lifecycle/kept.h"
#include "server/lifecycle/lease.h"
#include "server/lifecycle/payload.h"
#include "server/lifecycle/receipt.h"

namespace anteroom::lifecycle {

class Scope {
 public:
  // ---- what arrives ----

  // The client's requests.
  struct AcquireRequested {
    std::string resource;
    AcquireOptions options;
    absl::Duration max_wait = absl::InfiniteDuration();
    // How long the scope outlives its stream; 0: not at all.
    absl::Duration disconnect_grace = absl::ZeroDuration();
    // Whether the stream carries the lease's events.
    bool events = true;
  };
  // The call of a method: what is asked for, then what came of it.
  struct Use {
    std::uint64_t call_id = 0;
    std::string method;
    Payload argument;
    // Not OK: it is no valid call; its reply says so.
    absl::Status invalid;
    // Of its reply.
    absl::StatusOr<Payload> result;
  };
  struct CancelRequested {
    std::uint64_t call_id = 0;
  };
  struct ReleaseRequested {
    ExitCause cause;
  };
  // Replies that the client has.
  struct Acknowledged {
    std::vector<std::uint64_t> call_ids;
  };
  // Another stream takes the scope over, in the place of one that it had.
  struct Resumed {
    // It has the events up to this one.
    std::uint64_t after_sequence = 0;
    // Calls whose replies it lacks; it has all others.
    std::vector<std::uint64_t> unanswered;
    // It came by the same acquire and has nothing yet: calls that it sends
    // again are those that have arrived.
    bool by_acquire = false;
  };
  // The client will say no more.
  struct HalfClosed {};
  // The stream is gone. `grace`: how long it might be waited for at most, which
  // is what was left of its deadline.
  struct Broken {
    absl::Duration grace = absl::InfiniteDuration();
  };
  // The grace that StartGrace began is over.
  struct GraceOver {
    std::uint64_t number = 0;
  };
  // Nobody will come back: the server goes away.
  struct Closing {};
  // A request that is none: the status says why.
  struct Malformed {
    absl::Status status;
  };
  // The lifecycle's answers. LeaseEnded follows an Acquired that is OK once the
  // lease has ended, by this scope's word or by others.
  struct Acquired {
    absl::StatusOr<LeasePtr> lease;
  };
  struct UseEnded {
    std::unique_ptr<Use> use;
  };
  struct LeaseEnded {
    std::shared_ptr<const Receipt> receipt;
  };
  struct Happened {
    std::unique_ptr<const Event> event;
  };
  // What is large, and handed on from one to the next, is kept apart.
  using Input =
      std::variant<std::unique_ptr<AcquireRequested>, std::unique_ptr<Use>,
                   CancelRequested, ReleaseRequested, Acknowledged, Resumed,
                   HalfClosed, Broken, GraceOver, Closing, Malformed, Acquired,
                   UseEnded, LeaseEnded, Happened>;

  // ---- what to do ----

  // Acquire; answer with Acquired.
  struct StartAcquire {
    std::unique_ptr<AcquireRequested> request;
  };
  // Stop the acquire under way; it still answers.
  struct StopAcquire {};
  // Call the method; answer with UseEnded.
  struct StartUse {
    std::unique_ptr<Use> use;
    std::stop_token stop;
  };
  // Stop the use under way, by its token; it still answers.
  struct StopUse {
    std::uint64_t call_id = 0;
    std::stop_source stop;
  };
  // End the lease.
  struct EndLease {
    ExitCause cause;
  };
  // Answer with GraceOver after so long; a later one, or a Resumed, makes it
  // void.
  struct StartGrace {
    std::uint64_t number = 0;
    absl::Duration grace;
  };
  // Replies, to be sent in this order on the stream that it has.
  struct SendEvent {
    std::unique_ptr<const Event> event;
  };
  struct SendEntered {
    LeasePtr lease;
  };
  struct SendUsed {
    std::unique_ptr<Use> use;
  };
  struct SendExited {
    std::shared_ptr<const Receipt> receipt;
  };
  // The stream ends with this status: the scope has none any more.
  struct Finish {
    absl::Status status;
  };
  using Effect = std::variant<StartAcquire, StopAcquire, StartUse, StopUse,
                              EndLease, StartGrace, SendEvent, SendEntered,
                              SendUsed, SendExited, Finish>;
  // Most inputs make no more necessary.
  using Effects = absl::InlinedVector<Effect, 2>;

  // What `input` makes necessary, in this order.
  Effects Handle(Input&& input);

  // Nothing changes it any more.
  bool done() const { return state_ == State::kDone; }
  // Its grace is over, or it had none: no stream may take it over any more.
  bool abandoned() const { return abandoned_; }
  // Bytes of the replies that it keeps for another stream.
  std::size_t kept_bytes() const {
    return kept_ == nullptr ? 0 : kept_->bytes();
  }
  // Its lease has ended; it waits only to tell that to a stream that resumes
  // it.
  bool lingering() const { return state_ == State::kLingering; }

 private:
  // A use that was started and has not ended.
  struct LiveUse {
    std::size_t bytes = 0;
    bool wanted = true;  // false: its stop was asked for
    std::stop_source stop;
  };
  enum class State { kOpening, kAcquiring, kHeld, kExiting, kLingering, kDone };

  void On(std::unique_ptr<AcquireRequested> input, Effects& effects);
  void On(std::unique_ptr<Use> input, Effects& effects);
  void On(CancelRequested input, Effects& effects);
  void On(ReleaseRequested input, Effects& effects);
  void On(const Acknowledged& input, Effects& effects);
  void On(const Resumed& input, Effects& effects);
  void On(HalfClosed input, Effects& effects);
  void On(const Broken& input, Effects& effects);
  void On(const GraceOver& input, Effects& effects);
  void On(Closing input, Effects& effects);
  void On(Malformed input, Effects& effects);
  void On(Acquired&& input, Effects& effects);
  void On(UseEnded&& input, Effects& effects);
  void On(LeaseEnded&& input, Effects& effects);
  void On(Happened&& input, Effects& effects);

  // Why a use is not even begun; OK: it is.
  absl::Status Refusal(const Use& use) const;
  bool IsLive(std::uint64_t call_id) const;
  void Start(std::unique_ptr<Use> use, Effects& effects);
  // Decides how the scope ends: with `cause` for the lease and `status` for the
  // stream. The first decision stands.
  void End(ExitCause cause, absl::Status status, Effects& effects);
  // Sends what waited for the last live use, once there is none.
  void Conclude(Effects& effects);
  // The end of a scope that has no lease.
  void FinishWith(absl::Status status, Effects& effects);
  // Ends it with DISCONNECTED: nobody is there, or comes back.
  void Abandon(Effects& effects);

  // Whether it may be resumed once its stream is gone.
  bool MayBeResumed() const;
  void BeginGrace(absl::Duration grace, Effects& effects);
  // To the stream, if there is one, and for the next.
  void Tell(SendEvent&& event, Effects& effects);
  void Tell(SendUsed&& reply, Effects& effects);
  bool keeps() const {
    return !abandoned_ && (grace_ > absl::ZeroDuration() || has_request_);
  }
  Kept& kept();
  // Nothing is known of the call any more.
  void Forget(std::uint64_t call_id);
  void TellEnd(Effects& effects);
  // What is known of a call that is neither live nor kept.
  absl::Status WhyUnanswered(std::uint64_t call_id) const;

  State state_ = State::kOpening;
  absl::flat_hash_map<std::uint64_t, LiveUse> live_;  // by call id
  std::list<std::unique_ptr<Use>> queued_;            // before `entered`
  std::size_t unanswered_bytes_ = 0;
  // How the scope is to end, once somebody said so.
  std::optional<ExitCause> cause_;
  absl::Status status_;
  bool abandoned_ = false;
  LeasePtr lease_;                          // once entered
  std::shared_ptr<const Receipt> receipt_;  // once the lease has ended
  // EXITING and what came after it: for when no use is live any more.
  std::vector<std::unique_ptr<const Event>> exit_events_;

  // ---- resuming ----
  absl::Duration grace_;  // 0: it ends with its stream
  bool has_request_ = false;
  bool attached_ = true;
  std::uint64_t grace_number_ = 0;
  bool grace_runs_ = false;
  // Null until there is something: most scopes end with their stream.
  std::unique_ptr<Kept> kept_;
};

}  // namespace anteroom::lifecycle

#endif  // ANTEROOM_SERVER_LIFECYCLE_SCOPE_H_
