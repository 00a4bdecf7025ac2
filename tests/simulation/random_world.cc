#include "tests/simulation/random_world.h"

#include <algorithm>
#include <utility>

#include "server/coro/sleep.h"
#include "server/error/error.h"

namespace anteroom::lifecycle {
namespace {

using coro::Task;

// How one call of a hook goes.
struct Way {
  absl::Duration takes;
  bool heeds_stop = true;
  bool fails = false;
};

Task<absl::Status> Go(coro::Runtime runtime, std::stop_token stop, Way way) {
  if (way.takes > absl::ZeroDuration()) {
    Task<coro::Wake> sleep =
        coro::SleepUntil(runtime, coro::After(runtime.clock.Now(), way.takes),
                         way.heeds_stop ? std::move(stop) : std::stop_token());
    if (co_await std::move(sleep) == coro::Wake::kCancelled) {
      co_return absl::CancelledError("the hook was stopped");
    }
  }
  if (way.fails) co_return absl::UnavailableError("the hook fails");
  co_return absl::OkStatus();
}

Task<absl::StatusOr<Payload>> Enter(coro::Runtime runtime,
                                    EnterContext& context, Way before,
                                    bool awaits_init, Way after) {
  Task<absl::Status> first = Go(runtime, context.stop(), before);
  absl::Status status = co_await std::move(first);
  if (status.ok() && awaits_init) {
    Task<absl::Status> init = context.Init();
    status = co_await std::move(init);
  }
  if (!status.ok()) co_return status;
  Task<absl::Status> second = Go(runtime, context.stop(), after);
  status = co_await std::move(second);
  if (!status.ok()) co_return status;
  co_return Payload();
}

template <typename Result>
Task<absl::StatusOr<Result>> Yielding(Task<absl::Status> task) {
  const absl::Status status = co_await std::move(task);
  if (!status.ok()) co_return status;
  co_return Result();
}

Task<bool> DrainAll(Anteroom& anteroom) {
  Task<void> drain = anteroom.Drain();
  co_await std::move(drain);
  co_return true;
}

}  // namespace

RandomWorld::RandomWorld(std::uint64_t seed)
    : seed_(seed),
      pick_(seed * 7919),
      world_(seed),
      anteroom_(
          std::make_unique<Anteroom>(world_.runtime(), Anteroom::Options{})),
      calls_(world_.runtime()),
      looks_(world_.runtime()),
      next_event_(anteroom_->events().next_sequence()) {
  WriteScript();
  policy_ = PickPolicy();
}

void RandomWorld::WriteScript() {
  script_.hooks = Hooks{.init = !Chance(4),
                        .enter = !Chance(2),
                        .exit = !Chance(3),
                        .close = !Chance(2),
                        .check = Chance(2)};
  const coro::Runtime runtime = world_.runtime();
  const auto way = [this](int most, int fails_one_in) {
    return Way{PickMilliseconds(3) * most, !Chance(4),
               Chance(static_cast<std::uint64_t>(fails_one_in))};
  };
  script_.init = [runtime, way](InitContext& context) {
    return Go(runtime, context.stop(), way(400, 5));
  };
  script_.enter = [this, runtime, way](EnterContext& context) {
    return Enter(runtime, context, way(300, 8), !Chance(3), way(200, 6));
  };
  script_.use = [runtime, way](UseContext& context, absl::string_view) {
    return Yielding<Payload>(Go(runtime, context.stop(), way(1500, 6)));
  };
  script_.exit = [runtime, way](ExitContext& context) {
    return Yielding<ExitResult>(Go(runtime, context.stop(), way(100, 6)));
  };
  script_.close = [runtime, way](CloseContext& context) {
    return Go(runtime, context.stop(), way(100, 6));
  };
  script_.check = [runtime, way](CheckContext& context) {
    return Go(runtime, context.stop(), way(100, 4));
  };
}

Policy RandomWorld::PickPolicy() {
  Policy policy;
  policy.keyed = Chance(3);
  policy.max_instances = static_cast<int>(1 + Pick(3));
  policy.max_holders = static_cast<int>(Pick(3));
  if (!policy.keyed) {
    policy.min_idle = static_cast<int>(
        Pick(static_cast<std::uint64_t>(policy.max_instances)));
  }
  policy.idle_timeout = absl::Seconds(1) * static_cast<int>(Pick(3));
  if (Chance(3)) policy.max_lifetime = absl::Seconds(2);
  if (Chance(2)) policy.check_interval = absl::Milliseconds(700);
  policy.default_ttl = absl::Seconds(1) * static_cast<int>(1 + Pick(3));
  policy.max_ttl = absl::Seconds(4);
  if (Chance(3)) policy.max_hold = absl::Seconds(3);
  if (Chance(3)) policy.revoke_notice = absl::Milliseconds(300);
  policy.use_grace = PickMilliseconds(2) * 500;
  policy.enter_timeout = absl::Milliseconds(400) + PickMilliseconds(2) * 2000;
  policy.init_timeout = absl::Milliseconds(300) + PickMilliseconds(2) * 2000;
  policy.init_retry.attempts = static_cast<int>(1 + Pick(2));
  policy.breaker.failures = static_cast<int>(Pick(4));
  policy.breaker.open = absl::Seconds(1);
  policy.abandon_init = Chance(2) ? AbandonInit::kKeep : AbandonInit::kCancel;
  policy.await_init = Chance(4) ? AwaitInit::kNever : AwaitInit::kOnEnter;
  policy.max_waiters = Chance(2) ? 0 : 1000;
  policy.reuse_tainted = Chance(2);
  return policy;
}

bool RandomWorld::Run() {
  const bool added =
      anteroom_
          ->AddResource("r", policy_,
                        std::make_unique<testing::ScriptedKind>(script_))
          .ok();
  EXPECT_TRUE(added) << "seed " << seed_;
  const std::uint64_t steps = 60 + Pick(40);
  const std::uint64_t drain_at = 20 + Pick(100);
  for (std::uint64_t step = 0; step < steps; ++step) {
    if (step == drain_at) BeginDrain();
    Step();
    Look();
  }
  BeginDrain();
  world_.RunAdvancing(calls_.Join());
  Look();
  world_.RunAdvancing(looks_.Join());
  LookAtEnd();
  return !::testing::Test::HasFailure();
}

void RandomWorld::Step() {
  const std::uint64_t what = clients_.empty() ? 0 : Pick(8);
  if (what <= 1) {
    Come();
  } else if (what <= 5) {
    ActOn(clients_[Pick(clients_.size())]);
  } else if (what == 6) {
    for (std::uint64_t i = Pick(10); i > 0; --i) world_.executor().RunOne();
  } else {
    world_.Advance(PickMilliseconds(900));
  }
}

void RandomWorld::Come() {
  AcquireOptions options;
  if (policy_.keyed)
    options.key = std::string(1, static_cast<char>('a' + Pick(4)));
  options.no_wait = Chance(8);
  options.priority = Chance(4) ? 1 : 0;
  options.stream_bound = Chance(3);
  if (Chance(4)) {
    options.request = "request " + std::to_string(Pick(4)) + options.key;
  }
  const std::stop_source stop;
  const absl::Duration max_wait =
      Chance(2) ? absl::InfiniteDuration() : PickMilliseconds(3000);
  clients_.push_back(
      {options.key, options.priority, !options.request.empty(),
       /*left=*/false, stop,
       AcquireOutcome(
           calls_, anteroom_->Acquire("r", options, max_wait, stop.get_token(),
                                      coro::kNever))});
}

void RandomWorld::ActOn(Client& client) {
  if (Chance(4)) {
    client.left = true;
    client.stop.request_stop();
  }
  if (!client.outcome.done() || !client.outcome.value().ok()) return;
  const LeasePtr lease = *client.outcome.value();
  switch (Pick(3)) {
    case 0: {
      ExitCause cause;
      cause.tainted = Chance(4);
      releases_.emplace_back(
          calls_, anteroom_->Release(lease->id(), cause, {}, coro::kNever));
      break;
    }
    case 1:
      uses_.emplace_back(calls_, anteroom_->Use(lease->id(), "m", argument_, 0,
                                                {}, coro::kNever));
      break;
    default:
      (void)anteroom_->Renew(lease->id(), Chance(2) ? absl::ZeroDuration()
                                                    : PickMilliseconds(5000));
  }
}

void RandomWorld::BeginDrain() {
  if (!drained_.has_value()) drained_.emplace(calls_, DrainAll(*anteroom_));
}

void RandomWorld::Look() {
  if (anteroom_->events().next_sequence() == next_event_) return;
  // Read() finds them at once: nothing else is run.
  const testing::Outcome<absl::StatusOr<std::vector<Event>>> read(
      looks_, anteroom_->events().Read(next_event_, 100'000, {}));
  ASSERT_TRUE(read.done()) << "seed " << seed_;
  for (const Event& event : *read.value()) LookAt(event);
  next_event_ = anteroom_->events().next_sequence();
}

void RandomWorld::LookAt(const Event& event) {
  const std::string where =
      "seed " + std::to_string(seed_) + ", " + event.instance_id;
  Seen& seen = instances_[event.instance_id];
  switch (event.phase) {
    case Phase::kConstructed: {
      seen.key = event.key;
      int live = 0;
      int of_key = 0;
      for (const auto& [id, other] : instances_) {
        if (id.empty() || other.closed) continue;
        ++live;
        of_key += other.key == event.key ? 1 : 0;
      }
      EXPECT_LE(live, policy_.max_instances) << where;
      if (policy_.keyed) EXPECT_EQ(of_key, 1) << where;
      break;
    }
    case Phase::kInitializing:
      EXPECT_EQ(++seen.inits, 1) << "G2, " << where;
      break;
    case Phase::kEntered:
      EXPECT_FALSE(held_.contains(event.lease_name)) << where;
      held_[event.lease_name] = true;
      ++seen.holders;
      EXPECT_FALSE(seen.closed) << where;
      if (policy_.max_holders > 0) {
        EXPECT_LE(seen.holders, policy_.max_holders) << "G5, " << where;
      }
      if (policy_.await_init == AwaitInit::kOnEnter && script_.hooks.init) {
        EXPECT_EQ(seen.inits, 1) << "G1, " << where;
      }
      break;
    case Phase::kExited:
      EXPECT_TRUE(held_[event.lease_name]) << "G3, " << where;
      held_[event.lease_name] = false;
      --seen.holders;
      break;
    case Phase::kClosed:
      EXPECT_FALSE(seen.closed) << "G8, " << where;
      EXPECT_EQ(seen.holders, 0) << where;
      seen.closed = true;
      break;
    default:
      break;
  }
}

void RandomWorld::LookAtEnd() {
  EXPECT_TRUE(drained_->done()) << "seed " << seed_;
  const Pool::Counts left = (*anteroom_->FindPool("r"))->counts();
  EXPECT_EQ(left.instances + left.leases + left.waiting, 0) << "seed " << seed_;
  EXPECT_EQ(world_.timers().pending(), 0) << "G8, seed " << seed_;
  EXPECT_EQ(script_.Count("construct"), script_.Count("destroy"))
      << "G8, seed " << seed_;
  for (const auto& [id, seen] : instances_) {
    EXPECT_TRUE(id.empty() || seen.closed)
        << "G8, seed " << seed_ << ", " << id;
  }
  for (const auto& [name, held] : held_) {
    EXPECT_FALSE(held) << "G3, seed " << seed_ << ", " << name;
  }
  // G6: within a key and a priority, who came first was bound first.
  std::map<std::pair<std::string, int>, std::uint64_t> last;
  for (const Client& client : clients_) {
    ASSERT_TRUE(client.outcome.done()) << "G7, seed " << seed_;
    if (client.has_request || !client.outcome.value().ok()) continue;
    std::uint64_t& before = last[{client.key, client.priority}];
    const std::uint64_t token = (*client.outcome.value())->info().fencing_token;
    EXPECT_LT(before, token) << "G6, seed " << seed_;
    before = token;
  }
}

}  // namespace anteroom::lifecycle
