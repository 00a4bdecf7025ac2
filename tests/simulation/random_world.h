// RandomWorld: one resource under a random policy, with hooks that are slow,
// fail or ignore their stop, and clients that come, use, release, renew and
// leave at random; all of it decided by one seed. The guarantees of the
// contract are checked as it goes and at its end.
#ifndef ANTEROOM_TESTS_SIMULATION_RANDOM_WORLD_H_
#define ANTEROOM_TESTS_SIMULATION_RANDOM_WORLD_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "server/lifecycle/anteroom.h"
#include "tests/lifecycle/lifecycle_test.h"
#include "tests/support/manual_runtime.h"
#include "tests/support/outcome.h"
#include "tests/support/scripted_kind.h"

namespace anteroom::lifecycle {

class RandomWorld {
 public:
  explicit RandomWorld(std::uint64_t seed);

  // Runs the whole story: some steps, a drain somewhere, the end. False, with
  // a test failure that names the seed, if a guarantee was broken.
  bool Run();

 private:
  // One acquire, and what became of it.
  struct Client {
    std::string key;
    std::int32_t priority = 0;
    bool has_request = false;
    bool left = false;
    std::stop_source stop;
    AcquireOutcome outcome;
  };
  // What the events so far say about an instance.
  struct Seen {
    std::string key;
    int inits = 0;
    int holders = 0;
    bool closed = false;
  };

  std::uint64_t Pick(std::uint64_t below) { return pick_() % below; }
  bool Chance(std::uint64_t one_in) { return Pick(one_in) == 0; }
  absl::Duration PickMilliseconds(std::uint64_t below) {
    return absl::Milliseconds(static_cast<std::int64_t>(Pick(below)));
  }

  void WriteScript();
  Policy PickPolicy();
  void Step();
  void Come();
  void ActOn(Client& client);
  void BeginDrain();
  // Reads the events that came since the last look.
  void Look();
  void LookAt(const Event& event);
  void LookAtEnd();

  const std::uint64_t seed_;
  std::mt19937_64 pick_;
  testing::ManualRuntime world_;
  testing::Script script_;
  Policy policy_;
  std::unique_ptr<Anteroom> anteroom_;
  coro::TaskGroup calls_;
  coro::TaskGroup looks_;
  std::vector<Client> clients_;
  std::vector<UseOutcome> uses_;
  std::vector<ReleaseOutcome> releases_;
  std::optional<testing::Outcome<bool>> drained_;
  const Payload argument_;

  std::uint64_t next_event_;
  std::map<std::string, Seen> instances_;
  std::map<std::string, bool> held_;  // leases; false: exited
};

}  // namespace anteroom::lifecycle

#endif  // ANTEROOM_TESTS_SIMULATION_RANDOM_WORLD_H_
