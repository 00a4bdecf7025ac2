#include "server/coro/event.h"

#include <utility>

namespace anteroom::coro {

std::list<std::shared_ptr<Waiter>> Event::SetAndTake() {
  MutexLock lock(mu_);
  set_.store(true, std::memory_order_release);
  return std::exchange(waiters_, {});
}

void Event::Set() {
  for (const auto& waiter : SetAndTake()) waiter->Signal();
}

void Event::Resume() {
  for (const auto& waiter : SetAndTake()) waiter->Resume();
}

Task<Wake> Event::Wait(std::stop_token stop, Instant deadline) {
  if (is_set()) co_return Wake::kSignalled;
  auto waiter = std::make_shared<Waiter>(runtime_);
  std::list<std::shared_ptr<Waiter>>::iterator place;
  {
    MutexLock lock(mu_);
    if (is_set()) co_return Wake::kSignalled;
    place = waiters_.insert(waiters_.end(), waiter);
  }
  const Wake wake = co_await waiter->Wait(std::move(stop), deadline);
  if (wake == Wake::kSignalled) co_return wake;
  // A Set() that runs now may have taken the list away, our node included.
  MutexLock lock(mu_);
  if (!is_set()) waiters_.erase(place);
  co_return wake;
}

}  // namespace anteroom::coro
