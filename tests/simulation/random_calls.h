// RandomCalls: the calls of methods that a world's clients make by the ids of
// their leases: of a method, of a streaming one, and those that are forwarded
// to the object's endpoint. It checks what each is answered, and why it is
// stopped.
//
// A call that is forwarded is, to the witness, a Use of another's making: it
// begins when the server has counted it in, and is over just before End().
//
// Thread safety: none.
#ifndef ANTEROOM_TESTS_SIMULATION_RANDOM_CALLS_H_
#define ANTEROOM_TESTS_SIMULATION_RANDOM_CALLS_H_

#include <cstdint>
#include <memory>
#include <stop_token>
#include <vector>

#include "server/coro/task_group.h"
#include "server/lifecycle/anteroom.h"
#include "server/lifecycle/passage.h"
#include "tests/simulation/chance.h"
#include "tests/simulation/random_kind.h"
#include "tests/simulation/witness.h"

namespace anteroom::lifecycle {

class RandomCalls {
 public:
  struct World {
    coro::Runtime runtime;
    Anteroom& anteroom;
    RandomKind& kind;
    Witness& witness;
    Chance& chance;
    coro::TaskGroup& group;
  };

  explicit RandomCalls(const World& world) : world_(world) {}

  // One more call, of a method or a streaming one, as chance has it; or one
  // that is forwarded.
  void Use(const LeasePtr& lease) { Begin(lease, false); }
  void Pass(const LeasePtr& lease) { Begin(lease, true); }
  // The caller of one leaves.
  void StopOne();
  // REQUIRES: nothing can run without time passing.
  void CheckIdle();
  void ForgetOver();

 private:
  struct Call {
    UseTrack* track;
    LeasePtr lease;
    std::stop_source stop;
    std::uint64_t token = 0;
    bool stale = false;      // the token is not the lease's
    bool may_begin = false;  // unless it awaits an enter: for that to say
    bool entering = false;   // its lease is deferred, and not entered
    bool streams = false;
    bool over = false;
    // Of a forwarded one: that the endpoint was refused, and not the call.
    bool no_endpoint = false;
  };
  // When what leads to an object's endpoint is of no use any more.
  struct Endpoint {
    const InstanceTrack* object;
    std::stop_token gone;
  };

  void Begin(const LeasePtr& lease, bool forwarded);
  // Calls the method, or the streaming one.
  coro::Task<absl::StatusOr<Payload>> Called(const Call& call,
                                             const Payload& argument);
  coro::Task<void> RunUse(std::shared_ptr<Call> call);
  coro::Task<void> RunPass(std::shared_ptr<Call> call);
  // What the service does, from being let through to the end.
  coro::Task<void> Forward(std::shared_ptr<Call> call,
                           std::unique_ptr<Passage> passage);
  void CheckLetThrough(Call& call, const Passage& passage);
  void CheckStopReason(const Call& call, const Passage& passage);
  void CheckEndpointRefused(Call& call, const absl::Status& status);
  void CheckBegun(const Call& call);
  // Of one whose hook was not called.
  void CheckRefused(const Call& call, const absl::Status& status);
  void Expect(bool promise, const char* what, const Call& call) {
    world_.witness.Expect(promise, what, call.track->number);
  }
  coro::Instant Now() const { return world_.runtime.clock.Now(); }

  const World world_;
  std::vector<std::shared_ptr<Call>> calls_;
  std::vector<Endpoint> endpoints_;
};

}  // namespace anteroom::lifecycle

#endif  // ANTEROOM_TESTS_SIMULATION_RANDOM_CALLS_H_
