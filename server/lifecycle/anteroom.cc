#include "server/lifecycle/anteroom.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/error/error.h"
#include "server/lifecycle/enter.h"
#include "server/lifecycle/names.h"

namespace anteroom::lifecycle {
namespace {

// T: what the call would have answered.
template <typename T>
coro::Task<T> Refused(absl::Status status) {
  co_return status;
}

// Other leases are to be looked at behind this one, whatever its exit does.
void Look(const LeasePtr& lease, coro::Instant now) {
  lease->pool().WatchEnd(lease, now, Pool::Begin::kPosted);
}

}  // namespace

Anteroom::Anteroom(coro::Runtime runtime, const Options& options)
    : runtime_(runtime),
      events_(runtime, options.events_kept),
      leases_(runtime.random, options.receipts),
      group_(runtime),
      lease_timers_(runtime, group_, leases_, Look),
      requests_(runtime, group_),
      scopes_(runtime, *this, group_) {}

absl::Status Anteroom::AddResource(const std::string& name,
                                   const Policy& policy,
                                   std::unique_ptr<Kind> kind) {
  if (name.empty()) return InvalidField("name", "must not be empty");
  const absl::Status valid = Validate(policy);
  if (!valid.ok()) return valid;
  if (pools_.contains(name)) {
    return Error(Reason::kResourceExists,
                 absl::StrCat("the resource ", name, " exists already"));
  }
  auto pool = std::make_unique<Pool>(runtime_, events_, leases_, lease_timers_,
                                     name, policy, std::move(kind));
  if (started_) pool->Start();
  pools_.emplace(name, std::move(pool));
  return absl::OkStatus();
}

void Anteroom::Start() {
  started_ = true;
  for (const auto& [name, pool] : pools_) pool->Start();
}

absl::StatusOr<Pool*> Anteroom::FindPool(absl::string_view resource) const {
  const auto pool = pools_.find(resource);
  if (pool == pools_.end()) {
    return Error(Reason::kResourceNotFound,
                 absl::StrCat("there is no resource \"", resource, "\""));
  }
  return pool->second.get();
}

coro::Task<absl::StatusOr<LeasePtr>> Anteroom::Acquire(
    absl::string_view resource, AcquireOptions&& options,
    absl::Duration max_wait, std::stop_token stop, coro::Instant deadline) {
  const coro::Instant now = runtime_.clock.Now();
  ForgetOldReceipts(now);
  const absl::StatusOr<Pool*> pool = FindPool(resource);
  if (!pool.ok()) return Refused<absl::StatusOr<LeasePtr>>(pool.status());
  const absl::Status keyed = (*pool)->CheckKey(options.key);
  if (!keyed.ok()) return Refused<absl::StatusOr<LeasePtr>>(keyed);
  const coro::Instant bound = coro::After(now, max_wait);
  options.enter_by = bound;
  const auto acquire = [pool = *pool, now](AcquireOptions&& options,
                                           std::stop_token stop,
                                           coro::Instant deadline) {
    // What is certain to be too late does not even queue.
    return now >= deadline
               ? Refused<absl::StatusOr<LeasePtr>>(WaitTimedOut())
               : pool->Acquire(std::move(options), std::move(stop), deadline);
  };
  if (options.request.empty()) {
    return acquire(std::move(options), std::move(stop),
                   std::min(bound, deadline));
  }
  std::string request = options.request;
  std::string arguments = options.arguments;
  // Several callers may share the attempt: it has its own stop, and the bound
  // that they all asked for.
  auto attempt = [acquire, options = std::move(options),
                  bound](std::stop_token abandoned) mutable {
    return acquire(std::move(options), std::move(abandoned), bound);
  };
  return requests_.Acquire(std::move(request), std::move(arguments),
                           std::move(attempt), std::move(stop), deadline);
}

absl::StatusOr<LeasePtr> Anteroom::Find(absl::string_view lease_id) {
  absl::StatusOr<LeasePtr> lease = leases_.Find(lease_id);
  if (lease.ok() && (*lease)->state() != LeaseState::kEnded) return lease;
  ForgetOldReceipts(runtime_.clock.Now());  // its own may be one
  return leases_.Find(lease_id);
}

coro::Task<absl::StatusOr<Payload>> Anteroom::Use(
    absl::string_view lease_id, absl::string_view method, PayloadView argument,
    std::uint64_t fencing_token, std::stop_token stop, coro::Instant deadline) {
  absl::StatusOr<LeasePtr> lease = Find(lease_id);
  if (!lease.ok()) return Refused<absl::StatusOr<Payload>>(lease.status());
  Pool& pool = (*lease)->pool();
  return pool.Use(*std::move(lease), method, argument, fencing_token,
                  std::move(stop), deadline);
}

coro::Task<absl::Status> Anteroom::UseStream(
    absl::string_view lease_id, absl::string_view method, PayloadView argument,
    UseChannel& channel, std::uint64_t fencing_token, std::stop_token stop,
    coro::Instant deadline) {
  absl::StatusOr<LeasePtr> lease = Find(lease_id);
  if (!lease.ok()) return Refused<absl::Status>(lease.status());
  Pool& pool = (*lease)->pool();
  return pool.UseStream(*std::move(lease), method, argument, channel,
                        fencing_token, std::move(stop), deadline);
}

coro::Task<absl::StatusOr<std::unique_ptr<Passage>>> Anteroom::Pass(
    absl::string_view lease_id, absl::string_view method,
    std::uint64_t fencing_token, std::stop_token stop, coro::Instant deadline) {
  absl::StatusOr<LeasePtr> lease = Find(lease_id);
  if (!lease.ok()) {
    return Refused<absl::StatusOr<std::unique_ptr<Passage>>>(lease.status());
  }
  Pool& pool = (*lease)->pool();
  return pool.Pass(*std::move(lease), method, fencing_token, std::move(stop),
                   deadline);
}

absl::StatusOr<LeasePtr> Anteroom::Renew(absl::string_view lease_id,
                                         absl::Duration ttl) {
  absl::StatusOr<LeasePtr> lease = Find(lease_id);
  if (!lease.ok()) return lease;
  const absl::Status renewed = (*lease)->pool().Renew(*lease, ttl);
  if (!renewed.ok()) return renewed;
  return lease;
}

coro::Task<absl::StatusOr<Receipt>> Anteroom::Release(std::string lease_id,
                                                      ExitCause cause,
                                                      std::stop_token stop,
                                                      coro::Instant deadline) {
  const absl::StatusOr<LeasePtr> lease = Find(lease_id);
  if (!lease.ok()) co_return lease.status();
  (*lease)->pool().End(*lease, std::move(cause));
  if ((*lease)->has_ended()) co_return (*lease)->receipt();
  coro::Task<coro::Wake> wait =
      (*lease)->ended().Wait(std::move(stop), deadline);
  const coro::Wake wake = co_await std::move(wait);
  if (wake == coro::Wake::kCancelled) {
    co_return absl::CancelledError("the caller left; the exit goes on");
  }
  if (wake == coro::Wake::kTimedOut) {
    co_return absl::DeadlineExceededError(
        "the call's deadline passed; the exit goes on");
  }
  co_return (*lease)->receipt();
}

std::vector<Pool*> Anteroom::pools() const {
  std::vector<Pool*> pools;
  for (const auto& [name, pool] : pools_) pools.push_back(pool.get());
  return pools;
}

absl::StatusOr<LeasePtr> Anteroom::FindByName(
    absl::string_view lease_name) const {
  if (const std::optional<Named> named = ParseLeaseName(lease_name)) {
    const absl::StatusOr<Pool*> pool = FindPool(named->resource);
    LeasePtr lease = pool.ok() ? (*pool)->FindLease(named->number) : nullptr;
    if (lease != nullptr) return lease;
  }
  return Error(Reason::kLeaseNotFound,
               absl::StrCat("no live lease is named \"", lease_name, "\""));
}

absl::StatusOr<InstanceView> Anteroom::Evict(
    absl::string_view instance_id) const {
  if (const std::optional<Named> named = ParseInstanceName(instance_id)) {
    const absl::StatusOr<Pool*> pool = FindPool(named->resource);
    if (pool.ok()) return (*pool)->Evict(named->number);
  }
  return Error(Reason::kInstanceNotFound,
               absl::StrCat("there is no instance \"", instance_id, "\""));
}

coro::Task<absl::StatusOr<bool>> Anteroom::DrainWithin(std::string resource,
                                                       std::stop_token stop,
                                                       coro::Instant deadline) {
  std::vector<Pool*> drained = pools();
  if (!resource.empty()) {
    const absl::StatusOr<Pool*> pool = FindPool(resource);
    if (!pool.ok()) co_return pool.status();
    drained = {*pool};
  }
  for (Pool* const pool : drained) {
    if (!group_.Spawn(pool->Drain()) ||
        !group_.Spawn(ForceDrainAt(*pool, deadline))) {
      co_return Error(Reason::kDraining, "the server is shutting down");
    }
  }
  bool forced = false;
  for (Pool* const pool : drained) {
    coro::Task<coro::Wake> wait = pool->drained().Wait(stop, deadline);
    const coro::Wake wake = co_await std::move(wait);
    if (wake == coro::Wake::kCancelled) {
      co_return absl::CancelledError("the caller left; the drain goes on");
    }
    if (wake == coro::Wake::kTimedOut) pool->ForceDrain();
    forced |= pool->drain_forced();
  }
  co_return forced;
}

coro::Task<void> Anteroom::ForceDrainAt(Pool& pool, coro::Instant deadline) {
  coro::Task<coro::Wake> wait = pool.drained().Wait({}, deadline);
  if (co_await std::move(wait) == coro::Wake::kTimedOut) pool.ForceDrain();
}

coro::Task<void> Anteroom::Drain() {
  coro::TaskGroup pools(runtime_);
  for (const auto& [name, pool] : pools_) pools.Spawn(pool->Drain());
  coro::Task<void> drained = pools.Join();
  co_await std::move(drained);
  scopes_.Close();
  coro::Task<void> joined = group_.Join();
  co_await std::move(joined);
  lease_timers_.Stop();
}

void Anteroom::ForgetOldReceipts(coro::Instant now) {
  for (const LeasePtr& lease : leases_.Prune(now)) {
    if (!lease->request().empty()) requests_.Forget(*lease);
  }
}

}  // namespace anteroom::lifecycle
