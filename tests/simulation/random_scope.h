// RandomScope: a client that holds a lease by streams: it acquires, uses,
// cancels, acknowledges, releases, half-closes, loses its stream with some of
// what was on its way in both directions, and resumes the scope by its lease or
// by the same acquire, all as chance has it. It checks what every stream is
// told, when it is told.
//
// Thread safety: none.
#ifndef ANTEROOM_TESTS_SIMULATION_RANDOM_SCOPE_H_
#define ANTEROOM_TESTS_SIMULATION_RANDOM_SCOPE_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "server/lifecycle/anteroom.h"
#include "server/lifecycle/scope.h"
#include "server/lifecycle/scope_runner.h"
#include "tests/simulation/chance.h"
#include "tests/simulation/witness.h"

namespace anteroom::lifecycle {

class RandomScope : public std::enable_shared_from_this<RandomScope> {
 public:
  struct World {
    coro::Runtime runtime;
    Anteroom& anteroom;
    Witness& witness;
    Chance& chance;
    const Policy& policy;
    // Runs what can run without time passing.
    std::function<void()> settle;
  };

  RandomScope(const World& world, LeaseTrack& track)
      : world_(world), track_(track) {}

  // Once, before all else; the world has told the witness of the acquire.
  void Begin(Scope::AcquireRequested acquire, coro::Instant deadline);
  // Something that the client does.
  void Act();
  // REQUIRES: nothing can run without time passing.
  void CheckIdle();
  // Nothing more will come of it.
  bool Over() const;
  bool granted() const { return entered_told_; }
  // Null until a stream was told of it.
  const LeasePtr& lease() const { return lease_; }

 private:
  class Stream;
  struct Call {
    UseTrack* use = nullptr;
    bool invalid = false;
    bool arrived = false;      // a stream that the scope had has said it
    bool before_exit = false;  // before its exit was announced
    bool answered = false;     // as the client knows
    bool acknowledged = false;
  };
  // Events by their sequence, replies by their call id.
  using Message = std::pair<bool, std::uint64_t>;

  bool Attached() const;
  bool LeaseEnded() const;
  bool AcquireFailed() const;
  std::shared_ptr<Stream> NewStream(std::uint64_t after, bool by_acquire);
  // To the scope, or into `together_`.
  void Say(Scope::Input input);
  std::vector<Scope::Input> PutTogether();
  void SendUse(std::uint64_t call_id);
  std::vector<std::uint64_t> Unanswered() const;
  bool MayResume() const;
  UseTrack& MakeUse(bool arrives);
  void NewUse(bool arrives);
  void UseALiveId();
  void UseOnAnOldStream();
  void CancelOne();
  void Acknowledge();
  // `certain`: at a time when nothing else can come first, so that it is known
  // what comes of it.
  void Release(bool certain);
  void ReleaseByLease();
  void HalfClose();
  void Malform();
  void Break();
  void Resume();
  void WatchDeadline();
  void Back();
  void ExpectAllEvents(const Stream& stream);
  void CheckExitFollows(const Stream& stream, Phase phase);
  void ResumeByLease();
  void ResumeByAcquire();
  // Calls that an acquire which found its scope has no answers to.
  void SendAgain();
  // The client reads what it was told; `all` false: some of it.
  void Read(bool all);
  // Time for those that wait for it to come back.
  void LeavesAt(coro::Instant when, bool gone);

  // What its streams are told.
  void OnEntered(const LeasePtr& lease);
  void OnUsed(Stream& stream, std::uint64_t call_id,
              const absl::StatusOr<Payload>& result);
  void OnExited(Stream& stream, const Receipt& receipt);
  void OnFinish(Stream& stream, const absl::Status& status);
  // That what was told before is told again in its order.
  void InOrder(Stream& stream, Message message);
  void Expect(bool promise, const char* what) {
    if (!world_.witness.checks()) return;
    world_.witness.Expect(promise, what, track_.number);
  }
  coro::Instant Now() const { return world_.runtime.clock.Now(); }

  const World world_;
  LeaseTrack& track_;
  Scope::AcquireRequested acquire_;
  absl::Duration grace_;
  std::shared_ptr<ScopeRunner> runner_;
  std::shared_ptr<Stream> stream_;  // the last
  std::vector<std::shared_ptr<Stream>> old_;
  // What is said in one message, while it is put together.
  std::optional<std::vector<Scope::Input>> together_;
  std::map<std::uint64_t, Call> calls_;
  std::uint64_t last_call_ = 0;
  std::uint64_t again_ = 0;  // a live call whose id was said for another
  std::map<Message, std::uint64_t> told_;  // in which order
  std::uint64_t last_told_ = 0;
  LeasePtr lease_;  // once a stream was told
  bool entered_told_ = false;
  bool exited_told_ = false;
  // What the client has read.
  bool knows_lease_ = false;
  std::uint64_t read_sequence_ = 0;
  // What it has done.
  bool released_ = false;
  bool half_closed_ = false;
  bool half_closed_waits_ = false;  // its grace runs, though it has a stream
  bool malformed_ = false;
  bool broken_ = false;    // the stream that it has
  bool gives_up_ = false;  // will not come back
  bool refused_ = false;   // its acquire, or its last try to come back
  bool abandoned_ = false;
  bool spent_ = false;  // its grace was over while it had a stream
  coro::Instant lingers_until_ = coro::Instant::min();
};

}  // namespace anteroom::lifecycle

#endif  // ANTEROOM_TESTS_SIMULATION_RANDOM_SCOPE_H_
