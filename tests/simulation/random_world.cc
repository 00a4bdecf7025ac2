#include "tests/simulation/random_world.h"

#include <algorithm>
#include <cstdio>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/error/error.h"

namespace anteroom::lifecycle {
namespace {

using coro::Task;

// Clients at a time; what a world's checks cost grows with it.
constexpr std::size_t kMostClients = 14;

// Acquires of a world.
constexpr std::uint64_t kFewestScopes = 200;
constexpr std::uint64_t kMoreScopes = 400;
// What may happen without time passing, and timers until a drain is over.
constexpr std::size_t kMostWork = 100'000;
constexpr std::size_t kMostTimers = 100'000;
constexpr std::size_t kEventsKept = 1024;

Hooks PickHooks(Chance chance) {
  Hooks hooks;
  hooks.init = !chance.OneIn(5);
  hooks.enter = chance.OneIn(2);
  hooks.exit = !chance.OneIn(3);
  hooks.close = chance.OneIn(2);
  hooks.check = chance.OneIn(3);
  return hooks;
}

Policy PickPolicy(Chance chance) {
  Policy policy;
  policy.keyed = chance.OneIn(3);
  policy.max_instances = static_cast<int>(1 + chance.Pick(4));
  policy.max_holders = chance.OneIn(2) ? 1 : static_cast<int>(chance.Pick(4));
  if (!policy.keyed && chance.OneIn(2)) {
    policy.min_idle = static_cast<int>(
        chance.Pick(static_cast<std::uint64_t>(policy.max_instances) + 1));
  }
  policy.idle_timeout =
      absl::Milliseconds(600) * static_cast<int>(chance.Pick(4));
  if (chance.OneIn(3)) policy.max_lifetime = absl::Seconds(3);
  if (chance.OneIn(2)) policy.check_interval = absl::Milliseconds(350);
  policy.default_ttl =
      absl::Milliseconds(500) * static_cast<int>(1 + chance.Pick(4));
  policy.max_ttl = absl::Seconds(2) + chance.Milliseconds(1000);
  if (chance.OneIn(3)) {
    policy.max_hold = absl::Milliseconds(1000) + chance.Milliseconds(1500);
  }
  if (chance.OneIn(2)) policy.revoke_notice = absl::Milliseconds(300);
  policy.use_grace = chance.Milliseconds(2) * 400;
  policy.enter_timeout =
      absl::Milliseconds(150) + chance.Milliseconds(2) * 2000;
  policy.init_timeout = absl::Milliseconds(200) + chance.Milliseconds(2) * 2000;
  if (chance.OneIn(3)) policy.use_timeout = absl::Milliseconds(250);
  policy.exit_timeout = absl::Milliseconds(150) + chance.Milliseconds(2) * 2000;
  policy.close_timeout =
      absl::Milliseconds(150) + chance.Milliseconds(2) * 2000;
  policy.init_retry.attempts = static_cast<int>(1 + chance.Pick(3));
  policy.init_retry.initial_backoff = absl::Milliseconds(100);
  policy.init_retry.max_backoff = absl::Milliseconds(150);
  if (chance.OneIn(2)) {
    policy.breaker.failures = static_cast<int>(1 + chance.Pick(3));
  }
  policy.breaker.open = absl::Milliseconds(700);
  policy.abandon_init =
      chance.OneIn(3) ? AbandonInit::kKeep : AbandonInit::kCancel;
  policy.await_init = chance.OneIn(5) ? AwaitInit::kNever : AwaitInit::kOnEnter;
  policy.max_waiters =
      chance.OneIn(3) ? static_cast<int>(chance.Pick(4)) : 1000;
  policy.reuse_tainted = chance.OneIn(3);
  policy.max_disconnect_grace = absl::Milliseconds(1200);
  return policy;
}

Manners PickManners(Chance chance) {
  Manners manners;
  const std::uint64_t mood = chance.Pick(4);
  if (mood == 0) {  // everything goes well
    manners.init_fails = manners.enter_fails = manners.use_fails = 0;
    manners.exit_fails = manners.check_fails = manners.taints = 0;
  } else if (mood == 1) {  // nothing does
    manners.init_fails = manners.enter_fails = 2;
    manners.throws = 8;
    manners.constructor_throws = 10;
  }
  manners.takes_time = 1 + chance.Pick(4);
  manners.longest = 50 + 100 * chance.Pick(5);
  if (chance.OneIn(3)) manners.hangs = 40;
  if (chance.OneIn(2)) manners.deaf = 0;
  if (chance.OneIn(2)) manners.forgets_init = 0;
  return manners;
}

Anteroom::Options PickKept(Chance chance) {
  Anteroom::Options options;
  options.events_kept = kEventsKept;
  options.receipts.receipts_kept =
      chance.OneIn(2) ? absl::Seconds(1) : absl::Minutes(10);
  options.receipts.receipts_max = chance.OneIn(2) ? 4 : 50;
  return options;
}

void TellPolicy(std::uint64_t seed, const Policy& policy, Hooks hooks) {
  std::fputs(
      absl::StrCat("seed ", seed, ": init ", hooks.init, " enter ", hooks.enter,
                   " exit ", hooks.exit, " close ", hooks.close, " check ",
                   hooks.check, "; keyed ", policy.keyed, " instances ",
                   policy.max_instances, " holders ", policy.max_holders,
                   " min_idle ", policy.min_idle, " waiters ",
                   policy.max_waiters, " attempts ", policy.init_retry.attempts,
                   " breaker ", policy.breaker.failures, " keep ",
                   policy.abandon_init == AbandonInit::kKeep, " never ",
                   policy.await_init == AwaitInit::kNever, " idle ",
                   absl::FormatDuration(policy.idle_timeout), " ttl ",
                   absl::FormatDuration(policy.default_ttl), " to ",
                   absl::FormatDuration(policy.max_ttl), " hold ",
                   absl::FormatDuration(policy.max_hold), " notice ",
                   absl::FormatDuration(policy.revoke_notice), "\n")
          .c_str(),
      stderr);
}

}  // namespace

WorldReport RunRandomWorld(std::uint64_t seed, bool checks, bool tells) {
  auto world = std::make_unique<RandomWorld>(seed, checks, tells);
  WorldReport report = world->Run();
  // A broken world cannot be taken down: its own checks would end the process.
  if (!report.violation.empty()) {
    static auto* const broken = new std::vector<std::unique_ptr<RandomWorld>>();
    broken->push_back(std::move(world));
  }
  return report;
}

RandomWorld::RandomWorld(std::uint64_t seed, bool checks, bool tells)
    : chance_(seed * 5 + 0),
      world_(seed),
      hooks_(PickHooks(Chance(seed * 5 + 1))),
      policy_(PickPolicy(Chance(seed * 5 + 2))),
      with_requests_(Chance(seed).OneIn(4)),
      with_streams_(Chance(~seed).OneIn(3)),
      with_deferred_(Chance(~(2 * seed)).OneIn(2)),
      with_operator_(Chance(~(2 * seed + 1)).OneIn(2)),
      with_losses_(Chance(~(3 * seed)).OneIn(4)),
      with_passes_(Chance(~(3 * seed + 1)).OneIn(3)),
      with_making_(Chance(~(3 * seed + 2)).OneIn(3)),
      options_(PickKept(Chance(seed * 5 + 3))),
      witness_(world_.runtime(), seed, policy_, hooks_, checks),
      anteroom_(std::make_unique<Anteroom>(world_.runtime(), options_)),
      calls_(world_.runtime()),
      next_event_(anteroom_->events().next_sequence()) {
  witness_.set_tells(tells);
  if (tells) TellPolicy(seed, policy_, hooks_);
  witness_.set_read_log([this] { ReadLog(); });
  auto kind = std::make_unique<RandomKind>(
      world_.runtime(), hooks_, PickManners(Chance(seed * 5 + 4)), with_making_,
      chance_.Next(), witness_);
  kind_ = kind.get();
  const absl::Status added =
      anteroom_->AddResource("r", policy_, std::move(kind));
  ANTEROOM_CHECK(added.ok());
  pool_ = *anteroom_->FindPool("r");
  witness_.set_pool(*pool_);
  uses_ = std::make_unique<RandomCalls>(RandomCalls::World{
      runtime(), *anteroom_, *kind_, witness_, chance_, calls_});
  anteroom_->Start();
}

WorldReport RandomWorld::Run() {
  const std::uint64_t scopes = kFewestScopes + chance_.Pick(kMoreScopes);
  const bool watched = chance_.OneIn(4);
  if (watched) calls_.Spawn(Watch());
  RunUntilIdle();
  while (report_.scopes < scopes && Fine()) Step();
  for (std::uint64_t more = chance_.Pick(30); more > 0 && Fine(); --more) {
    chance_.OneIn(3) ? BeginDrainWithin() : BeginDrain();
    Step();
  }
  RunToTheEnd();
  report_.violation = witness_.violation();
  report_.hash = witness_.hash();
  return std::move(report_);
}

void RandomWorld::Step() {
  if (with_losses_ && chance_.OneIn(40)) kind_->LoseOne(chance_);
  const std::uint64_t what = chance_.Pick(20);
  if (clients() < kMostClients ? what < 7 : what < 1) {
    with_streams_&& chance_.OneIn(3) ? ComeByStream() : Come();
  } else if (what < 10 && chance_.Pick(clients() + 1) < scopes_.size()) {
    ActOnAScope();
  } else if (what < 10) {
    ReleaseOne();
  } else if (what < 12) {
    chance_.Pick(clients() + 1) < scopes_.size() ? ActOnAScope() : UseOne();
  } else if (what == 12) {
    RenewOne();
  } else if (what == 13) {
    LeaveOne();
  } else if (what == 14 && with_operator_ && chance_.OneIn(2)) {
    switch (chance_.Pick(4)) {
      case 0:
        EvictOne();
        break;
      case 1:
        Explain();
        break;
      default:
        RevokeListed();
    }
  } else if (what == 14) {
    switch (chance_.Pick(6)) {
      case 0:
        RevokeOne();
        break;
      case 1:
        uses_->StopOne();
        break;
      case 2:
        ReadLog();
        world_.clock().JumpWall(chance_.Milliseconds(4000) - absl::Seconds(2));
        break;
      case 3:
        ViewOne();
        break;
      default:
        ReleaseEnded();
    }
  } else if (what == 15) {
    for (std::uint64_t i = chance_.Pick(8); i > 0; --i) {
      world_.executor().RunOne();
    }
  } else if (what < 18) {
    RunUntilIdle();
  } else {
    Advance(chance_.OneIn(8) ? absl::Seconds(1) + chance_.Milliseconds(2000)
                             : chance_.Milliseconds(250));
  }
}

// ---- steps ----

std::string RandomWorld::PickRequest(const AcquireOptions& options) {
  if (!with_requests_ || chance_.OneIn(3)) return "";
  if (chance_.OneIn(4)) ++requests_;
  // Now and then one that was used for another key or priority.
  if (chance_.OneIn(20)) return absl::StrCat("request ", requests_);
  return absl::StrCat("request ", requests_, options.key, options.priority);
}

AcquireOptions RandomWorld::PickOptions(LeaseTrack& track) {
  AcquireOptions options;
  if (policy_.keyed) {
    options.key = std::string(1, static_cast<char>('a' + chance_.Pick(5)));
  }
  options.no_wait = chance_.OneIn(10);
  options.priority =
      chance_.OneIn(4) ? static_cast<int>(chance_.Pick(3)) - 1 : 0;
  options.deferred = with_deferred_ && chance_.OneIn(4);
  if (chance_.OneIn(3)) options.ttl = chance_.Milliseconds(3500);
  options.holder = absl::StrCat(track.number);
  track.key = options.key;
  track.priority = options.priority;
  track.no_wait = options.no_wait;
  track.deferred = options.deferred;
  track.ttl = options.ttl == absl::ZeroDuration()
                  ? policy_.default_ttl
                  : std::min(options.ttl, policy_.max_ttl);
  return options;
}

void RandomWorld::Come() {
  LeaseTrack& track = witness_.NewAttempt();
  AcquireOptions options = PickOptions(track);
  options.stream_bound = chance_.OneIn(3);
  options.request = PickRequest(options);
  options.arguments =
      absl::StrCat(options.key, options.priority, options.deferred);
  const absl::Duration max_wait =
      chance_.OneIn(2) ? absl::InfiniteDuration() : chance_.Milliseconds(1500);
  const coro::Instant now = world_.clock().Now();
  const coro::Instant deadline =
      chance_.OneIn(6) ? coro::After(now, chance_.Milliseconds(1000))
                       : coro::kNever;

  track.stream_bound = options.stream_bound;
  track.has_request = !options.request.empty();
  const coro::Instant bound = coro::After(now, max_wait);
  track.deadline = track.has_request ? deadline : std::min(bound, deadline);
  track.attempt_deadline =
      track.has_request || track.deferred ? bound : track.deadline;
  if (witness_.checks()) {
    options.sink = std::shared_ptr<EventSink>(std::shared_ptr<void>(), &track);
  }
  ++report_.scopes;
  auto client = std::make_shared<Client>();
  client->track = &track;
  clients_.push_back(client);
  witness_.AcquireBegins(track);
  calls_.Spawn(
      Acquire(std::move(client), std::move(options), max_wait, deadline));
  witness_.AcquireBegan(track);
}

void RandomWorld::ComeByStream() {
  LeaseTrack& track = witness_.NewAttempt();
  Scope::AcquireRequested acquire;
  acquire.resource = "r";
  acquire.options = PickOptions(track);
  AcquireOptions& options = acquire.options;
  options.stream_bound = true;
  if (chance_.OneIn(2)) {
    options.request = absl::StrCat("scope ", track.number);
    track.own_request = true;
  }
  acquire.max_wait =
      chance_.OneIn(2) ? absl::InfiniteDuration() : chance_.Milliseconds(1500);
  if (!chance_.OneIn(3)) {
    acquire.disconnect_grace = chance_.Milliseconds(1500);
  }
  acquire.events = !chance_.OneIn(4);
  const coro::Instant now = world_.clock().Now();
  const coro::Instant deadline =
      chance_.OneIn(6) ? coro::After(now, chance_.Milliseconds(2000))
                       : coro::kNever;
  track.of_scope = track.stream_bound = true;
  const coro::Instant bound = coro::After(now, acquire.max_wait);
  const bool outlives = acquire.disconnect_grace > absl::ZeroDuration();
  track.deadline = outlives ? bound : std::min(bound, deadline);
  track.attempt_deadline =
      options.deferred || !options.request.empty() ? bound : track.deadline;
  ++report_.scopes;
  auto scope = std::make_shared<RandomScope>(
      RandomScope::World{runtime(), *anteroom_, witness_, chance_, policy_,
                         [this] { RunUntilIdle(); }},
      track);
  scopes_.push_back(scope);
  witness_.AcquireBegins(track);
  scope->Begin(std::move(acquire), deadline);
  witness_.AcquireBegan(track);
}

void RandomWorld::ActOnAScope() {
  if (scopes_.empty()) return;
  // (It may run what can be run, and with it be forgotten.)
  const std::shared_ptr<RandomScope> scope =
      scopes_[chance_.Pick(scopes_.size())];
  scope->Act();
}

// An operator takes any lease that is listed, of whoever waits or holds.
void RandomWorld::RevokeListed() {
  Pool::LeaseCursor cursor;
  std::vector<LeasePtr> all;
  const Pool::Counts counts = pool_->counts();
  while (all.size() <= counts.waiting + counts.leases) {
    const auto page = pool_->Leases(cursor, 1 + chance_.Pick(3));
    if (page.empty()) break;
    all.insert(all.end(), page.begin(), page.end());
  }
  witness_.Expect(all.size() == counts.waiting + counts.leases,
                  "a listing that leaves leases out, or tells them twice",
                  all.size());
  if (all.empty()) return;
  const LeasePtr& lease = all[chance_.Pick(all.size())];
  const bool over = lease->state() == LeaseState::kEnded;
  const auto found = anteroom_->FindByName(lease->name());
  witness_.Expect(over ? !found.ok() : found.ok() && *found == lease,
                  "a lease is not found by its name", all.size());
  if (over) return;
  LeaseTrack& track = witness_.TrackOf(lease->info());
  const absl::Duration notice =
      chance_.OneIn(2) ? absl::ZeroDuration() : chance_.Milliseconds(600);
  witness_.Tell("operator revokes", track.number);
  track.seen = lease;
  witness_.Revoked(track, notice, ExitReason::kRevoked);
  pool_->Revoke(lease, notice, ExitReason::kRevoked);
}

void RandomWorld::EvictOne() {
  const std::vector<InstanceView> views = pool_->Instances(0, 100);
  witness_.Expect(views.size() == pool_->counts().instances,
                  "a listing that leaves instances out", views.size());
  if (views.empty() || chance_.OneIn(10)) {
    witness_.Expect(HasReason(anteroom_->Evict("r#999999").status(),
                              Reason::kInstanceNotFound),
                    "an instance that is not was evicted", 0);
    return;
  }
  const InstanceView& view = views[chance_.Pick(views.size())];
  witness_.Tell("evict", view.number, view.info.instance_id);
  witness_.Evicted(view.number);
  const absl::StatusOr<InstanceView> evicted =
      anteroom_->Evict(view.info.instance_id);
  witness_.Expect(evicted.ok() && evicted->number == view.number,
                  "an eviction's answer", view.number);
}

void RandomWorld::Explain() {
  Pool::Census census;
  pool_->TakeCensus(census);
  for (const auto& [key, waiting, seats] : census.lines) {
    const Pool::WaitReport report = pool_->Explain(key, 2);
    const std::size_t instances = seats.size();
    std::size_t bound = 0;
    for (const Pool::Census::Seat& seat : seats) {
      bound += static_cast<std::size_t>(seat.bound);
    }
    witness_.Expect(
        report.all_waiters == waiting && report.all_holders == bound &&
            report.waiters.size() == std::min<std::size_t>(2, waiting) &&
            report.holders.size() == std::min<std::size_t>(2, bound) &&
            report.instances.size() == std::min<std::size_t>(2, instances) &&
            report.all_instances == census.instances &&
            report.draining == drain_began_,
        "what explains a wait", waiting);
  }
}

// The drain that an operator asks for, which time may force.
void RandomWorld::BeginDrainWithin() {
  if (drain_began_) return;
  drain_began_ = true;
  const coro::Instant deadline =
      coro::After(world_.clock().Now(), chance_.Milliseconds(700));
  witness_.DrainBegins();
  for (std::uint64_t i = 1 + chance_.Pick(2); i > 0; --i) {
    std::stop_source stop;
    calls_.Spawn(
        DrainWithin(chance_.OneIn(2) ? "" : "r", stop.get_token(), deadline));
    // It leaves; the drain goes on, and is forced all the same.
    if (chance_.OneIn(3)) stop.request_stop();
  }
  witness_.DrainForcedAt(deadline);
}

Task<void> RandomWorld::DrainWithin(std::string resource, std::stop_token stop,
                                    coro::Instant deadline) {
  Task<absl::StatusOr<bool>> drain =
      anteroom_->DrainWithin(std::move(resource), stop, deadline);
  const absl::StatusOr<bool> forced = co_await std::move(drain);
  witness_.Expect(forced.ok() || (stop.stop_requested() &&
                                  absl::IsCancelled(forced.status())),
                  "a drain was refused", 0);
  if (!forced.ok()) co_return;
  const Pool::Counts left = pool_->counts();
  witness_.Expect(
      *forced ? world_.clock().Now() >= deadline
              : left.instances == 0 && left.leases == 0 && left.waiting == 0,
      "a drain's answer", left.instances);
}

Task<void> RandomWorld::Acquire(std::shared_ptr<Client> client,
                                AcquireOptions options, absl::Duration max_wait,
                                coro::Instant deadline) {
  Task<absl::StatusOr<LeasePtr>> acquire = anteroom_->Acquire(
      "r", std::move(options), max_wait, client->stop.get_token(), deadline);
  const absl::StatusOr<LeasePtr> answer = co_await std::move(acquire);
  client->answered = true;
  if (answer.ok()) {
    client->lease = *answer;
    ++report_.granted;
  }
  witness_.Answered(*client->track, answer);
}

RandomWorld::Client* RandomWorld::PickHolder() {
  if (clients_.empty()) return nullptr;
  Client& client = *clients_[chance_.Pick(clients_.size())];
  return client.lease == nullptr ? nullptr : &client;
}

void RandomWorld::LeaveOne() {
  if (clients_.empty()) return;
  Client& client = *clients_[chance_.Pick(clients_.size())];
  if (client.answered) return;
  witness_.Left(*client.track);
  witness_.Tell("leave", client.track->number);
  client.stop.request_stop();
}

ExitCause RandomWorld::PickCause() {
  ExitCause cause;
  switch (chance_.Pick(8)) {
    case 0:
      cause.reason = ExitReason::kBodyFailed;
      cause.error = absl::AbortedError("the body failed");
      break;
    case 1:
      cause.reason = ExitReason::kCancelled;
      cause.error = absl::CancelledError("the body was cancelled");
      break;
    case 2:
      cause.reason = ExitReason::kDisconnected;
      break;
    default:
      break;
  }
  cause.tainted = chance_.OneIn(12);
  return cause;
}

void RandomWorld::ReleaseOne() {
  Client* const client = PickHolder();
  if (client == nullptr) return;
  const ExitCause cause = PickCause();
  std::stop_source stop;
  LeaseTrack& track = witness_.TrackOf(client->lease->info());
  const bool known = anteroom_->Find(client->lease->id()).ok();
  witness_.ExpectKept(track, *client->lease, known,
                      options_.receipts.receipts_kept,
                      options_.receipts.receipts_max);
  if (!known) return;
  witness_.Ending(track, cause);
  calls_.Spawn(Release(client->lease, &track, cause, stop.get_token()));
  // It leaves; the exit goes on.
  if (chance_.OneIn(8)) stop.request_stop();
}

Task<void> RandomWorld::Release(LeasePtr lease, LeaseTrack* track,
                                ExitCause cause, std::stop_token stop) {
  const std::string id = lease->id();
  Task<absl::StatusOr<Receipt>> release =
      anteroom_->Release(id, std::move(cause), stop, coro::kNever);
  const absl::StatusOr<Receipt> receipt = co_await std::move(release);
  witness_.Mix(static_cast<std::uint64_t>(receipt.status().code()));
  if (!receipt.ok()) {
    witness_.Expect(stop.stop_requested(), "a release was refused",
                    track->number);
    co_return;
  }
  witness_.Released(*track, *lease, *receipt);
}

void RandomWorld::ReleaseEnded() {
  if (ended_leases_.empty()) return;
  const std::size_t which = chance_.Pick(ended_leases_.size());
  const LeasePtr lease = ended_leases_[which];
  LeaseTrack& track = witness_.TrackOf(lease->info());
  const bool known = anteroom_->Find(lease->id()).ok();
  witness_.ExpectKept(track, *lease, known, options_.receipts.receipts_kept,
                      options_.receipts.receipts_max);
  if (known) calls_.Spawn(Release(lease, &track, PickCause(), {}));
}

void RandomWorld::UseOne() {
  if (with_passes_ && !scopes_.empty() && chance_.OneIn(4)) {
    return PassOnAScope();
  }
  Client* const client = PickHolder();
  if (client == nullptr) return;
  if (with_passes_ && chance_.OneIn(2)) return uses_->Pass(client->lease);
  uses_->Use(client->lease);
}

void RandomWorld::PassOnAScope() {
  const LeasePtr lease = scopes_[chance_.Pick(scopes_.size())]->lease();
  if (lease != nullptr) uses_->Pass(lease);
}

void RandomWorld::RenewOne() {
  Client* const client = PickHolder();
  if (client == nullptr) return;
  const bool held = client->lease->state() == LeaseState::kHeld ||
                    client->lease->state() == LeaseState::kEntering;
  const absl::Duration ttl =
      chance_.OneIn(2) ? absl::ZeroDuration() : chance_.Milliseconds(3500);
  LeaseTrack& track = witness_.TrackOf(client->lease->info());
  const auto renewed = anteroom_->Renew(client->lease->id(), ttl);
  witness_.Expect(renewed.ok() == held, "a renewal's answer", track.number);
  if (renewed.ok()) witness_.Renewed(track, ttl);
}

void RandomWorld::RevokeOne() {
  Client* const client = PickHolder();
  if (client == nullptr) return;
  const absl::Duration notice =
      chance_.OneIn(2) ? absl::ZeroDuration() : chance_.Milliseconds(600);
  witness_.Revoked(witness_.TrackOf(client->lease->info()), notice,
                   ExitReason::kRevoked);
  pool_->Revoke(client->lease, notice, ExitReason::kRevoked);
}

void RandomWorld::ViewOne() {
  Client* const client = PickHolder();
  if (client == nullptr || !witness_.checks()) return;
  witness_.CheckView(witness_.TrackOf(client->lease->info()),
                     client->lease->View());
}

void RandomWorld::ForgetOver() {
  for (std::size_t i = 0; i < clients_.size();) {
    Client& client = *clients_[i];
    const bool over =
        client.answered && (client.lease == nullptr ||
                            client.lease->state() == LeaseState::kEnded);
    if (!over) {
      ++i;
      continue;
    }
    if (client.lease != nullptr) {
      ended_leases_.push_back(std::move(client.lease));
      if (ended_leases_.size() > 12) ended_leases_.pop_front();
    }
    clients_[i] = std::move(clients_.back());
    clients_.pop_back();
  }
  uses_->ForgetOver();
  std::erase_if(scopes_, [this](const auto& scope) {
    if (!scope->Over()) return false;
    report_.granted += scope->granted();
    return true;
  });
}

void RandomWorld::BeginDrain() {
  if (drain_began_ || drain_awaited_) return;
  drain_began_ = drain_awaited_ = true;
  witness_.DrainBegins();
  calls_.Spawn(Drain());
}

Task<void> RandomWorld::Drain() {
  Task<void> drain = anteroom_->Drain();
  co_await std::move(drain);
  drained_ = true;
}

// A watcher that reads at its own pace, and may fall behind.
Task<void> RandomWorld::Watch() {
  const EventLog::Watch watch(anteroom_->events());
  std::uint64_t& next = watched_to_;
  next = anteroom_->events().next_sequence();
  const std::stop_token stop = watch_stop_.get_token();
  while (true) {
    Task<absl::StatusOr<std::vector<Event>>> read =
        anteroom_->events().Read(next, 7, stop);
    const absl::StatusOr<std::vector<Event>> events = co_await std::move(read);
    if (stop.stop_requested()) co_return;
    if (!events.ok()) {
      witness_.Expect(HasReason(events.status(), Reason::kEventsLost),
                      "a watcher was refused", next);
      next = anteroom_->events().next_sequence();
      continue;
    }
    witness_.Expect(!events->empty() && events->size() <= 7,
                    "a watcher was told nothing, or too much", next);
    for (const Event& event : *events) {
      witness_.Expect(event.sequence == next++, "a watcher missed an event",
                      event.sequence);
    }
  }
}

// ---- time ----

void RandomWorld::ReadLog() {
  if (!witness_.checks()) return;
  const std::uint64_t end = anteroom_->events().next_sequence();
  if (end == next_event_) return;
  std::vector<Event> events;
  events.swap(read_);  // for its memory
  events.clear();
  const absl::Status kept =
      anteroom_->events().ReadNow(next_event_, 100'000, events);
  witness_.Expect(kept.ok() && events.size() == end - next_event_,
                  "the log lost events", next_event_);
  if (!Fine()) return;
  for (const Event& event : events) {
    witness_.Expect(event.sequence == next_event_++, "the log has a gap",
                    event.sequence);
    witness_.OnLog(event);
  }
  read_.swap(events);
}

void RandomWorld::RunUntilIdle() {
  std::size_t ran = 0;
  do {
    world_.timers().PostDue();
    while (world_.executor().RunOne()) {
      if (++ran > kMostWork)
        return witness_.Violate("work without an end", ran);
    }
  } while (world_.timers().next_due() <= world_.clock().Now());
  ReadLog();
  witness_.Expect(
      watched_to_ == 0 || watched_to_ == anteroom_->events().next_sequence(),
      "a watcher was not told", watched_to_);
  witness_.CheckIdle();
  if (witness_.checks()) {
    for (const auto& scope : scopes_) scope->CheckIdle();
    uses_->CheckIdle();
  }
  // Nobody can come back to what a drain has ended.
  witness_.Expect(!drain_awaited_ || !pool_->drained().is_set() ||
                      anteroom_->scopes().size() == 0,
                  "a scope outlives the drain", anteroom_->scopes().size());
  ForgetOver();
}

void RandomWorld::MoveTo(coro::Instant when) {
  world_.clock().Advance(coro::Between(world_.clock().Now(), when));
}

void RandomWorld::Advance(absl::Duration by) {
  const coro::Instant end = coro::After(world_.clock().Now(), by);
  RunUntilIdle();
  while (Fine() && world_.timers().next_due() <= end) {
    MoveTo(world_.timers().next_due());
    RunUntilIdle();
  }
  MoveTo(end);
}

void RandomWorld::RunToTheEnd() {
  // All at last, whatever an operator has begun.
  drain_began_ = false;
  if (Fine()) BeginDrain();
  RunUntilIdle();
  for (std::size_t timers = 0; !drained_ && Fine(); ++timers) {
    if (timers > kMostTimers || world_.timers().pending() == 0) {
      return witness_.Violate("G8: the drain does not end", timers);
    }
    MoveTo(world_.timers().next_due());
    RunUntilIdle();
  }
  watched_to_ = 0;
  watch_stop_.request_stop();
  RunUntilIdle();
  if (!Fine()) return;
  witness_.CheckEnd();
  witness_.Expect(world_.timers().pending() == 0, "G8: a timer is left",
                  world_.timers().pending());
  witness_.Expect(anteroom_->leases_watched() == 0,
                  "G8: the timer of a lease is left",
                  anteroom_->leases_watched());
  witness_.Expect(anteroom_->scopes().size() == 0, "G8: a scope is left",
                  anteroom_->scopes().size());
  witness_.Expect(calls_.size() == 0, "G7: a call has no answer",
                  calls_.size());
}

}  // namespace anteroom::lifecycle
