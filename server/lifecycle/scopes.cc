#include "server/lifecycle/scopes.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "server/error/error.h"
#include "server/lifecycle/anteroom.h"
#include "server/lifecycle/request_index.h"

namespace anteroom::lifecycle {

absl::StatusOr<std::shared_ptr<ScopeRunner>> Scopes::Acquire(
    Scope::AcquireRequested request, std::shared_ptr<ScopeStream> stream) {
  const absl::StatusOr<Pool*> pool = anteroom_.FindPool(request.resource);
  if (!pool.ok()) return pool.status();
  request.disconnect_grace = std::min(request.disconnect_grace,
                                      (*pool)->policy().max_disconnect_grace);
  const std::string& key = request.options.request;
  std::shared_ptr<ScopeRunner> runner;
  bool resumes = false;
  {
    coro::MutexLock lock(mu_);
    const auto found = key.empty() ? by_request_.end() : by_request_.find(key);
    if (found == by_request_.end()) {
      runner = std::make_shared<ScopeRunner>(runtime_, anteroom_, *this, key);
      if (!key.empty()) {
        by_request_.emplace(key, ByRequest{request.options.arguments, runner});
      }
    } else if (found->second.arguments == request.options.arguments) {
      runner = found->second.runner;
      resumes = true;
    } else {
      return RequestIdReused();
    }
  }
  if (resumes) {
    Scope::Resumed resumed;
    resumed.by_acquire = true;
    runner->Attach(std::move(stream), std::move(resumed));
    return runner;
  }
  if (!group_.Spawn(ScopeRunner::Run(runner))) {
    Forget(*runner, key, /*lease_id=*/"");
    return Error(Reason::kDraining, "the server is going away");
  }
  runner->Attach(std::move(stream), std::move(request));
  return runner;
}

absl::StatusOr<std::shared_ptr<ScopeRunner>> Scopes::Resume(
    absl::string_view lease_id, Scope::Resumed resumed,
    std::shared_ptr<ScopeStream> stream) {
  std::shared_ptr<ScopeRunner> runner;
  {
    coro::MutexLock lock(mu_);
    const auto found = by_lease_.find(lease_id);
    if (found != by_lease_.end()) runner = found->second;
  }
  if (runner != nullptr) {
    runner->Attach(std::move(stream), std::move(resumed));
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
                     const std::string& lease_id) {
  coro::MutexLock lock(mu_);
  by_lease_.emplace(lease_id, runner);
}

void Scopes::Lingers(const std::shared_ptr<ScopeRunner>& runner) {
  std::shared_ptr<ScopeRunner> oldest;
  {
    coro::MutexLock lock(mu_);
    lingering_.push_back(runner);
    while (!lingering_.empty() && lingering_.front().expired()) {
      lingering_.pop_front();
    }
    if (lingering_.size() > kMaxLingering) {
      oldest = lingering_.front().lock();
      lingering_.pop_front();
    }
  }
  if (oldest != nullptr) oldest->Close();
}

void Scopes::Forget(const ScopeRunner& runner, const std::string& request,
                    const std::string& lease_id) {
  coro::MutexLock lock(mu_);
  const auto found = by_request_.find(request);
  if (found != by_request_.end() && found->second.runner.get() == &runner) {
    by_request_.erase(found);
  }
  by_lease_.erase(lease_id);
}

void Scopes::Close() {
  std::vector<std::shared_ptr<ScopeRunner>> runners;
  {
    coro::MutexLock lock(mu_);
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
