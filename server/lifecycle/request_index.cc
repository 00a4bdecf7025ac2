#include "server/lifecycle/request_index.h"

#include <utility>

#include "server/error/error.h"
#include "server/lifecycle/enter.h"
#include "server/lifecycle/pool.h"

namespace anteroom::lifecycle {
namespace {

void EndUnclaimed(const std::shared_ptr<Lease>& lease) {
  lease->pool().End(
      lease, ExitCause{ExitReason::kDisconnected, absl::OkStatus(), false});
}

}  // namespace

absl::Status RequestIdReused() {
  return Error(Reason::kRequestIdReused,
               "request_id: was used for an acquire with other arguments; use "
               "a new one for each acquire");
}

coro::Task<absl::StatusOr<std::shared_ptr<Lease>>> RequestIndex::Acquire(
    std::string request, std::string arguments, Attempt attempt,
    std::stop_token stop, coro::Instant deadline) {
  std::shared_ptr<Entry> entry;
  bool starts = false;
  {
    coro::MutexLock lock(mu_);
    std::shared_ptr<Entry>& place = entries_[request];
    if (place == nullptr) {
      place = std::make_shared<Entry>(runtime_, std::move(arguments));
      starts = true;
    } else if (place->arguments != arguments) {
      co_return RequestIdReused();
    }
    entry = place;
    ++entry->callers;
  }
  if (starts && !group_.Spawn(Run(request, entry, std::move(attempt)))) {
    coro::MutexLock lock(mu_);
    Drop(request, *entry);
    co_return Error(Reason::kDraining, "the server is going away");
  }
  coro::Task<coro::Wake> wait = entry->done.Wait(std::move(stop), deadline);
  const coro::Wake wake = co_await std::move(wait);
  bool abandoned = false;
  std::shared_ptr<Lease> unclaimed;
  {
    coro::MutexLock lock(mu_);
    entry->claimed |= wake == coro::Wake::kSignalled;
    if (--entry->callers == 0 && !entry->claimed) {
      Drop(request, *entry);
      abandoned = !entry->over;
      unclaimed = entry->lease;
    }
  }
  if (abandoned) entry->stop.request_stop();
  // Granted when the last caller had left, but had not said so yet.
  if (unclaimed != nullptr) EndUnclaimed(unclaimed);
  if (wake == coro::Wake::kCancelled) co_return CallerLeft();
  if (wake == coro::Wake::kTimedOut) co_return WaitTimedOut();
  if (!entry->failure.ok()) co_return entry->failure;
  const absl::Status live = entry->lease->CheckLive();
  if (!live.ok()) co_return live;
  co_return entry->lease;
}

coro::Task<void> RequestIndex::Run(std::string request,
                                   std::shared_ptr<Entry> entry,
                                   Attempt attempt) {
  coro::Task<absl::StatusOr<std::shared_ptr<Lease>>> acquire =
      std::move(attempt)(entry->stop.get_token());
  const absl::StatusOr<std::shared_ptr<Lease>> lease =
      co_await std::move(acquire);
  bool nobody_is_there = false;
  {
    coro::MutexLock lock(mu_);
    entry->over = true;
    entry->failure = lease.status();
    nobody_is_there = entry->callers == 0;
    if (lease.ok()) entry->lease = *lease;
    if (!lease.ok() || nobody_is_there) Drop(request, *entry);
  }
  if (lease.ok() && nobody_is_there) EndUnclaimed(*lease);
  entry->done.Set();
}

void RequestIndex::Drop(const std::string& request, const Entry& entry) {
  const auto place = entries_.find(request);
  if (place != entries_.end() && place->second.get() == &entry) {
    entries_.erase(place);
  }
}

void RequestIndex::Forget(const Lease& lease) {
  coro::MutexLock lock(mu_);
  const auto place = entries_.find(lease.request());
  if (place != entries_.end() && place->second->lease.get() == &lease) {
    entries_.erase(place);
  }
}

std::size_t RequestIndex::size() const {
  coro::MutexLock lock(mu_);
  return entries_.size();
}

}  // namespace anteroom::lifecycle
