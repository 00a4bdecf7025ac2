#include "tests/simulation/random_kind.h"

#include <stdexcept>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/coro/sleep.h"

namespace anteroom::lifecycle {
namespace {

using coro::Task;

constexpr char kThrown[] = "as chance has it";
// As the server says it.
constexpr char kMakeThrew[] = "the constructor threw: ";

class RandomObject : public Object {
 public:
  RandomObject(RandomKind& kind, InstanceTrack& track)
      : kind_(kind), track_(track) {}
  ~RandomObject() override {
    kind_.Forget(track_);
    kind_.witness().Destroyed(track_);
  }

  Task<absl::Status> Init(InitContext& context) override {
    const auto way = kind_.PickWay(kind_.manners().init_fails);
    HookCall call = CallOf(HookKind::kInit, nullptr);
    kind_.witness().Begins(call, context.deadline());
    if (kind_.Happens(4)) context.Report(0.5, "half of it");
    Task<absl::Status> spend = kind_.Spend(call, context, way);
    const absl::Status status = co_await std::move(spend);
    kind_.witness().Ends(call, status);
    ThrowIf(way, status);
    co_return status;
  }

  Task<absl::StatusOr<Payload>> Enter(EnterContext& context) override {
    const Manners& manners = kind_.manners();
    const auto before = kind_.PickWay(2 * manners.enter_fails);
    const auto after = kind_.PickWay(2 * manners.enter_fails);
    const bool forgets = kind_.Happens(manners.forgets_init);
    const bool swallows = kind_.Happens(manners.swallows_init);
    HookCall call =
        CallOf(HookKind::kEnter, &kind_.witness().TrackOf(context.lease()));
    call.lease_name = context.lease().name;
    kind_.witness().Begins(call, context.deadline());
    Task<absl::Status> first = kind_.Spend(call, context, before);
    absl::Status status = co_await std::move(first);
    if (status.ok() && !forgets) {
      kind_.witness().AwaitsInit(call);
      Task<absl::Status> init = context.Init();
      status = co_await std::move(init);
      kind_.witness().AwaitedInit(call, status);
      if (swallows) status = absl::OkStatus();
    }
    if (status.ok()) {
      Task<absl::Status> second = kind_.Spend(call, context, after);
      status = co_await std::move(second);
    }
    kind_.witness().Ends(call, status);
    ThrowIf(after, status);
    if (!status.ok()) co_return status;
    co_return ValueFor(call.lease);
  }

  Task<absl::StatusOr<Payload>> Use(UseContext& context, absl::string_view,
                                    PayloadView argument) override {
    const auto way = kind_.PickWay(kind_.manners().use_fails);
    HookCall call =
        CallOf(HookKind::kUse, &kind_.witness().TrackOf(context.lease()));
    call.use = &kind_.witness().UseOf(argument);
    kind_.witness().Begins(call, context.deadline());
    Task<absl::Status> spend = kind_.Spend(call, context, way);
    const absl::Status status = co_await std::move(spend);
    kind_.witness().Ends(call, status);
    ThrowIf(way, status);
    if (!status.ok()) co_return status;
    co_return argument.Copy();
  }

  // Like any call, as far as the lifecycle goes.
  Task<absl::Status> UseStream(UseContext& context, absl::string_view method,
                               PayloadView argument, UseChannel&) override {
    Task<absl::StatusOr<Payload>> use = Use(context, method, argument);
    const absl::StatusOr<Payload> result = co_await std::move(use);
    co_return result.status();
  }

  Task<absl::StatusOr<ExitResult>> Exit(ExitContext& context) override {
    const auto way = kind_.PickWay(kind_.manners().exit_fails);
    ExitResult result;
    result.suppress = kind_.Happens(3);
    result.tainted = kind_.Happens(kind_.manners().taints);
    LeaseTrack& lease = kind_.witness().TrackOf(context.lease());
    HookCall call = CallOf(HookKind::kExit, &lease);
    kind_.witness().Begins(call, context.deadline());
    kind_.witness().ExitTold(lease, context.cause());
    Task<absl::Status> spend = kind_.Spend(call, context, way);
    const absl::Status status = co_await std::move(spend);
    kind_.witness().Ends(call, status);
    if (!lease.exited) {
      lease.exit_status = status;
      if (status.ok()) lease.exit_result = result;
    }
    ThrowIf(way, status);
    if (!status.ok()) co_return status;
    co_return result;
  }

  Task<absl::Status> Close(CloseContext& context) override {
    const auto way = kind_.PickWay(kind_.manners().close_fails);
    HookCall call = CallOf(HookKind::kClose, nullptr);
    kind_.witness().Begins(call, context.deadline());
    Task<absl::Status> spend = kind_.Spend(call, context, way);
    const absl::Status status = co_await std::move(spend);
    kind_.witness().Ends(call, status);
    ThrowIf(way, status);
    co_return status;
  }

