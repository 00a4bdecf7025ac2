// RandomWorld: one resource under a random policy, objects that behave at
// random, and clients that come, use, renew, release, are revoked and leave at
// random, until a drain ends it all; decided by one seed. A Witness checks the
// guarantees of the contract as it goes.
//
// Thread safety: none.
#ifndef ANTEROOM_TESTS_SIMULATION_RANDOM_WORLD_H_
#define ANTEROOM_TESTS_SIMULATION_RANDOM_WORLD_H_

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "server/lifecycle/anteroom.h"
#include "tests/simulation/chance.h"
#include "tests/simulation/random_calls.h"
#include "tests/simulation/random_kind.h"
#include "tests/simulation/random_scope.h"
#include "tests/simulation/witness.h"
#include "tests/support/manual_runtime.h"

namespace anteroom::lifecycle {

// What one world came to.
struct WorldReport {
  // The first broken guarantee, with the seed; empty: none.
  std::string violation;
  // Stands for every hook call, event and answer, with their times.
  std::uint64_t hash = 0;
  // Acquires that were answered, or whose caller left.
  std::uint64_t scopes = 0;
  // Those that got a lease.
  std::uint64_t granted = 0;
};

// The whole story of one seed. `checks` false: nobody watches; what is left of
// the report are the counts. `tells`: on stderr, too.
WorldReport RunRandomWorld(std::uint64_t seed, bool checks = true,
                           bool tells = false);

class RandomWorld {
 public:
  RandomWorld(std::uint64_t seed, bool checks, bool tells);
  ~RandomWorld() { witness_.LetGo(); }
  RandomWorld(const RandomWorld&) = delete;
  RandomWorld& operator=(const RandomWorld&) = delete;

  // Once.
  WorldReport Run();

 private:
  // One acquire whose story is not over.
  struct Client {
    LeaseTrack* track;
    std::stop_source stop;
    LeasePtr lease;  // once it was given one
    bool answered = false;
  };

  coro::Runtime runtime() { return world_.runtime(); }
  bool Fine() const { return witness_.violation().empty(); }
  std::string PickRequest(const AcquireOptions& options);
  AcquireOptions PickOptions(LeaseTrack& track);
  std::size_t clients() const { return clients_.size() + scopes_.size(); }

  // Steps.
  void Step();
  void Come();
  void LeaveOne();
  void ReleaseOne();
  void ReleaseEnded();
  void UseOne();
  void PassOnAScope();
  void RenewOne();
  void RevokeOne();
  void ComeByStream();
  void ActOnAScope();
  void RevokeListed();
  void EvictOne();
  void Explain();
  void BeginDrainWithin();
  void ViewOne();
  void BeginDrain();
  // The client of a lease; null if the one that chance picked has none.
  Client* PickHolder();
  void ForgetOver();
  ExitCause PickCause();

  // What the calls do when they are answered.
  coro::Task<void> Acquire(std::shared_ptr<Client> client,
                           AcquireOptions options, absl::Duration max_wait,
                           coro::Instant deadline);
  coro::Task<void> Release(LeasePtr lease, LeaseTrack* track, ExitCause cause,
                           std::stop_token stop);
  coro::Task<void> ReleaseAgain(LeaseTrack* track, bool kept);
  coro::Task<void> Watch();
  coro::Task<void> Drain();
  coro::Task<void> DrainWithin(std::string resource, std::stop_token stop,
                               coro::Instant deadline);

  // Runs what can run without time passing, and checks.
  void RunUntilIdle();
  // Moves time on, from timer to timer.
  void Advance(absl::Duration by);
  void MoveTo(coro::Instant when);
  void ReadLog();
  void RunToTheEnd();

  Chance chance_;
  testing::ManualRuntime world_;
  const Hooks hooks_;
  const Policy policy_;
  const bool with_requests_;
  const bool with_streams_;
  const bool with_deferred_;
  const bool with_operator_;
  const bool with_losses_;
  const bool with_passes_;
  const bool with_making_;
  Anteroom::Options options_;
  Witness witness_;
  std::unique_ptr<Anteroom> anteroom_;
  Pool* pool_ = nullptr;
  RandomKind* kind_ = nullptr;  // the pool's
  coro::TaskGroup calls_;
  std::stop_source watch_stop_;
  std::vector<std::shared_ptr<Client>> clients_;
  std::vector<std::shared_ptr<RandomScope>> scopes_;
  std::unique_ptr<RandomCalls> uses_;
  std::deque<LeaseTrack*> ended_;
  std::deque<LeasePtr> ended_leases_;
  std::uint64_t next_event_;
  std::vector<Event> read_;       // of the log, at last
  std::uint64_t watched_to_ = 0;  // 0: there is no watcher
  std::uint64_t requests_ = 0;
  WorldReport report_;
  bool drain_began_ = false;
  bool drain_awaited_ = false;
  bool drained_ = false;
};

}  // namespace anteroom::lifecycle

#endif  // ANTEROOM_TESTS_SIMULATION_RANDOM_WORLD_H_
