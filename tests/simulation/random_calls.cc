#include "tests/simulation/random_calls.h"

#include <algorithm>
#include <string>
#include <utility>

#include "server/coro/linked_stop.h"
#include "server/error/error.h"
#include "tests/support/fake_channel.h"

namespace anteroom::lifecycle {
namespace {

using coro::Task;

constexpr char kMethod[] = "x.Y/Forwarded";

// What a hook would be given, as the service has it that forwards.
class ForwardContext : public HookContext {
 public:
  ForwardContext(coro::Runtime runtime, coro::Instant caller_deadline,
                 std::stop_token caller, const Passage& passage)
      : deadline_(std::min(caller_deadline, passage.deadline())),
        link_(runtime, caller_deadline, {std::move(caller), passage.stop()}) {}

  std::stop_token stop() override { return link_.token(); }
  coro::Instant deadline() const override { return deadline_; }

 private:
  const coro::Instant deadline_;
  const coro::LinkedStop link_;
};

}  // namespace

void RandomCalls::Begin(const LeasePtr& lease, bool forwarded) {
  auto call = std::make_shared<Call>();
  call->track = &world_.witness.NewUse();
  call->track->forwarded = forwarded;
  call->lease = lease;
  if (world_.chance.OneIn(6)) {
    call->track->deadline = coro::After(Now(), world_.chance.Milliseconds(300));
  }
  const std::uint64_t own = lease->fencing_token();
  call->token = world_.chance.OneIn(2) ? own : 0;
  if (world_.chance.OneIn(10)) call->token = own - 1;
  call->stale = call->token != 0 && call->token != own;
  call->may_begin = lease->state() == LeaseState::kHeld && !call->stale;
  if (!world_.anteroom.Find(lease->id()).ok()) return;
  call->entering = lease->state() == LeaseState::kEntering;
  if (!forwarded) call->streams = world_.chance.OneIn(4);
  calls_.push_back(call);
  world_.group.Spawn(forwarded ? RunPass(std::move(call))
                               : RunUse(std::move(call)));
}

void RandomCalls::StopOne() {
  if (calls_.empty()) return;
  Call& call = *calls_[world_.chance.Pick(calls_.size())];
  if (call.over) return;
  call.track->left = true;
  call.stop.request_stop();
}

// ---- a method, and a streaming one ----

Task<absl::StatusOr<Payload>> RandomCalls::Called(const Call& call,
                                                  const Payload& argument) {
  const std::stop_token stop = call.stop.get_token();
  const coro::Instant deadline = call.track->deadline;
  if (!call.streams) {
    Task<absl::StatusOr<Payload>> use = world_.anteroom.Use(
        call.lease->id(), "m", argument, call.token, stop, deadline);
    co_return co_await std::move(use);
  }
  testing::FakeChannel channel;  // nothing is said on it
  Task<absl::Status> stream = world_.anteroom.UseStream(
      call.lease->id(), "m", argument, channel, call.token, stop, deadline);
  const absl::Status status = co_await std::move(stream);
  if (!status.ok()) co_return status;
  co_return argument;
}

Task<void> RandomCalls::RunUse(std::shared_ptr<Call> call) {
  const UseTrack& track = *call->track;
  const Payload argument = world_.witness.ArgumentOf(track);
  Task<absl::StatusOr<Payload>> use = Called(*call, argument);
  const absl::StatusOr<Payload> result = co_await std::move(use);
  call->over = true;
  world_.witness.Mix(static_cast<std::uint64_t>(result.status().code()));
  if (!world_.witness.checks()) co_return;
  CheckBegun(*call);
  if (!track.reached) {
    CheckRefused(*call, result.status());
    co_return;
  }
  Expect(result.ok() == track.went_well, "a Use's answer", *call);
  Expect(!HasReason(result.status(), Reason::kUseCancelled) ||
             call->lease->state() != LeaseState::kHeld,
         "USE_CANCELLED, but it is held", *call);
  Expect(
      !HasReason(result.status(), Reason::kInstanceLost) || track.object->lost,
      "INSTANCE_LOST, but its object is not", *call);
}

// ---- those that are forwarded ----

Task<void> RandomCalls::RunPass(std::shared_ptr<Call> call) {
  Task<absl::StatusOr<std::unique_ptr<Passage>>> pass =
      world_.anteroom.Pass(call->lease->id(), kMethod, call->token,
                           call->stop.get_token(), call->track->deadline);
  absl::StatusOr<std::unique_ptr<Passage>> passage = co_await std::move(pass);
  world_.witness.Mix(static_cast<std::uint64_t>(passage.status().code()));
  if (passage.ok()) {
    Task<void> forward = Forward(call, *std::move(passage));
    co_await std::move(forward);
  } else if (world_.witness.checks()) {
    CheckEndpointRefused(*call, passage.status());
    CheckBegun(*call);
    if (!call->no_endpoint) CheckRefused(*call, passage.status());
  }
  call->over = true;
}

Task<void> RandomCalls::Forward(std::shared_ptr<Call> call,
                                std::unique_ptr<Passage> passage) {
  const RandomKind::Way way =
      world_.kind.PickWay(world_.kind.manners().use_fails);
  HookCall hook;
  hook.kind = HookKind::kUse;
  hook.instance = world_.witness.FindInstance(passage->instance_id());
  hook.lease = &world_.witness.TrackOf(call->lease->info());
  hook.use = call->track;
  ForwardContext context(world_.runtime, call->track->deadline,
                         call->stop.get_token(), *passage);
  world_.witness.Begins(hook, context.deadline());
  // Once a promise is broken the witness follows no call any more.
  const bool follows = world_.witness.checks() && call->track->reached;
  if (follows) CheckLetThrough(*call, *passage);
  Task<absl::Status> spend = world_.kind.Spend(hook, context, way);
  const absl::Status status = co_await std::move(spend);
  if (follows) CheckStopReason(*call, *passage);
  world_.witness.Ends(hook, status);
  passage->End();
}

void RandomCalls::CheckLetThrough(Call& call, const Passage& passage) {
  CheckBegun(call);
  const InstanceTrack& object = *call.track->object;
  const absl::StatusOr<std::string> endpoint =
      EndpointOf(object.number, call.lease->value());
  Expect(endpoint.ok() && passage.endpoint() == *endpoint,
         "a call was led to another endpoint", call);
  const bool enters = world_.kind.hooks().enter;
  const Payload value =
      ValueFor(enters ? &world_.witness.TrackOf(call.lease->info()) : nullptr);
  Expect(call.lease->value().data == value.data,
         "a lease's value is not what its enter returned", call);
  Expect(!passage.gone().stop_requested(), "an object in use is gone", call);
  endpoints_.push_back({&object, passage.gone()});
}

void RandomCalls::CheckStopReason(const Call& call, const Passage& passage) {
  const InstanceTrack& object = *call.track->object;
  const absl::Status why = passage.StopReason();
  Expect(why.ok() != passage.stop().stop_requested(),
         "a call was stopped for no reason, or has one and was not", call);
  Expect(!passage.gone().stop_requested(), "an object in use is gone", call);
  if (why.ok()) return;
  const bool known_lost = object.lost && object.lost_at < Now();
  if (HasReason(why, Reason::kInstanceLost)) {
    Expect(object.lost, "INSTANCE_LOST, but its object is not", call);
  } else if (HasReason(why, Reason::kUseCancelled)) {
    Expect(call.lease->state() != LeaseState::kHeld,
           "USE_CANCELLED, but it is held", call);
    Expect(!known_lost, "USE_CANCELLED, but its object was lost", call);
  } else {
    Expect(HasReason(why, Reason::kUseTimedOut) &&
               Now() >= passage.deadline() && !known_lost,
           "USE_TIMED_OUT before use_timeout", call);
  }
}

void RandomCalls::CheckEndpointRefused(Call& call, const absl::Status& status) {
  const InstanceTrack* const object =
      world_.witness.FindInstance(call.lease->View().instance_id);
  if (object == nullptr) return;
  const absl::StatusOr<std::string> endpoint =
      EndpointOf(object->number, call.lease->value());
  if (endpoint.ok() || status.message() != endpoint.status().message()) return;
  call.no_endpoint = true;
  Expect(status.code() == endpoint.status().code() &&
             HasReason(status,
                       HasReason(endpoint.status(), Reason::kMethodNotFound)
                           ? Reason::kMethodNotFound
                           : Reason::kUseFailed),
         "what an object without an endpoint refuses with", call);
}

// ---- what is checked of all ----

void RandomCalls::CheckBegun(const Call& call) {
  const bool begun = call.track->reached || call.no_endpoint;
  // Whether one that awaits an enter may begin is for that to say.
  Expect(call.entering ? !(begun && call.stale) : begun == call.may_begin,
         "a Use of no live lease", call);
}

void RandomCalls::CheckRefused(const Call& call, const absl::Status& status) {
  const LeaseState state = call.lease->state();
  const bool failed = state == LeaseState::kEnded &&
                      call.lease->receipt().reason == ExitReason::kEnterFailed;
  const bool lost = HasReason(status, Reason::kInstanceLost) &&
                    world_.witness.TrackOf(call.lease->info()).IsLost();
  if (HasReason(status, Reason::kLeaseEnded)) {
    const bool over =
        state == LeaseState::kExiting || state == LeaseState::kEnded;
    return Expect(over && !(call.entering && failed),
                  "LEASE_ENDED, but it has not", call);
  }
  if (HasReason(status, Reason::kStaleFencingToken)) {
    return Expect(call.stale, "a token was refused that is the lease's", call);
  }
  // It awaited an enter: that failed, or the call went.
  const bool left = absl::IsCancelled(status) && call.track->left;
  const bool late =
      absl::IsDeadlineExceeded(status) && Now() >= call.track->deadline;
  Expect(call.entering && (left || late || lost || (failed && !status.ok())),
         "a Use was refused for no reason", call);
}

void RandomCalls::CheckIdle() {
  // A Use awaits a deferred enter only while there is one, and a caller.
  for (const auto& call : calls_) {
    const bool awaits_enter = call->lease->state() == LeaseState::kEntering &&
                              !call->track->left &&
                              Now() < call->track->deadline;
    Expect(call->over || (call->track->reached && !call->track->hook_over) ||
               awaits_enter,
           "a Use has no answer", *call);
  }
  for (const Endpoint& endpoint : endpoints_) {
    world_.witness.Expect(
        endpoint.gone.stop_requested() == endpoint.object->destroyed,
        "an object that is gone is not told to be", endpoint.object->number);
  }
}

void RandomCalls::ForgetOver() {
  std::erase_if(calls_, [](const auto& call) { return call->over; });
  std::erase_if(endpoints_, [](const Endpoint& endpoint) {
    return endpoint.object->destroyed;
  });
}

}  // namespace anteroom::lifecycle
