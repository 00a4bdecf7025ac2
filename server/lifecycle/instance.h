// Instance: one live object of a resource, and what its pool knows about it.
//
// Invariants:
//  1. Transition() is the only writer of the state (instance_state.h has the
//     table); the events of the instance hang on it.
//  2. `object` is set before CONSTRUCTED and destroyed after CLOSED.
//  3. CLOSING is entered only while no lease is bound to it.
//
// Thread safety: what is constant, from any thread; all the rest is guarded by
// the mutex of the pool that owns the instance.
#ifndef ANTEROOM_SERVER_LIFECYCLE_INSTANCE_H_
#define ANTEROOM_SERVER_LIFECYCLE_INSTANCE_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/coro/clock.h"
#include "server/coro/event.h"
#include "server/coro/runtime.h"
#include "server/coro/single_flight.h"
#include "server/lifecycle/bound_leases.h"
#include "server/lifecycle/event_log.h"
#include "server/lifecycle/instance_state.h"
#include "server/lifecycle/lease.h"
#include "server/lifecycle/lease_table.h"
#include "server/lifecycle/resource.h"

namespace anteroom::lifecycle {

// What an operator is shown.
struct InstanceView {
  InstanceInfo info;
  std::uint64_t number = 0;
  InstanceState state = InstanceState::kConstructed;
  int holders = 0;
  // Infinite future: not yet.
  absl::Time create_time = absl::InfiniteFuture();
  absl::Time ready_time = absl::InfiniteFuture();
  std::uint64_t uses = 0;
};

class Line;
class Pool;

class Instance : public std::enable_shared_from_this<Instance> {
 public:
  // What the init flight yields: nothing but that it was.
  using InitFlight = coro::SingleFlight<std::monostate>;

  // Of `pool`, which outlives it; `number` grows with each instance of that.
  Instance(Pool& pool, absl::string_view key, std::uint64_t number);
  Instance(const Instance&) = delete;
  Instance& operator=(const Instance&) = delete;

  Pool& pool() const { return pool_; }
  const InstanceInfo& info() const { return info_; }
  std::uint64_t number() const { return number_; }
  // What its events, and those of the leases on it, are about.
  const std::shared_ptr<const EventSubject>& subject() const {
    return subject_;
  }
  // Set once CLOSING.
  coro::Event& closing() { return closing_; }
  // Hook calls so far.
  std::atomic<std::uint64_t> uses{0};

  // Set before the constructor is called, constant.
  std::unique_ptr<InstanceContext> context;
  // Set before CONSTRUCTED, constant until CLOSED.
  std::unique_ptr<Object> object;
  // Set before CONSTRUCTED, constant.
  Hooks hooks;
  std::unique_ptr<InitFlight> init;
  // Requested once its object is no more. For what others keep for it.
  std::stop_source gone;

  // ---- guarded by the pool's mutex ----

  // False while the constructor runs; the state means nothing until then.
  bool constructed() const { return constructed_; }
  InstanceState state() const { return state_; }
  // Whether its init has completed, or need not.
  bool ready() const {
    return constructed_ &&
           (state_ == InstanceState::kReady || state_ == InstanceState::kHeld);
  }

  InstanceView View() const;

  // Announces CONSTRUCTED.
  void Constructed();
  // The only writer of the state. `status`: why, for FAILED.
  void Transition(InstanceState to,
                  const absl::Status& status = absl::OkStatus());
  // Announces FAILED for a check, or a loss, to watchers; the state stays.
  void Failed(const absl::Status& status);
  // Announces PROGRESS to `waiting` leases.
  void Progress(std::optional<double> fraction, absl::string_view message,
                const std::vector<LeasePtr>& waiting);

  // That it belongs to, and what that has noted of it (line.h); null, and 0,
  // before and after.
  Line* line = nullptr;
  unsigned line_marks = 0;
  // Leases between bind and the end of their exit.
  BoundLeases bound;
  // Takes no new lease and is closed after its last exit.
  bool retired = false;
  // Why its init failed.
  absl::Status init_failure;
  // INSTANCE_LOST, and why; OK: its object is not lost.
  absl::Status loss;
  // Stopped when nobody waits for its init any more.
  std::stop_source abandoned;
  // Its init begins by itself: nobody's enter need await it.
  bool warm = false;
  // Of the one init that a half-open breaker allows, until it has ended; else
  // 0.
  std::uint64_t probe = 0;
  // Its check hook runs: it takes no lease meanwhile.
  bool checking = false;
  // Which of the idle ones was used least recently: the smallest. 0: not idle.
  std::uint64_t idle_order = 0;
  // Since when nobody holds it; kNever: somebody does, or nothing is to be done
  // while nobody does.
  coro::Instant idle_since = coro::kNever;
  // Stops what watches how long nobody holds it.
  std::stop_source idle_watch{std::nostopstate};
  // Stops what watches its age.
  std::stop_source age{std::nostopstate};
  // The lease that made it be built, and start its init: that lease's stream
  // carries those events. Null once it has gone elsewhere.
  LeasePtr causer;

 private:
  // The stream of the lease that caused it is told, too; or watchers alone.
  enum class Audience { kCauser, kWatchers };
  void Emit(Phase phase, const absl::Status& status, Audience audience);

  Pool& pool_;
  const InstanceInfo info_;
  const std::shared_ptr<const EventSubject> subject_;
  const std::uint64_t number_;
  coro::Event closing_;
  bool constructed_ = false;
  absl::Time create_time_ = absl::InfiniteFuture();
  absl::Time ready_time_ = absl::InfiniteFuture();
  InstanceState state_ = InstanceState::kConstructed;
};

}  // namespace anteroom::lifecycle

#endif  // ANTEROOM_SERVER_LIFECYCLE_INSTANCE_H_
