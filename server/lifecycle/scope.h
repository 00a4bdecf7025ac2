// Scope: what a With stream does, as a pure state machine. It takes what
// arrives (the client's requests, the lifecycle's answers) and says what to do
// next; it owns no lease, no stream, no thread and no clock, so that the stream
// and a simulation drive the very same code.
//
//   OPENING -> ACQUIRING -> HELD -> EXITING -> DONE
//   OPENING -> DONE       the first request was not an acquire, or none came
//   ACQUIRING -> DONE     the acquire failed
//   ACQUIRING -> EXITING  (by HELD) release came before entered
//
// Rules:
//  - Uses and a release sent before `entered` queue up and run after it, in
//    their order. Uses run side by side.
//  - Uses that are asked for and not answered are bounded, in number and in the
//    bytes of their arguments: one more is QUOTA_EXCEEDED in its reply, so that
//    a release or a cancel behind it is always heard.
//  - A call id that is live again is INVALID_REQUEST in its reply; a use after
//    release is LEASE_ENDED in its reply.
//  - A half-close or a broken stream without a release ends the scope with
//    DISCONNECTED; a broken stream cancels what runs.
//  - `exited` is the last reply: it, and the events EXITING and EXITED, wait
//    until every live use has been answered.
//  - Whatever is said after the scope was ended changes nothing.
//
// Thread safety: none; one driver at a time.
#ifndef ANTEROOM_SERVER_LIFECYCLE_SCOPE_H_
#define ANTEROOM_SERVER_LIFECYCLE_SCOPE_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/lifecycle/event.h"
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
  };
  struct UseRequested {
    std::uint64_t call_id = 0;
    std::string method;
    Payload argument;
    // Not OK: it is no valid call; its reply says so.
    absl::Status invalid;
  };
  struct CancelRequested {
    std::uint64_t call_id = 0;
  };
  struct ReleaseRequested {
    ExitCause cause;
  };
  // The client will say no more.
  struct HalfClosed {};
  // The stream is gone, or its deadline has passed.
  struct Broken {};
  // A request that is none: the status says why.
  struct Malformed {
    absl::Status status;
  };
  // The lifecycle's answers.
  struct Acquired {
    absl::StatusOr<std::shared_ptr<Lease>> lease;
  };
  struct UseEnded {
    std::uint64_t call_id = 0;
    absl::StatusOr<Payload> result;
  };
  struct LeaseEnded {
    Receipt receipt;
  };
  struct Happened {
    Event event;
  };
  using Input = std::variant<AcquireRequested, UseRequested, CancelRequested,
                             ReleaseRequested, HalfClosed, Broken, Malformed,
                             Acquired, UseEnded, LeaseEnded, Happened>;

  // ---- what to do ----

  // Acquire; answer with Acquired.
  struct StartAcquire {
    AcquireRequested request;
  };
  // Stop the acquire under way; it still answers.
  struct StopAcquire {};
  // Call the method; answer with UseEnded.
  struct StartUse {
    UseRequested use;
  };
  // Stop the use under way; it still answers.
  struct StopUse {
    std::uint64_t call_id = 0;
  };
  // End the lease; LeaseEnded follows once its exit has run. It follows too
  // where the lease is ended by others.
  struct EndLease {
    ExitCause cause;
  };
  // Replies, to be sent in this order.
  struct SendEvent {
    Event event;
  };
  struct SendEntered {
    std::shared_ptr<Lease> lease;
  };
  struct SendUsed {
    std::uint64_t call_id = 0;
    absl::StatusOr<Payload> result;
  };
  struct SendExited {
    Receipt receipt;
  };
  // The stream ends with this status. The last effect.
  struct Finish {
    absl::Status status;
  };
  using Effect =
      std::variant<StartAcquire, StopAcquire, StartUse, StopUse, EndLease,
                   SendEvent, SendEntered, SendUsed, SendExited, Finish>;
  using Effects = std::vector<Effect>;

  // What `input` makes necessary, in this order.
  Effects Handle(Input input);

  // Finish has been said.
  bool done() const { return state_ == State::kDone; }

 private:
  // A use that was started and has not ended.
  struct LiveUse {
    bool wanted = true;  // false: its stop was asked for
    std::size_t bytes = 0;
  };
  enum class State { kOpening, kAcquiring, kHeld, kExiting, kDone };

  void On(AcquireRequested input, Effects& effects);
  void On(UseRequested input, Effects& effects);
  void On(CancelRequested input, Effects& effects);
  void On(ReleaseRequested input, Effects& effects);
  void On(HalfClosed input, Effects& effects);
  void On(Broken input, Effects& effects);
  void On(Malformed input, Effects& effects);
  void On(Acquired input, Effects& effects);
  void On(UseEnded input, Effects& effects);
  void On(LeaseEnded input, Effects& effects);
  void On(Happened input, Effects& effects);

  // Why a use is not even begun; OK: it is.
  absl::Status Refusal(const UseRequested& use) const;
  bool IsLive(std::uint64_t call_id) const;
  void Start(UseRequested use, Effects& effects);
  // Decides how the scope ends: with `cause` for the lease and `status` for the
  // stream. The first decision stands.
  void End(ExitCause cause, absl::Status status, Effects& effects);
  // Sends what waited for the last live use, once there is none.
  void Conclude(Effects& effects);
  void FinishWith(absl::Status status, Effects& effects);

  State state_ = State::kOpening;
  std::map<std::uint64_t, LiveUse> live_;  // by call id
  std::deque<UseRequested> queued_;        // before `entered`
  std::size_t unanswered_bytes_ = 0;
  // How the scope is to end, once somebody said so.
  std::optional<ExitCause> cause_;
  absl::Status status_;
  bool broken_ = false;
  std::optional<Receipt> receipt_;
  std::vector<Event> exit_events_;  // for when no use is live any more
};

}  // namespace anteroom::lifecycle

#endif  // ANTEROOM_SERVER_LIFECYCLE_SCOPE_H_