  Task<absl::Status> Check(CheckContext& context) override {
    const auto way = kind_.PickWay(kind_.manners().check_fails);
    HookCall call = CallOf(HookKind::kCheck, nullptr);
    kind_.witness().Begins(call, context.deadline());
    Task<absl::Status> spend = kind_.Spend(call, context, way);
    const absl::Status status = co_await std::move(spend);
    kind_.witness().Ends(call, status);
    ThrowIf(way, status);
    co_return status;
  }

  Payload Value() const override { return ValueFor(nullptr); }
  absl::StatusOr<std::string> Endpoint(const Payload& value) const override {
    return EndpointOf(track_.number, value);
  }

 private:
  HookCall CallOf(HookKind kind, LeaseTrack* lease) {
    HookCall call;
    call.kind = kind;
    call.instance = &track_;
    call.lease = lease;
    return call;
  }

  static void ThrowIf(const RandomKind::Way& way, const absl::Status& status) {
    if (way.throws && absl::IsInternal(status)) {
      throw std::runtime_error(kThrown);
    }
  }

  RandomKind& kind_;
  InstanceTrack& track_;
};

}  // namespace

Payload ValueFor(const LeaseTrack* lease) {
  if (lease == nullptr) return Payload{"text/plain", "it"};
  return Payload{"text/plain", absl::StrCat("lease ", lease->number)};
}

absl::StatusOr<std::string> EndpointOf(std::uint64_t object,
                                       const Payload& value) {
  const std::string what = absl::StrCat("of object ", object);
  if (object % 8 == 3) return MethodNotFound(what);
  if (object % 8 == 6) return absl::UnavailableError(what);
  return absl::StrCat(what, " for ", value.data);
}

std::unique_ptr<Object> RandomKind::Construct(const InstanceInfo& info,
                                              InstanceContext& context) {
  InstanceTrack& track = witness_.ConstructBegins(info);
  if (Happens(manners_.constructor_throws)) {
    witness_.ConstructThrows(track);
    throw std::runtime_error(kThrown);
  }
  living_.push_back({&track, &context});
  return std::make_unique<RandomObject>(*this, track);
}

Task<absl::StatusOr<Made>> RandomKind::Make(const InstanceInfo& info,
                                            InstanceContext& instance,
                                            ConstructContext& context) {
  if (makes_) return Attempt(info, instance, context);
  return Kind::Make(info, instance, context);
}

Task<absl::StatusOr<Made>> RandomKind::Attempt(const InstanceInfo& info,
                                               InstanceContext& instance,
                                               ConstructContext& context) {
  const Way way = PickWay(manners_.init_fails);
  InstanceTrack& track = witness_.MakeBegins(info);
  living_.push_back({&track, &instance});
  HookCall call;
  call.kind = HookKind::kMake;
  call.instance = &track;
  witness_.Begins(call, context.deadline());
  Task<absl::Status> spend = Spend(call, context, way);
  absl::Status status = co_await std::move(spend);
  const bool throws = way.throws && absl::IsInternal(status);
  if (throws) status = absl::InternalError(absl::StrCat(kMakeThrew, kThrown));
  witness_.Ends(call, status);
  if (!status.ok()) Forget(track);
  if (throws) throw std::runtime_error(kThrown);
  if (!status.ok()) co_return status;
  co_return Made{std::make_unique<RandomObject>(*this, track), hooks_};
}

void RandomKind::Forget(const InstanceTrack& track) {
  std::erase_if(living_, [&track](const Living& living) {
    return living.track == &track;
  });
}

bool RandomKind::LoseOne(Chance& chance) {
  if (living_.empty()) return false;
  const Living& lost = living_[chance.Pick(living_.size())];
  witness_.Lost(*lost.track);
  lost.context->Lost(absl::DataLossError("it died"));
  return true;
}

RandomKind::Way RandomKind::PickWay(std::uint64_t fails) {
  Way way;
  if (Happens(manners_.takes_time)) {
    way.takes = chance_.Milliseconds(manners_.longest);
    if (Happens(manners_.hangs)) way.takes += absl::Seconds(20);
  }
  way.heeds = !Happens(manners_.deaf);
  way.late = Happens(manners_.late);
  way.fails = Happens(fails);
  way.throws = way.fails && Happens(manners_.throws);
  return way;
}

Task<absl::Status> RandomKind::Spend(HookCall& call, HookContext& context,
                                     const Way& way) {
  if (way.takes > absl::ZeroDuration()) {
    call.heeds = way.heeds;
    call.deaf |= !way.heeds;
    Task<coro::Wake> sleep =
        coro::SleepUntil(runtime_, coro::After(runtime_.clock.Now(), way.takes),
                         way.heeds ? context.stop() : std::stop_token());
    const coro::Wake wake = co_await std::move(sleep);
    if (wake == coro::Wake::kCancelled) {
      call.stopped = true;
      witness_.Stopped(call);
      if (!way.late) co_return absl::CancelledError("the hook was stopped");
    }
    call.heeds = false;
  }
  if (way.throws) {
    co_return absl::InternalError(absl::StrCat("the hook threw: ", kThrown));
  }
  if (way.fails) {
    co_return absl::UnavailableError(absl::StrCat("failure ", ++failures_));
  }
  co_return absl::OkStatus();
}

}  // namespace anteroom::lifecycle
