// What an operator sees of a pool, and does to it.
#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/error/error.h"
#include "server/lifecycle/pool.h"

namespace anteroom::lifecycle {

void Pool::Revoke(const LeasePtr& lease, absl::Duration notice,
                  ExitReason reason) {
  if (lease->state() == LeaseState::kWaiting &&
      Dismiss(lease,
              WithMetadata(Error(Reason::kLeaseEnded,
                                 absl::StrCat("the lease ", lease->name(),
                                              " was revoked while it waited")),
                           "exit_reason", ExitReasonName(reason)))) {
    return;
  }
  if (notice <= absl::ZeroDuration() ||
      lease->state() == LeaseState::kEntering) {
    End(lease, ExitCause{reason, absl::OkStatus(), false});
    return;
  }
  lease->Revoke(coro::After(runtime_.clock.Now(), notice), reason);
  WatchEnd(lease, runtime_.clock.Now());
}

bool Pool::Dismiss(const LeasePtr& lease, const absl::Status& status) {
  Todo todo;
  {
    coro::MutexLock lock(mu_);
    const auto line = lines_.find(lease->key());
    if (line == lines_.end()) return false;
    const std::shared_ptr<Ticket> ticket = line->second.queue().Find(*lease);
    if (ticket == nullptr) return false;
    line->second.queue().Remove(*ticket);
    DropCaused(line->second, *ticket);
    Fail({ticket}, status);
    Dispatch(line->second, todo);
  }
  Perform(std::move(todo));
  return true;
}

absl::StatusOr<InstanceView> Pool::Evict(std::uint64_t number) {
  Todo todo;
  InstanceView view;
  {
    coro::MutexLock lock(mu_);
    const auto found = instances_.find(number);
    if (found == instances_.end()) {
      return Error(Reason::kInstanceNotFound,
                   absl::StrCat("the resource ", resource_, " has no instance ",
                                resource_, "#", number));
    }
    Instance& instance = *found->second;
    if (!std::exchange(instance.retired, true)) {
      Note(instance);
      if (instance.bound.empty()) todo->stop.push_back(instance.abandoned);
      Settle(instance, todo);
      Dispatch(*instance.line, todo);
    }
    view = instance.View();
  }
  Perform(std::move(todo));
  return view;
}

std::vector<InstanceView> Pool::Instances(std::uint64_t after,
                                          std::size_t max) const {
  std::vector<InstanceView> views;
  coro::MutexLock lock(mu_);
  for (auto next = instances_.upper_bound(after);
       next != instances_.end() && views.size() < max; ++next) {
    views.push_back(next->second->View());
  }
  return views;
}

std::vector<LeasePtr> Pool::Leases(LeaseCursor& cursor, std::size_t max) const {
  std::vector<LeasePtr> leases;
  coro::MutexLock lock(mu_);
  if (!cursor.bound) {
    std::vector<std::pair<std::uint64_t, LeasePtr>> waiting;
    for (const auto& [key, line] : lines_) {
      for (const Ticket& ticket : line.queue()) {
        const std::uint64_t arrival = ticket.place.second;
        if (arrival > cursor.after) waiting.emplace_back(arrival, ticket.lease);
      }
    }
    const std::size_t count = std::min(max, waiting.size());
    std::partial_sort(waiting.begin(),
                      std::next(waiting.begin(), static_cast<long>(count)),
                      waiting.end());
    waiting.resize(count);
    for (auto& [arrival, lease] : waiting) {
      cursor.after = arrival;
      leases.push_back(std::move(lease));
    }
    if (leases.size() == max) return leases;
    cursor = {.bound = true};
  }
  for (auto next = instances_.lower_bound(cursor.instance);
       next != instances_.end() && leases.size() < max; ++next) {
    const auto& [number, instance] = *next;
    auto bound = number == cursor.instance ? After(cursor, *instance)
                                           : instance->bound.begin();
    for (; bound != instance->bound.end() && leases.size() < max; ++bound) {
      Lease& lease = *bound;
      cursor = {true, number, lease.fencing_token(), lease.place()};
      leases.emplace_back(&lease);
    }
  }
  return leases;
}

BoundLeases::Iterator Pool::After(const LeaseCursor& cursor,
                                  const Instance& instance) const {
  const LeasePtr at = table_.FindAt(cursor.place);
  // Bound until its end at least.
  const bool bound = at != nullptr && at->fencing_token() == cursor.after &&
                     at->instance() == &instance;
  return bound ? instance.bound.After(*at) : instance.bound.After(cursor.after);
}

LeasePtr Pool::FindLease(std::uint64_t number) const {
  coro::MutexLock lock(mu_);
  for (const auto& [instance_number, instance] : instances_) {
    for (Lease& lease : instance->bound) {
      if (lease.number() != number) continue;
      // An exit hook that outlived its bound keeps the instance, not the lease.
      return LeasePtr(lease.state() == LeaseState::kEnded ? nullptr : &lease);
    }
  }
  for (const auto& [key, line] : lines_) {
    for (const Ticket& ticket : line.queue()) {
      if (ticket.lease->number() == number) return ticket.lease;
    }
  }
  return nullptr;
}

Pool::WaitReport Pool::Explain(const std::string& key, std::size_t max) const {
  WaitReport report;
  coro::MutexLock lock(mu_);
  report.all_instances = instances_.size();
  report.breaker_open = !breaker_.Allows(runtime_.clock.Now());
  report.draining = draining_;
  const auto line = lines_.find(key);
  if (line == lines_.end()) return report;
  for (const auto& [number, instance] : line->second.instances()) {
    if (report.instances.size() < max) {
      report.instances.push_back(instance->View());
    }
    for (Lease& lease : instance->bound) {
      if (report.holders.size() == max) break;
      report.holders.emplace_back(&lease);
    }
    report.all_holders += instance->bound.size();
  }
  report.all_waiters = line->second.queue().size();
  report.waiters = line->second.queue().Leases(0, max);
  return report;
}

}  // namespace anteroom::lifecycle
