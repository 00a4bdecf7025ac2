#include "server/lifecycle/scopes.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "server/error/error.h"
#include "server/lifecycle/anteroom.h"
#include "server/lifecycle/request_index.h"

namespace anteroom::lifecycle {

absl::StatusOr<std::shared_ptr<ScopeRunner>> Scopes::Acquire(
    Scope::AcquireRequested request, std::shared_ptr<ScopeStream> stream,
    std::vector<Scope::Input> rest) {
  const absl::StatusOr<Pool*> pool = anteroom_.FindPool(request.resource);
  if (!pool.ok()) return pool.status();
  request.disconnect_grace = std::min(request.disconnect_grace,
                                      (*pool)->policy().max_disconnect_grace);
  const std::string key = request.options.request;
  coro::TaskGroup::Ticket ticket = group_.CountIn();
  if (!ticket) return Error(Reason::kDraining, "the server is going away");
  const auto begun =
      std::make_shared<ScopeRunner>(*this, std::move(ticket), key);
  if (key.empty()) {  // no other stream joins it
    begun->Attach(std::move(stream),
                  std::make_unique<Scope::AcquireRequested>(std::move(request)),
                  std::move(rest));
    begun->Pump();
    return begun;
  }
  absl::StatusOr<std::shared_ptr<ScopeRunner>> runner;
  bool pumped = true;
  {
    coro::MutexLock lock(mu_);
    runner = Join(request);
    if (runner.ok() && *runner != nullptr) {
      Scope::Resumed resumed;
      resumed.by_acquire = true;
      pumped = (*runner)->Attach(std::move(stream), std::move(resumed),
                                 std::move(rest));
    } else if (runner.ok()) {
      runner = begun;
      // Before who joins it can say anything.
      by_request_.emplace(key, ByRequest{request.options.arguments, begun});
      pumped = begun->Attach(
          std::move(stream),
          std::make_unique<Scope::AcquireRequested>(std::move(request)),
          std::move(rest));
    }
  }
  if (!pumped) (*runner)->Pump();
  return runner;
}

absl::StatusOr<std::shared_ptr<ScopeRunner>> Scopes::Join(
    const Scope::AcquireRequested& request) const {
  const std::string& key = request.options.request;
  const auto found = by_request_.find(key);
  if (found == by_request_.end()) return std::shared_ptr<ScopeRunner>();
  if (found->second.arguments != request.options.arguments) {
    return RequestIdReused();
  }
  return found->second.runner;
}

absl::StatusOr<std::shared_ptr<ScopeRunner>> Scopes::Resume(
    absl::string_view lease_id, Scope::Resumed resumed,
    std::shared_ptr<ScopeStream> stream, std::vector<Scope::Input> rest) {
  std::shared_ptr<ScopeRunner> runner;
  if (const std::optional<LeaseId> id = LeaseId::Parse(lease_id)) {
    coro::MutexLock lock(mu_);
    const auto found = by_lease_.find(*id);
    if (found != by_lease_.end()) runner = found->second;
  }
  if (runner != nullptr) {
    if (!runner->Attach(std::move(stream), std::move(resumed),
                        std::move(rest))) {
      runner->Pump();
    }
    return runner;
  }
  const auto lease = anteroom_.Find(lease_id);
  if (!lease.ok()) return lease.status();
  const absl::Status live = (*lease)->CheckLive();
  if (!live.ok()) return live;
  return InvalidField("resume.lease_id",
                      "names a lease that was acquired without "
                      "disconnect_grace: it cannot be resumed");
}

void Scopes::Entered(const std::shared_ptr<ScopeRunner>& runner,
                     const LeaseId& lease_id) {
  bool closed = false;
  {
    coro::MutexLock lock(mu_);
    by_lease_.emplace(lease_id, runner);
    closed = closed_;
  }
  if (closed) runner->Close();
}

void Scopes::Lingers(const std::shared_ptr<ScopeRunner>& runner,
                     std::size_t bytes) {
  std::vector<std::shared_ptr<ScopeRunner>> let_go;
  {
    coro::MutexLock lock(mu_);
    lingering_.push_back({runner, bytes});
    lingering_bytes_ += bytes;
    while (!lingering_.empty()) {
      std::shared_ptr<ScopeRunner> oldest = lingering_.front().runner.lock();
      if (oldest != nullptr && lingering_.size() <= kMaxLingering &&
          lingering_bytes_ <= kMaxLingeringBytes) {
        break;
      }
      if (oldest != nullptr) let_go.push_back(std::move(oldest));
      lingering_bytes_ -= lingering_.front().bytes;
      lingering_.pop_front();
    }
  }
  for (const std::shared_ptr<ScopeRunner>& oldest : let_go) oldest->Close();
}

void Scopes::Forget(const ScopeRunner& runner, const std::string& request,
                    const Lease* lease) {
  coro::MutexLock lock(mu_);
  const auto found = by_request_.find(request);
  if (found != by_request_.end() && found->second.runner.get() == &runner) {
    by_request_.erase(found);
  }
  if (lease != nullptr) by_lease_.erase(lease->secret());
}

void Scopes::Close() {
  std::vector<std::shared_ptr<ScopeRunner>> runners;
  {
    coro::MutexLock lock(mu_);
    closed_ = true;
    for (const auto& [id, runner] : by_lease_) runners.push_back(runner);
    for (const auto& [id, by] : by_request_) runners.push_back(by.runner);
  }
  for (const std::shared_ptr<ScopeRunner>& runner : runners) runner->Close();
}

std::size_t Scopes::size() const {
  coro::MutexLock lock(mu_);
  return by_lease_.size() + by_request_.size();
}

}  // namespace anteroom::lifecycle
