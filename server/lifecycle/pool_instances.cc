// The tasks of an instance: its life, its init, and what watches it.
#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/coro/check.h"
#include "server/coro/sleep.h"
#include "server/error/error.h"
#include "server/lifecycle/backoff.h"
#include "server/lifecycle/check.h"
#include "server/lifecycle/exit.h"
#include "server/lifecycle/init.h"
#include "server/lifecycle/pool.h"

namespace anteroom::lifecycle {
namespace {

// How far max_lifetime varies, so that what was built together is not closed
// together.
constexpr double kLifetimeJitter = 0.1;

// How the constructor, or the init, of an object ends that has died meanwhile:
// however it ended by itself, the object is of no use.
absl::Status LostBeforeReady(const Instance& instance) {
  return WithReason(absl::UnavailableError(instance.loss.message()),
                    Reason::kInitFailed);
}

}  // namespace

// Only posts: who is lost may be under a lock, or about to be destroyed.
class Pool::Context : public InstanceContext {
 public:
  explicit Context(Instance& instance) : instance_(instance) {}

  void Lost(absl::Status why) override {
    ANTEROOM_CHECK(!why.ok());
    Pool& pool = instance_.pool();
    // Refused only once nothing is left to be told.
    pool.group_.SpawnPosted(
        pool.Lose(instance_.shared_from_this(), std::move(why)));
  }

