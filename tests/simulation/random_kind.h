// RandomKind: objects whose hooks take their time, fail, throw, hang and ignore
// their stop as chance has it, and tell the witness of every call.
#ifndef ANTEROOM_TESTS_SIMULATION_RANDOM_KIND_H_
#define ANTEROOM_TESTS_SIMULATION_RANDOM_KIND_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "server/coro/runtime.h"
#include "server/lifecycle/resource.h"
#include "tests/simulation/chance.h"
#include "tests/simulation/witness.h"

namespace anteroom::lifecycle {

// How the hooks of one world behave. One in so many; 0: never.
struct Manners {
  std::uint64_t takes_time = 2;
  std::uint64_t longest = 300;  // milliseconds; a few hooks hang much longer
  std::uint64_t hangs = 0;
  std::uint64_t deaf = 5;  // ignores its stop
  std::uint64_t late = 5;  // succeeds though it was stopped
  std::uint64_t init_fails = 5;
  std::uint64_t enter_fails = 8;
  std::uint64_t use_fails = 6;
  std::uint64_t exit_fails = 8;
  std::uint64_t close_fails = 6;
  std::uint64_t check_fails = 6;
  std::uint64_t throws = 0;  // instead of failing
  std::uint64_t constructor_throws = 0;
  std::uint64_t taints = 8;
  std::uint64_t forgets_init = 4;   // an Enter that does not await it
  std::uint64_t swallows_init = 8;  // an Enter that goes on though it failed
};

// What a lease's enter returns; of an object without an Enter, its value.
Payload ValueFor(const LeaseTrack* lease);
// Where calls to the object of this number are forwarded; some have no
// endpoint.
absl::StatusOr<std::string> EndpointOf(std::uint64_t object,
                                       const Payload& value);

class RandomKind : public Kind {
 public:
  // `witness` outlives the kind and its objects.
  // `makes`: its constructor is awaited.
  RandomKind(coro::Runtime runtime, Hooks hooks, const Manners& manners,
             bool makes, std::uint64_t seed, Witness& witness)
      : runtime_(runtime),
        hooks_(hooks),
        manners_(manners),
        makes_(makes),
        chance_(seed),
        witness_(witness) {}

  Hooks hooks() const override { return hooks_; }
  std::unique_ptr<Object> Construct(const InstanceInfo& info,
                                    InstanceContext& context) override;
  coro::Task<absl::StatusOr<Made>> Make(const InstanceInfo& info,
                                        InstanceContext& instance,
                                        ConstructContext& context) override;

  // One of the objects that live, or are being made, dies. False: none does.
  bool LoseOne(Chance& chance);

  // How one call, or one part of it, goes.
  struct Way {
    absl::Duration takes;
    bool heeds = true;
    bool late = false;
    bool fails = false;
    bool throws = false;
  };
  // `fails`: one in so many.
  Way PickWay(std::uint64_t fails);
  bool Happens(std::uint64_t one_in) {
    return one_in != 0 && chance_.OneIn(one_in);
  }
  // Spends the time of `way` in `call`, whose context has `stop`.
  coro::Task<absl::Status> Spend(HookCall& call, HookContext& context,
                                 const Way& way);

  // It lives no more.
  void Forget(const InstanceTrack& track);

  const Manners& manners() const { return manners_; }
  Witness& witness() { return witness_; }

 private:
  coro::Task<absl::StatusOr<Made>> Attempt(const InstanceInfo& info,
                                           InstanceContext& instance,
                                           ConstructContext& context);

  // An object that lives, or is being made.
  struct Living {
    InstanceTrack* track;
    InstanceContext* context;
  };

  const coro::Runtime runtime_;
  const Hooks hooks_;
  const Manners manners_;
  const bool makes_;
  Chance chance_;
  Witness& witness_;
  std::uint64_t failures_ = 0;
  std::vector<Living> living_;
};

}  // namespace anteroom::lifecycle

#endif  // ANTEROOM_TESTS_SIMULATION_RANDOM_KIND_H_
