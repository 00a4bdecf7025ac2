#include "server/lifecycle/request_index.h"

#include <utility>

#include "server/error/error.h"

namespace anteroom::lifecycle {

coro::Task<absl::StatusOr<std::shared_ptr<Lease>>> RequestIndex::Acquire(
    std::string request, std::string arguments, Flight::Attempt attempt,
    std::stop_token stop, coro::Instant deadline) {
  std::shared_ptr<Entry> entry;
  {
    coro::MutexLock lock(mu_);
    std::shared_ptr<Entry>& place = entries_[request];
    if (place == nullptr) {
      place = std::make_shared<Entry>();
      place->arguments = std::move(arguments);
      place->flight = std::make_unique<Flight>(
          runtime_, group_, coro::OnAbandon::kCancel, std::move(attempt));
    } else if (place->arguments != arguments) {
      co_return Error(Reason::kRequestIdReused,
                      "request_id: was used for an acquire with other "
                      "arguments; use a new one for each acquire");
    }
    entry = place;
    ++entry->callers;
  }
  coro::Task<absl::StatusOr<std::shared_ptr<Lease>>> wait =
      entry->flight->Get(std::move(stop), deadline);
  absl::StatusOr<std::shared_ptr<Lease>> lease = co_await std::move(wait);
  {
    coro::MutexLock lock(mu_);
    entry->granted |= lease.ok();
    if (--entry->callers == 0 && !entry->granted) {
      const auto place = entries_.find(request);
      if (place != entries_.end() && place->second == entry) {
        entries_.erase(place);
      }
    }
  }
  if (lease.ok()) {
    const absl::Status live = (*lease)->CheckLive();
    if (!live.ok()) co_return live;
  }
  co_return lease;
}

void RequestIndex::Forget(const std::string& request) {
  coro::MutexLock lock(mu_);
  entries_.erase(request);
}

std::size_t RequestIndex::size() const {
  coro::MutexLock lock(mu_);
  return entries_.size();
}

}  // namespace anteroom::lifecycle