 private:
  Instance& instance_;
};

coro::Task<void> Pool::Live(std::shared_ptr<Instance> instance) {
  instance->context = std::make_unique<Context>(*instance);
  coro::Task<absl::Status> construct = Construct(instance);
  const absl::Status constructed = co_await std::move(construct);
  const Hooks hooks = instance->hooks;
  if (constructed.ok() && hooks.init) {
    // Whether an init goes on that nobody awaits is decided where it is known
    // who is bound and who queues: under mu_, by stopping `abandoned`.
    instance->init = std::make_unique<Instance::InitFlight>(
        runtime_, group_, coro::OnAbandon::kKeep,
        [this, raw = instance.get()](const std::stop_token&) {
          return Initialize(raw->shared_from_this());
        });
  }
  const bool awaits_init =
      hooks.init && policy_.await_init == AwaitInit::kOnEnter;
  Todo todo;
  bool initializes = false;
  bool made = false;
  {
    coro::MutexLock lock(mu_);
    const absl::Status status =
        instance->loss.ok() ? constructed : LostBeforeReady(*instance);
    made = status.ok();
    if (!made) {
      NotMade(*instance, status, todo);
    } else {
      instance->Constructed();
      Note(*instance);
      // Nobody's Enter awaits its init.
      const bool alone = instance->warm || !hooks.enter;
      if (alone && !awaits_init) MarkReady(*instance, todo);
      if (!hooks.init) NoteInit(*instance, absl::OkStatus(), todo);
      Dispatch(*instance->line, todo);
      initializes = alone && awaits_init && !instance->retired;
      // Nobody wants it any more: its init does not even begin.
      if (alone && awaits_init && instance->retired) {
        BeginClosing(*instance, todo);
      }
      Settle(*instance, todo);
    }
  }
  Perform(std::move(todo), made ? Begin::kInline : Begin::kPosted);
  if (!constructed.ok()) co_return;
  if (initializes) {
    coro::Task<absl::StatusOr<std::monostate>> init = instance->init->Get();
    (void)co_await std::move(init);  // Initialize() has drawn the consequences
  }
  coro::Task<coro::Wake> closing = instance->closing().Wait();
  co_await std::move(closing);
  if (hooks.close) {
    coro::Task<absl::Status> close =
        RunClose(runtime_, policy_, *instance->object);
    (void)co_await std::move(close);  // closed all the same
  }
  instance->object.reset();
  instance->gone.request_stop();
  Todo after;
  {
    coro::MutexLock lock(mu_);
    instance->Transition(InstanceState::kClosed);
    Remove(*instance, after);
  }
  Perform(std::move(after), Begin::kPosted);
}

void Pool::NotMade(Instance& instance, const absl::Status& status, Todo& todo) {
  const std::vector<std::shared_ptr<Ticket>> waiters =
      instance.line->TakeWaitersOf(instance);
  // Lost while it was made, there may be an object all the same.
  const bool exists = instance.object != nullptr;
  if (exists) instance.Constructed();
  instance.Failed(status);
  Fail(waiters, status);
  NoteInit(instance, status, todo);
  if (!exists) return Remove(instance, todo);
  instance.retired = true;
  BeginClosing(instance, todo);
  Note(instance);
  Dispatch(*instance.line, todo);
}

coro::Task<absl::Status> Pool::Construct(std::shared_ptr<Instance> instance) {
  coro::Task<absl::StatusOr<Made>> making =
      RunConstruct(runtime_, policy_, *kind_, instance->info(),
                   *instance->context, instance->abandoned.get_token(),
                   drain_stop_.get_token(), ReportOf(instance));
  absl::StatusOr<Made> made = co_await std::move(making);
  if (!made.ok()) co_return made.status();
  ANTEROOM_CHECK(made->object != nullptr);
  instance->object = std::move(made->object);
  instance->hooks = made->hooks;
  co_return absl::OkStatus();
}

ProgressReport Pool::ReportOf(std::shared_ptr<Instance> instance) {
  return [this, instance = std::move(instance)](std::optional<double> fraction,
                                                absl::string_view message) {
    coro::MutexLock lock(mu_);
    instance->Progress(fraction, message, WaitingFor(*instance));
  };
}

coro::Task<absl::StatusOr<std::monostate>> Pool::Initialize(
    std::shared_ptr<Instance> instance) {
  {
    coro::MutexLock lock(mu_);
    // Never awaited, and in use without it: too late.
    if (instance->ready()) co_return std::monostate();
    // Once per instance: who asks again gets the same error.
    if (!instance->init_failure.ok()) co_return instance->init_failure;
    instance->Transition(InstanceState::kInitializing);
  }
  coro::Task<absl::Status> init = RunInit(
      runtime_, policy_, *instance->object, instance->abandoned.get_token(),
      drain_stop_.get_token(), ReportOf(instance));
  absl::Status status = co_await std::move(init);
  Todo todo;
  {
    coro::MutexLock lock(mu_);
    if (!instance->loss.ok()) status = LostBeforeReady(*instance);
    NoteInit(*instance, status, todo);
    if (status.ok()) {
      MarkReady(*instance, todo);
    } else {
      Fail(instance->line->TakeWaitersOf(*instance), status);
      instance->retired = true;
      instance->init_failure = status;
      instance->Transition(InstanceState::kFailed, status);
      Note(*instance);
    }
    Dispatch(*instance->line, todo);
    Settle(*instance, todo);
  }
  Perform(std::move(todo));
  if (!status.ok()) co_return status;
  co_return std::monostate();
}

coro::Task<void> Pool::Lose(std::shared_ptr<Instance> instance,
                            absl::Status why) {
  const absl::Status loss =
      Error(Reason::kInstanceLost,
            absl::StrCat("the object ", instance->info().instance_id,
                         " was lost: ", why.message()));
  Todo todo;
  std::vector<LeasePtr> leases;
  {
    coro::MutexLock lock(mu_);
    const bool over = instance->state() == InstanceState::kClosing ||
                      instance->state() == InstanceState::kClosed;
    if (over || !instance->loss.ok()) co_return;
    instance->loss = loss;
    todo->stop.push_back(instance->abandoned);
    const bool untouched = instance->constructed() &&
                           instance->state() == InstanceState::kConstructed &&
                           instance->bound.empty();
    // Those that enter it await its init, or are looked at when they are
    // granted.
    const bool ready = instance->ready();
    for (Lease& lease : instance->bound) {
      if (lease.instance() == nullptr) continue;  // it has ended
      if (ready || lease.state() != LeaseState::kEntering) {
        leases.emplace_back(&lease);
      }
    }
    // Else the end of its constructor, or of its init, draws the consequences.
    if (ready || untouched) {
      instance->Failed(loss);
      instance->retired = true;
      Note(*instance);
      Settle(*instance, todo);
      Dispatch(*instance->line, todo);
    }
  }
  Perform(std::move(todo));
  for (const LeasePtr& lease : leases) {
    lease->Lose(loss);
    End(lease, ExitCause{ExitReason::kInstanceLost, absl::OkStatus(), true});
  }
}

coro::Task<void> Pool::WatchIdle(std::shared_ptr<Instance> instance,
                                 std::stop_token stop) {
  const absl::Duration timeout = IdleTimeout();
  const absl::Duration interval = CheckInterval(*instance);
  coro::Instant kept_since = coro::kNever;
  coro::Instant checked_at = coro::Instant::min();
  while (true) {
    const coro::Instant now = runtime_.clock.Now();
    const coro::Instant since = IdleSince(*instance);
    const bool idle = since != coro::kNever;
    // What begins to be idle later is not due before this, either; nor what has
    // been kept.
    const coro::Instant expiry =
        coro::After(idle && since != kept_since ? since : now, timeout);
    const coro::Instant next_check =
        coro::After(idle ? std::max(since, checked_at) : now, interval);
    coro::Task<coro::Wake> sleep =
        coro::SleepUntil(runtime_, std::min(expiry, next_check), stop);
    if (co_await std::move(sleep) != coro::Wake::kTimedOut) co_return;
    if (!idle) continue;
    if (runtime_.clock.Now() >= expiry) {
      if (since != kept_since) Expire(*instance, since);
      kept_since = since;
    } else {
      coro::Task<void> check = Check(instance, since);
      co_await std::move(check);
      checked_at = runtime_.clock.Now();
    }
  }
}

coro::Instant Pool::IdleSince(const Instance& instance) const {
  coro::MutexLock lock(mu_);
  return instance.idle_since;
}

void Pool::Expire(Instance& instance, coro::Instant since) {
  Todo todo;
  {
    coro::MutexLock lock(mu_);
    if (instance.idle_since != since || instance.retired) return;
    const bool needed =
        instance.ready() &&
        instance.line->idle() <= static_cast<std::size_t>(policy_.min_idle);
    if (needed) return;
    instance.retired = true;
    Note(instance);
    Settle(instance, todo);
  }
  Perform(std::move(todo));
}

coro::Task<void> Pool::Check(std::shared_ptr<Instance> instance,
                             coro::Instant since) {
  {
    coro::MutexLock lock(mu_);
    if (instance->idle_since != since || instance->retired ||
        !instance->ready()) {
      co_return;
    }
    instance->checking = true;
    Note(*instance);
  }
  coro::Task<absl::Status> check =
      RunCheck(runtime_, policy_, *instance->object, drain_stop_.get_token());
  const absl::Status status = co_await std::move(check);
  Todo todo;
  {
    coro::MutexLock lock(mu_);
    instance->checking = false;
    if (!status.ok()) {
      if (instance->loss.ok()) instance->Failed(status);
      instance->retired = true;
    }
    Note(*instance);
    Dispatch(*instance->line, todo);
    Settle(*instance, todo);
  }
  Perform(std::move(todo));
}

coro::Task<void> Pool::WatchAge(std::shared_ptr<Instance> instance,
                                std::stop_token stop) {
  const absl::Duration lifetime = UniformDuration(
      policy_.max_lifetime * (1 - kLifetimeJitter),
      policy_.max_lifetime * (1 + kLifetimeJitter), runtime_.random);
  coro::Task<coro::Wake> sleep = coro::SleepUntil(
      runtime_, coro::After(runtime_.clock.Now(), lifetime), std::move(stop));
  if (co_await std::move(sleep) != coro::Wake::kTimedOut) co_return;
  Todo todo;
  {
    coro::MutexLock lock(mu_);
    if (instance->retired) co_return;
    instance->retired = true;
    Note(*instance);
    Settle(*instance, todo);
    Dispatch(*instance->line, todo);
  }
  Perform(std::move(todo));
}

}  // namespace anteroom::lifecycle
