#include "server/lifecycle/request_index.h"

#include <utility>

#include "server/error/error.h"
#include "server/lifecycle/enter.h"
#include "server/lifecycle/pool.h"

namespace anteroom::lifecycle {
namespace {

void EndUnclaimed(const LeasePtr& lease) {
  lease->pool().End(
      lease, ExitCause{ExitReason::kDisconnected, absl::OkStatus(), false});
}

// Not where it ended at once, and its receipt is no longer kept.
bool IsFound(const LeasePtr& lease) {
  return lease->pool().leases().FindAt(lease->place()) == lease;
}

}  // namespace

absl::Status RequestIdReused() {
  return Error(Reason::kRequestIdReused,
               "request_id: was used for an acquire with other arguments; use "
               "a new one for each acquire");
}

coro::Task<absl::StatusOr<LeasePtr>> RequestIndex::Acquire(
    std::string request, std::string arguments, Attempt attempt,
    std::stop_token stop, coro::Instant deadline) {
  std::shared_ptr<Shared> shared;
  bool starts = false;
  {
    coro::MutexLock lock(mu_);
    absl::StatusOr<LeasePtr> granted = Retry(request, arguments);
    if (!granted.ok() || *granted != nullptr) co_return granted;
    std::shared_ptr<Shared>& place = attempts_[request];
    if (place == nullptr) {
      place = std::make_shared<Shared>(runtime_, std::move(arguments));
      starts = true;
    } else if (place->arguments != arguments) {
      co_return RequestIdReused();
    }
    shared = place;
    ++shared->callers;
  }
  if (starts && !group_.Spawn(Run(request, shared, std::move(attempt)))) {
    coro::MutexLock lock(mu_);
    Drop(request, *shared);
    co_return Error(Reason::kDraining, "the server is going away");
  }
  coro::Task<coro::Wake> wait = shared->done.Wait(std::move(stop), deadline);
  const coro::Wake wake = co_await std::move(wait);
  bool abandoned = false;
  LeasePtr unclaimed;
  {
    coro::MutexLock lock(mu_);
    shared->claimed |= wake == coro::Wake::kSignalled;
    if (--shared->callers == 0) {
      const bool dropped = Drop(request, *shared);
      abandoned = !shared->over;
      if (!shared->claimed) {
        unclaimed = shared->lease;
      } else if (dropped && IsFound(shared->lease)) {
        granted_.insert(shared->lease);
      }
    }
  }
  if (abandoned) shared->stop.request_stop();
  // Granted when the last caller had left, but had not said so yet.
  if (unclaimed != nullptr) EndUnclaimed(unclaimed);
  if (wake == coro::Wake::kCancelled) co_return CallerLeft();
  if (wake == coro::Wake::kTimedOut) co_return WaitTimedOut();
  if (!shared->failure.ok()) co_return shared->failure;
  const absl::Status live = shared->lease->CheckLive();
  if (!live.ok()) co_return live;
  co_return shared->lease;
}

absl::StatusOr<LeasePtr> RequestIndex::Retry(
    absl::string_view request, absl::string_view arguments) const {
  const auto found = granted_.find(request);
  if (found == granted_.end()) return nullptr;
  if ((*found)->arguments() != arguments) return RequestIdReused();
  const absl::Status live = (*found)->CheckLive();
  if (!live.ok()) return live;
  return *found;
}

coro::Task<void> RequestIndex::Run(std::string request,
                                   std::shared_ptr<Shared> shared,
                                   Attempt attempt) {
  coro::Task<absl::StatusOr<LeasePtr>> acquire =
      std::move(attempt)(shared->stop.get_token());
  const absl::StatusOr<LeasePtr> lease = co_await std::move(acquire);
  bool nobody_is_there = false;
  {
    coro::MutexLock lock(mu_);
    shared->over = true;
    shared->failure = lease.status();
    nobody_is_there = shared->callers == 0;
    if (lease.ok()) shared->lease = *lease;
    if (!lease.ok()) Drop(request, *shared);
  }
  if (lease.ok() && nobody_is_there) EndUnclaimed(*lease);
  shared->done.Set();
}

bool RequestIndex::Drop(const std::string& request, const Shared& shared) {
  const auto place = attempts_.find(request);
  if (place == attempts_.end() || place->second.get() != &shared) return false;
  attempts_.erase(place);
  return true;
}

void RequestIndex::Forget(const Lease& lease) {
  coro::MutexLock lock(mu_);
  const auto attempt = attempts_.find(lease.request());
  if (attempt != attempts_.end() && attempt->second->lease.get() == &lease) {
    attempts_.erase(attempt);
  }
  const auto granted = granted_.find(lease.request());
  if (granted != granted_.end() && granted->get() == &lease) {
    granted_.erase(granted);
  }
}

std::size_t RequestIndex::size() const {
  coro::MutexLock lock(mu_);
  return attempts_.size() + granted_.size();
}

}  // namespace anteroom::lifecycle
