// Leases: how they are asked for, granted, used and ended. How instances are
// built, bound and closed is in pool_instances.cc.
#include "server/lifecycle/pool.h"

#include <exception>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "server/coro/check.h"
#include "server/error/error.h"
#include "server/lifecycle/enter.h"
#include "server/lifecycle/exit.h"
#include "server/lifecycle/use.h"

namespace anteroom::lifecycle {
namespace {

// How soon a refused acquire may be worth trying again.
constexpr absl::Duration kRetryDelay = absl::Seconds(1);

absl::Status DrainingError(absl::string_view resource) {
  return Error(Reason::kDraining,
               absl::StrCat("the resource ", resource, " is going away"));
}

}  // namespace

Pool::Pool(coro::Runtime runtime, EventLog& events, LeaseTable& leases,
           std::string resource, const Policy& policy,
           std::unique_ptr<Kind> kind)
    : runtime_(runtime),
      events_(events),
      table_(leases),
      resource_(std::move(resource)),
      policy_(policy),
      kind_(std::move(kind)),
      hooks_(kind_->hooks()),
      slots_(policy.max_holders == 0 ? std::numeric_limits<std::size_t>::max()
                                     : policy.max_holders),
      group_(runtime),
      emptied_(runtime),
      // Growing over restarts: no token is ever given twice.
      last_token_(absl::ToUnixMicros(runtime.clock.WallNow())),
      last_lease_(last_token_) {
  ANTEROOM_CHECK(Validate(policy).ok());
}

Pool::~Pool() {
  const Counts left = counts();
  ANTEROOM_CHECK(left.instances == 0 && left.leases == 0 && left.waiting == 0);
}

std::shared_ptr<Lease> Pool::MakeLease(AcquireOptions options) {
  std::uint64_t number = 0;
  {
    coro::MutexLock lock(mu_);
    number = ++last_lease_;
  }
  const std::string id = absl::StrFormat("%016x%016x", runtime_.random.Next(),
                                         runtime_.random.Next());
  return std::make_shared<Lease>(runtime_, events_, *this, id,
                                 absl::StrFormat("%s/%x", resource_, number),
                                 resource_, std::move(options));
}

coro::Task<absl::StatusOr<std::shared_ptr<Lease>>> Pool::Acquire(
    AcquireOptions options, std::stop_token stop, coro::Instant deadline) {
  const std::shared_ptr<Lease> lease = MakeLease(std::move(options));
  const auto ticket = std::make_shared<Ticket>(runtime_, lease);
  const absl::Status admitted = Admit(ticket);
  if (!admitted.ok()) {
    lease->Fail(admitted, /*announce=*/false);
    co_return admitted;
  }
  const coro::Wake wake = co_await ticket->waiter->Wait(stop, deadline);
  if (wake != coro::Wake::kSignalled) {
    Leave(ticket);
    const absl::Status left =
        wake == coro::Wake::kTimedOut ? WaitTimedOut() : CallerLeft();
    lease->Fail(left, /*announce=*/true);
    co_return left;
  }
  std::shared_ptr<Instance> instance;
  {
    coro::MutexLock lock(mu_);  // whoever signalled has finished binding
    instance = ticket->instance;
  }
  if (instance == nullptr) {
    lease->Fail(ticket->failure, /*announce=*/false);
    co_return ticket->failure;
  }
  coro::Task<EnterResult> enter =
      RunEnter(runtime_, policy_, hooks_, instance, lease, stop, deadline);
  EnterResult entered = co_await std::move(enter);
  if (!entered.status.ok()) {
    if (lease->enter_stop().stop_requested()) {
      entered.status = DrainingError(resource_);
    }
    lease->Fail(entered.status, /*announce=*/!entered.init_failed);
    Unbind(lease, instance, /*retire=*/true);
    co_return entered.status;
  }
  const absl::Status granted = Grant(lease, std::move(entered.value), stop);
  if (!granted.ok()) co_return granted;
  co_return lease;
}

absl::Status Pool::Admit(const std::shared_ptr<Ticket>& ticket) {
  Todo todo;
  absl::Status refused;
  {
    coro::MutexLock lock(mu_);
    if (draining_) return DrainingError(resource_);
    queue_.Push(ticket);
    Dispatch(todo);
    // Beyond what instances under way will serve, it has to wait for a return.
    const std::size_t served = SlotsUnderWay();
    if (ticket->queued && queue_.size() > served) {
      const std::size_t position = queue_.size() - served;
      if (ticket->lease->no_wait()) {
        refused = WithRetryDelay(
            Error(Reason::kWouldWait,
                  absl::StrCat("every object of ", resource_,
                               " is taken, and no_wait was asked for")),
            kRetryDelay);
      } else if (position > static_cast<std::size_t>(policy_.max_waiters)) {
        refused =
            WithRetryDelay(Error(Reason::kQueueFull,
                                 absl::StrCat(policy_.max_waiters,
                                              " already wait for ", resource_)),
                           kRetryDelay);
      } else {
        ticket->lease->Queued(static_cast<int>(position));
      }
      if (!refused.ok()) queue_.Remove(*ticket);
    }
  }
  Perform(std::move(todo));
  return refused;
}

void Pool::Leave(const std::shared_ptr<Ticket>& ticket) {
  Todo todo;
  {
    coro::MutexLock lock(mu_);
    queue_.Remove(*ticket);
    for (const std::shared_ptr<Instance>& instance : instances_) {
      if (instance->causer == ticket->lease) instance->causer.reset();
    }
    AbandonUnwanted(todo);
  }
  Perform(std::move(todo));
}

absl::Status Pool::Grant(const std::shared_ptr<Lease>& lease, Payload value,
                         const std::stop_token& stop) {
  {
    coro::MutexLock lock(mu_);
    Instance& instance = *lease->instance();
    // Its own Enter did not await the init, and the policy says never.
    if (instance.state() == InstanceState::kConstructed) MarkReady(instance);
  }
  table_.Add(lease);
  lease->Enter(std::move(value));
  bool draining = false;
  {
    coro::MutexLock lock(mu_);
    draining = draining_;
  }
  if (draining) {
    End(lease, ExitCause{ExitReason::kDrained, absl::OkStatus(), false});
    return DrainingError(resource_);
  }
  if (stop.stop_requested()) {
    End(lease, ExitCause{ExitReason::kDisconnected, absl::OkStatus(), false});
    return CallerLeft();
  }
  WatchExpiry(lease);
  return absl::OkStatus();
}

coro::Task<absl::StatusOr<Payload>> Pool::Use(
    std::shared_ptr<Lease> lease, std::string method, const Payload& argument,
    std::uint64_t fencing_token, std::stop_token stop, coro::Instant deadline) {
  const absl::Status begun = lease->BeginUse(method, fencing_token);
  if (!begun.ok()) co_return begun;
  const std::shared_ptr<Instance> instance = lease->instance();
  instance->uses.fetch_add(1, std::memory_order_relaxed);
  coro::Task<absl::StatusOr<Payload>> use =
      RunUse(runtime_, policy_, *instance->object, *lease, method, argument,
             std::move(stop), deadline);
  absl::StatusOr<Payload> result = co_await std::move(use);
  if (lease->EndUse()) WatchExpiry(lease);
  co_return result;
}

absl::Status Pool::Renew(const std::shared_ptr<Lease>& lease,
                         absl::Duration ttl) {
  const absl::StatusOr<coro::Instant> expiry = lease->Renew(ttl);
  if (!expiry.ok()) return expiry.status();
  // A later expiry is found when the timer fires; an earlier one must be set.
  if (ttl != absl::ZeroDuration()) WatchExpiry(lease);
  return absl::OkStatus();
}

void Pool::WatchExpiry(const std::shared_ptr<Lease>& lease) {
  const coro::Instant next = lease->CheckExpiry();
  if (next == coro::kNever) return;
  if (next <= runtime_.clock.Now()) {
    End(lease, ExitCause{ExitReason::kTtlExpired, absl::OkStatus(), false});
    return;
  }
  // The timer may fire after the lease's end, or even the pool's: it reaches
  // `this` only through a lease that is HELD, for which the pool stays.
  const coro::Timers::Id timer = runtime_.timers.Schedule(
      next, [this, weak = std::weak_ptr<Lease>(lease)] {
        const std::shared_ptr<Lease> watched = weak.lock();
        if (watched != nullptr) WatchExpiry(watched);
      });
  runtime_.timers.Cancel(lease->SetTimer(timer));
}

bool Pool::End(const std::shared_ptr<Lease>& lease, ExitCause cause) {
  if (!lease->DecideExit(std::move(cause))) return false;
  // The group is closed only once no lease is bound any more.
  ANTEROOM_CHECK(group_.Spawn(Exit(lease)));
  return true;
}

coro::Task<void> Pool::Exit(std::shared_ptr<Lease> lease) {
  const std::shared_ptr<Instance> instance = lease->instance();
  const bool told_tainted = lease->cause().tainted;
  coro::Task<ExitOutcome> exit =
      RunExit(runtime_, policy_, hooks_, *instance->object, lease);
  ExitOutcome outcome = co_await std::move(exit);
  const bool tainted =
      told_tainted || outcome.result.tainted || !outcome.status.ok();
  lease->End(outcome.result.suppress, std::move(outcome.status),
             outcome.attempts);
  table_.Ended(lease);
  Unbind(lease, instance, tainted && !policy_.reuse_tainted);
}

void Pool::Unbind(const std::shared_ptr<Lease>& lease,
                  const std::shared_ptr<Instance>& instance, bool retire) {
  Todo todo;
  {
    coro::MutexLock lock(mu_);
    leases_.erase(lease->info().fencing_token);
    if (instance->causer == lease) instance->causer.reset();
    --instance->bound;
    instance->retired |= retire;
    Dispatch(todo);
    Settle(instance, todo);
  }
  Perform(std::move(todo));
}

coro::Task<void> Pool::Drain() {
  Todo todo;
  std::vector<std::shared_ptr<Lease>> leases;
  {
    coro::MutexLock lock(mu_);
    draining_ = true;
    for (const std::shared_ptr<Ticket>& ticket :
         queue_.Take(0, queue_.size())) {
      ticket->failure = DrainingError(resource_);
      ticket->waiter->Signal();
    }
    for (const std::shared_ptr<Instance>& instance : instances_) {
      instance->retired = true;
      if (instance->bound == 0) todo.stop.push_back(instance->abandoned);
      Settle(instance, todo);
    }
    for (const auto& [token, lease] : leases_) leases.push_back(lease);
    if (instances_.empty()) emptied_.Set();
  }
  Perform(std::move(todo));
  for (const std::shared_ptr<Lease>& lease : leases) {
    lease->AbortEnter();
    End(lease, ExitCause{ExitReason::kDrained, absl::OkStatus(), false});
  }
  drain_stop_.request_stop();
  coro::Task<coro::Wake> emptied = emptied_.Wait();
  co_await std::move(emptied);
  coro::Task<void> joined = group_.Join();
  co_await std::move(joined);
}

Pool::Counts Pool::counts() const {
  coro::MutexLock lock(mu_);
  return {instances_.size(), leases_.size(), queue_.size()};
}

}  // namespace anteroom::lifecycle
