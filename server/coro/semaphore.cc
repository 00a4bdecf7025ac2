#include "server/coro/semaphore.h"

#include <utility>

#include "server/coro/check.h"

namespace anteroom::coro {

Semaphore::~Semaphore() { ANTEROOM_CHECK(waiting() == 0); }

bool Semaphore::TryAcquire() {
  MutexLock lock(mu_);
  if (permits_ == 0 || !queue_.empty()) return false;
  --permits_;
  return true;
}

Task<Wake> Semaphore::Acquire(std::stop_token stop, Instant deadline) {
  if (TryAcquire()) co_return Wake::kSignalled;
  auto waiter = std::make_shared<Waiter>(runtime_);
  {
    MutexLock lock(mu_);
    if (permits_ > 0 && queue_.empty()) {
      --permits_;
      co_return Wake::kSignalled;
    }
    queue_.push_back(waiter);
  }
  const Wake wake = co_await waiter->Wait(std::move(stop), deadline);
  if (wake != Wake::kSignalled) {
    MutexLock lock(mu_);
    // Absent already if a Release() tried it and moved on.
    queue_.remove(waiter);
  }
  co_return wake;
}

void Semaphore::Release() {
  MutexLock lock(mu_);
  while (!queue_.empty()) {
    const std::shared_ptr<Waiter> first = std::move(queue_.front());
    queue_.pop_front();
    if (first->Signal()) return;  // only posts: safe under the lock
  }
  ++permits_;
}

std::size_t Semaphore::waiting() const {
  MutexLock lock(mu_);
  return queue_.size();
}

}  // namespace anteroom::coro
