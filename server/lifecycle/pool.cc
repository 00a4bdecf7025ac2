// Leases: how they are asked for, granted, used and ended. How instances are
// built, bound and closed is in pool_instances.cc.
#include "server/lifecycle/pool.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "server/coro/check.h"
#include "server/error/error.h"
#include "server/lifecycle/enter.h"
#include "server/lifecycle/exit.h"
#include "server/lifecycle/hook.h"
#include "server/lifecycle/use.h"

namespace anteroom::lifecycle {
namespace {

// How soon a refused acquire may be worth trying again.
constexpr absl::Duration kRetryDelay = absl::Seconds(1);

absl::Status DrainingError(absl::string_view resource) {
  return Error(Reason::kDraining,
               absl::StrCat("the resource ", resource, " is going away"));
}

absl::Status StatusOf(const absl::Status& status) { return status; }
absl::Status StatusOf(const absl::StatusOr<Payload>& result) {
  return result.status();
}

}  // namespace

Pool::Pool(coro::Runtime runtime, EventLog& events, LeaseTable& leases,
           LeaseTimers& timers, std::string resource, const Policy& policy,
           std::unique_ptr<Kind> kind)
    : runtime_(runtime),
      events_(events),
      table_(leases),
      timers_(timers),
      resource_(std::move(resource)),
      subject_(std::make_shared<EventSubject>(EventSubject{resource_, "", ""})),
      policy_(policy),
      kind_(std::move(kind)),
      slots_(policy.max_holders == 0 ? Line::kManySlots : policy.max_holders),
      // Growing over restarts: no token is ever given twice.
      first_number_(absl::ToUnixMicros(runtime.clock.WallNow())),
      group_(runtime),
      emptied_(runtime),
      drained_(runtime),
      breaker_(policy.breaker.failures, policy.breaker.open),
      last_token_(first_number_),
      last_lease_(first_number_) {
  ANTEROOM_CHECK(Validate(policy).ok());
}

Pool::~Pool() {
  const Counts left = counts();
  ANTEROOM_CHECK(left.instances == 0 && left.leases == 0 && left.waiting == 0);
}

void Pool::Start() {
  if (policy_.keyed) return;
  Todo todo;
  {
    coro::MutexLock lock(mu_);
    Dispatch(LineOf(/*key=*/""), todo);
  }
  Perform(std::move(todo));
}

std::shared_ptr<const EventSubject> Pool::SubjectOf(
    absl::string_view key) const {
  if (key.empty()) return subject_;
  return std::make_shared<EventSubject>(
      EventSubject{resource_, std::string(key), ""});
}

absl::Status Pool::CheckKey(absl::string_view key) const {
  if (key.empty() != policy_.keyed) return absl::OkStatus();
  return InvalidField(
      "key", absl::StrCat("the resource ", resource_,
                          key.empty() ? " is keyed: which of its objects?"
                                      : " is not keyed"));
}

LeasePtr Pool::MakeLease(AcquireOptions&& options) {
  return table_.Make(*this, ++last_lease_, std::move(options));
}

coro::Task<absl::StatusOr<LeasePtr>> Pool::Acquire(LeasePtr lease,
                                                   std::stop_token stop,
                                                   coro::Instant deadline) {
  // What is not needed while it waits is in functions of its own: there may be
  // many thousands of these frames.
  absl::StatusOr<std::shared_ptr<Ticket>> ticket = Admit(lease);
  absl::Status status = ticket.status();
  if (status.ok() && *ticket != nullptr) {
    const coro::Wake wake = co_await (*ticket)->Wait(stop, deadline);
    status = EndWait(*ticket, wake);
  }
  if (!status.ok()) co_return status;
  if (lease->deferred()) {
    status = Defer(lease, stop, deadline);
  } else if (lease->instance()->hooks.enter) {
    coro::Task<absl::Status> enter = Enter(lease, std::move(stop), deadline);
    status = co_await std::move(enter);
  } else {
    status = GrantAtOnce(lease, stop, deadline);
  }
  if (!status.ok()) co_return status;
  co_return lease;
}

coro::Task<absl::Status> Pool::Enter(LeasePtr lease, std::stop_token stop,
                                     coro::Instant deadline) {
  // There until the lease is unbound.
  Instance& instance = *lease->instance();
  coro::Task<EnterResult> enter =
      RunEnter(runtime_, policy_, instance, lease, stop, deadline);
  EnterResult entered = co_await std::move(enter);
  if (entered.status.ok()) {
    co_return Grant(lease, instance, std::move(entered.value), stop, deadline);
  }
  lease->Fail(entered.status, /*announce=*/!entered.init_failed);
  if (lease->deferred()) table_.Ended(lease, runtime_.clock.Now());
  Unbind(lease, instance, /*retire=*/!entered.left_in_init);
  lease->AnnounceEnd();
  if (lease->receipt().reason != ExitReason::kEnterFailed) {
    co_return EarlyEnd(*lease);
  }
  co_return entered.status;
}

coro::Task<void> Pool::EnterDeferred(LeasePtr lease) {
  const coro::Instant deadline = lease->enter_by();
  coro::Task<absl::Status> enter = Enter(std::move(lease), {}, deadline);
  (void)co_await std::move(enter);  // the lease says it to whoever asks
}

absl::Status Pool::EarlyEnd(const Lease& lease) const {
  {
    coro::MutexLock lock(mu_);
    if (draining_) return DrainingError(resource_);
  }
  const absl::Status loss = lease.loss();
  return loss.ok() ? lease.CheckLive() : loss;
}

absl::StatusOr<std::shared_ptr<Ticket>> Pool::Admit(const LeasePtr& lease) {
  absl::StatusOr<std::shared_ptr<Ticket>> admitted = BindOrQueue(lease);
  if (!admitted.ok()) lease->Fail(admitted.status(), /*announce=*/false);
  return admitted;
}

absl::StatusOr<std::shared_ptr<Ticket>> Pool::BindOrQueue(
    const LeasePtr& lease) {
  Todo todo;
  std::shared_ptr<Ticket> ticket;
  absl::Status refused;
  {
    coro::MutexLock lock(mu_);
    if (draining_) return DrainingError(resource_);
    Line& line = LineOf(lease->key());
    // Nobody waits where there is room.
    if (Instance* const room = line.FindRoom()) {
      Bind(lease, *room);
    } else {
      ticket = std::make_shared<Ticket>(runtime_, lease, ++last_arrival_);
      line.queue().Push(ticket);
    }
    Dispatch(line, todo);
    if (ticket != nullptr) refused = MayWait(*ticket);
    if (!refused.ok()) {
      // The line is there yet: the ticket is in its queue.
      line.queue().Remove(*ticket);
      Recount(line);
    }
  }
  Perform(std::move(todo));
  if (!refused.ok()) return refused;
  return ticket;
}

absl::Status Pool::MayWait(Ticket& ticket) {
  const auto line = lines_.find(ticket.lease->key());
  if (line == lines_.end()) return absl::OkStatus();  // refused already
  const WaitQueue& queue = line->second.queue();
  const std::size_t position = queue.PositionOf(ticket);
  const std::size_t served = queue.size() - line->second.unserved();
  // Bound already, or what is under way will serve it.
  if (position <= served) return absl::OkStatus();
  if (ticket.lease->no_wait()) {
    return WithRetryDelay(
        Error(Reason::kWouldWait,
              absl::StrCat("every object of ", resource_,
                           " is taken, and no_wait was asked for")),
        kRetryDelay);
  }
  if (unserved_ > static_cast<std::size_t>(policy_.max_waiters)) {
    return WithRetryDelay(Error(Reason::kQueueFull,
                                absl::StrCat(policy_.max_waiters,
                                             " already wait for ", resource_)),
                          kRetryDelay);
  }
  ticket.told_position = position - served;
  ticket.lease->Queued(static_cast<int>(position - served));
  return absl::OkStatus();
}

absl::Status Pool::EndWait(const std::shared_ptr<Ticket>& ticket,
                           coro::Wake wake) {
  if (wake != coro::Wake::kSignalled) {
    Leave(ticket);
    absl::Status left =
        wake == coro::Wake::kTimedOut ? WaitTimedOut() : CallerLeft();
    ticket->lease->Fail(left, /*announce=*/true);
    return left;
  }
  {
    coro::MutexLock lock(mu_);  // whoever signalled has finished binding
    if (ticket->bound) return absl::OkStatus();
  }
  ticket->lease->Fail(ticket->failure, /*announce=*/false);
  return ticket->failure;
}

absl::Status Pool::Defer(const LeasePtr& lease, const std::stop_token& stop,
                         coro::Instant deadline) {
  table_.Add(lease);
  // The instance is bound: the group is open.
  ANTEROOM_CHECK(group_.SpawnPosted(EnterDeferred(lease)));
  return EndIfLeft(lease, stop, deadline, runtime_.clock.Now());
}

absl::Status Pool::EndIfLeft(const LeasePtr& lease, const std::stop_token& stop,
                             coro::Instant deadline, coro::Instant now) {
  const bool too_late = now >= deadline;
  if (!stop.stop_requested() && !too_late) return absl::OkStatus();
  End(lease, ExitCause{ExitReason::kDisconnected, absl::OkStatus(), false});
  return too_late ? WaitTimedOut() : CallerLeft();
}

void Pool::Leave(const std::shared_ptr<Ticket>& ticket) {
  Todo todo;
  {
    coro::MutexLock lock(mu_);
    Line& line = LineOf(ticket->lease->key());
    line.queue().Remove(*ticket);
    DropCaused(line, *ticket);
    Dispatch(line, todo);
  }
  Perform(std::move(todo));
}

absl::Status Pool::GrantAtOnce(const LeasePtr& lease,
                               const std::stop_token& stop,
                               coro::Instant deadline) {
  Instance& instance = *lease->instance();
  return Grant(lease, instance, instance.object->Value(), stop, deadline);
}

absl::Status Pool::Grant(const LeasePtr& lease, Instance& instance,
                         Payload value, const std::stop_token& stop,
                         coro::Instant deadline) {
  Todo todo;
  absl::Status loss;
  {
    coro::MutexLock lock(mu_);
    // Its own Enter did not await the init, and the policy says never.
    if (instance.state() == InstanceState::kConstructed) {
      MarkReady(instance, todo);
    }
    loss = instance.loss;
    if (!loss.ok()) {
      instance.retired = true;
      Note(instance);
      Dispatch(*instance.line, todo);
    }
  }
  Perform(std::move(todo));
  if (!loss.ok()) {
    lease->Lose(loss);
    lease->AbortEnter({ExitReason::kInstanceLost, absl::OkStatus(), true});
  }
  if (!lease->deferred()) table_.Add(lease);
  const coro::Instant now = runtime_.clock.Now();
  const std::optional<ExitCause> early_end =
      lease->Enter(std::move(value), now);
  if (early_end.has_value()) {
    End(lease, *early_end);
    lease->AnnounceEntered();
    return EarlyEnd(*lease);
  }
  lease->AnnounceEntered();
  absl::Status left = EndIfLeft(lease, stop, deadline, now);
  if (left.ok()) WatchEnd(lease, now);
  return left;
}

template <typename Call>
auto Pool::Called(LeasePtr lease, absl::string_view method,
                  std::uint64_t fencing_token, std::stop_token stop,
                  coro::Instant deadline, Call call)
    -> std::invoke_result_t<Call&, Object&, UseContext&, absl::string_view> {
  if (lease->deferred()) {
    coro::Task<absl::Status> enter = lease->AwaitEntered(stop, deadline);
    const absl::Status entered = co_await std::move(enter);
    if (!entered.ok()) co_return entered;
  }
  const absl::StatusOr<Instance*> instance =
      CountIn(*lease, method, fencing_token);
  if (!instance.ok()) co_return instance.status();
  UseCall context(runtime_, policy_, *lease, std::move(stop), deadline);
  Guarded hook([&] { return call(*(*instance)->object, context, method); });
  auto result = co_await hook;
  if (!result.ok()) result = context.Explain(StatusOf(result));
  CountOut(lease);
  co_return result;
}

absl::StatusOr<Instance*> Pool::CountIn(Lease& lease, absl::string_view method,
                                        std::uint64_t fencing_token) {
  const absl::StatusOr<Instance*> instance =
      lease.BeginUse(method, fencing_token);
  if (instance.ok()) {
    (*instance)->uses.fetch_add(1, std::memory_order_relaxed);
  }
  return instance;
}

void Pool::CountOut(const LeasePtr& lease) {
  if (lease->EndUse()) WatchEnd(lease, runtime_.clock.Now());
}

coro::Task<absl::StatusOr<Payload>> Pool::Use(
    LeasePtr lease, absl::string_view method, PayloadView argument,
    std::uint64_t fencing_token, std::stop_token stop, coro::Instant deadline) {
  return Called(
      std::move(lease), method, fencing_token, std::move(stop), deadline,
      [argument](Object& object, UseContext& context, absl::string_view name) {
        return object.Use(context, name, argument);
      });
}

coro::Task<absl::Status> Pool::UseStream(
    LeasePtr lease, absl::string_view method, PayloadView argument,
    UseChannel& channel, std::uint64_t fencing_token, std::stop_token stop,
    coro::Instant deadline) {
  return Called(std::move(lease), method, fencing_token, std::move(stop),
                deadline,
                [argument, &channel](Object& object, UseContext& context,
                                     absl::string_view name) {
                  return object.UseStream(context, name, argument, channel);
                });
}

coro::Task<absl::StatusOr<std::unique_ptr<Passage>>> Pool::Pass(
    LeasePtr lease, absl::string_view method, std::uint64_t fencing_token,
    std::stop_token stop, coro::Instant deadline) {
  if (lease->deferred()) {
    coro::Task<absl::Status> enter = lease->AwaitEntered(stop, deadline);
    const absl::Status entered = co_await std::move(enter);
    if (!entered.ok()) co_return entered;
  }
  const absl::StatusOr<Instance*> instance =
      CountIn(*lease, method, fencing_token);
  if (!instance.ok()) co_return instance.status();
  absl::StatusOr<std::string> endpoint =
      (*instance)->object->Endpoint(lease->value());
  if (!endpoint.ok()) {
    CountOut(lease);
    co_return WithReason(std::move(endpoint).status(), Reason::kUseFailed);
  }
  co_return std::make_unique<Passage>(runtime_, *this, std::move(lease),
                                      **instance, *std::move(endpoint));
}

absl::Status Pool::Renew(const LeasePtr& lease, absl::Duration ttl) {
  const absl::Status renewed = lease->Renew(ttl);
  if (!renewed.ok()) return renewed;
  // A later end is found when the timer fires; an earlier one must be set.
  if (ttl != absl::ZeroDuration()) WatchEnd(lease, runtime_.clock.Now());
  return absl::OkStatus();
}

void Pool::WatchEnd(const LeasePtr& lease, coro::Instant now, Begin exit) {
  if (lease->DecideEnd(now)) SpawnExit(lease, now, exit);
}

void Pool::End(const LeasePtr& lease, ExitCause cause) {
  if (lease->AbortEnter(cause)) return;
  const coro::Instant now = runtime_.clock.Now();
  if (lease->DecideExit(std::move(cause), now)) SpawnExit(lease, now);
}

void Pool::SpawnExit(const LeasePtr& lease, coro::Instant now, Begin exit) {
  // The group is closed only once no lease is bound any more.
  coro::TaskGroup::Ticket ticket = group_.CountIn();
  ANTEROOM_CHECK(ticket);
  if (exit == Begin::kInline) {
    Exit(std::move(ticket), lease, now);
  } else {
    runtime_.executor.Post(
        [this, ticket = std::move(ticket), lease = lease]() mutable {
          Exit(std::move(ticket), std::move(lease), runtime_.clock.Now());
        });
  }
}

coro::TaskGroup::Detached Pool::Exit(coro::TaskGroup::Ticket /*moved out*/,
                                     LeasePtr lease, coro::Instant now) {
  // There until the lease is unbound.
  Instance& instance = *lease->instance();
  const ExitCause cause = lease->cause();
  ExitOutcome outcome;  // of most, which have nothing to await
  if (instance.hooks.exit || lease->in_use()) {
    coro::Task<ExitOutcome> exit =
        RunExit(runtime_, policy_, group_, instance, lease);
    outcome = co_await std::move(exit);
    now = runtime_.clock.Now();
  }
  if (cause.reason == ExitReason::kInstanceLost && outcome.status.ok()) {
    outcome.status = lease->loss();
  }
  const bool tainted =
      cause.tainted || outcome.result.tainted || !outcome.status.ok();
  lease->End(outcome.result.suppress, outcome.status, outcome.attempts, now);
  table_.Ended(lease, now);
  const bool retire = tainted && !policy_.reuse_tainted;
  if (outcome.still_runs != nullptr) {
    // The holder need not wait for it; its slot cannot be lent, nor the object
    // closed.
    if (retire) Retire(instance);
    lease->AnnounceEnd();
    coro::Task<coro::Wake> ended = outcome.still_runs->Wait();
    co_await std::move(ended);
  }
  Unbind(lease, instance, retire);
  lease->AnnounceEnd();
}

void Pool::Retire(Instance& instance) {
  Todo todo;
  {
    coro::MutexLock lock(mu_);
    instance.retired = true;
    Note(instance);
    Dispatch(*instance.line, todo);
  }
  Perform(std::move(todo));
}

void Pool::Unbind(const LeasePtr& lease, Instance& instance, bool retire) {
  Todo todo;
  {
    coro::MutexLock lock(mu_);
    if (instance.causer == lease) instance.causer.reset();
    instance.bound.Remove(*lease);
    --leases_;
    instance.retired |= retire;
    HandOn(instance, todo);
    AbandonUnheld(instance, todo);
    Settle(instance, todo);
  }
  Perform(std::move(todo));
}

coro::Task<void> Pool::Drain() {
  Todo todo;
  std::vector<LeasePtr> leases;
  bool begun = false;
  {
    coro::MutexLock lock(mu_);
    begun = std::exchange(draining_, true);
    if (!begun) {
      for (auto& [key, line] : lines_) {
        SetHungry(line, false);
        Fail(line.queue().Take(0, line.queue().size()),
             DrainingError(resource_));
      }
      for (const auto& [number, instance] : instances_) {
        instance->retired = true;
        Note(*instance);
        if (instance->bound.empty()) todo->stop.push_back(instance->abandoned);
        Settle(*instance, todo);
      }
      leases = Bound();
      if (instances_.empty()) emptied_.Set();
    }
  }
  if (begun) {
    coro::Task<coro::Wake> drained = drained_.Wait();
    co_await std::move(drained);
    co_return;
  }
  Perform(std::move(todo));
  for (const LeasePtr& lease : leases) {
    Revoke(lease, policy_.revoke_notice, ExitReason::kDrained);
  }
  drain_stop_.request_stop();
  coro::Task<coro::Wake> emptied = emptied_.Wait();
  co_await std::move(emptied);
  coro::Task<void> joined = group_.Join();
  co_await std::move(joined);
  coro::Task<void> ended = kind_->End();
  co_await std::move(ended);
  drained_.Set();
}

void Pool::ForceDrain() {
  std::vector<LeasePtr> leases;
  {
    coro::MutexLock lock(mu_);
    drain_forced_ |= !instances_.empty();
    leases = Bound();
  }
  for (const LeasePtr& lease : leases) {
    Revoke(lease, absl::ZeroDuration(), ExitReason::kDrained);
    lease->CancelUses();
  }
}

std::vector<LeasePtr> Pool::Bound() const {
  std::vector<LeasePtr> leases;
  leases.reserve(leases_);
  for (const auto& [number, instance] : instances_) {
    for (Lease& lease : instance->bound) leases.emplace_back(&lease);
  }
  return leases;
}

bool Pool::drain_forced() const {
  coro::MutexLock lock(mu_);
  return drain_forced_;
}

Pool::Counts Pool::counts() const {
  coro::MutexLock lock(mu_);
  Counts counts{instances_.size(), leases_, 0};
  for (const auto& [key, line] : lines_) counts.waiting += line.queue().size();
  return counts;
}

void Pool::TakeCensus(Census& census) const {
  coro::MutexLock lock(mu_);
  census.instances = instances_.size();
  census.lines.resize(lines_.size());
  auto next = census.lines.begin();
  for (const auto& [key, line] : lines_) {
    next->key = key;
    next->waiting = line.queue().size();
    next->seats.clear();
    for (const auto& [number, instance] : line.instances()) {
      next->seats.push_back({number, instance->constructed(), instance->state(),
                             static_cast<int>(instance->bound.size()),
                             instance->retired, instance->checking,
                             instance->warm});
    }
    ++next;
  }
}

const Pool::Census::Line* Pool::Census::Find(const std::string& key) const {
  for (const Line& line : lines) {
    if (line.key == key) return &line;
  }
  return nullptr;
}

}  // namespace anteroom::lifecycle
