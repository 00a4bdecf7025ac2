#include "tests/kinds/provider/skipping_time.h"

#include <algorithm>
#include <chrono>

namespace anteroom::kinds {

SkippingTime::SkippingTime(coro::Executor& executor)
    : executor_(executor), thread_([this] { RunLoop(); }) {}

SkippingTime::~SkippingTime() {
  {
    coro::MutexLock lock(mu_);
    stopping_ = true;
    wake_.NotifyOne();
  }
  thread_.join();
}

void SkippingTime::Skip(absl::Duration by) {
  coro::MutexLock lock(mu_);
  skipped_ += absl::ToInt64Nanoseconds(by);
  wake_.NotifyOne();
}

coro::Instant SkippingTime::Now() const {
  return std::chrono::steady_clock::now() + std::chrono::nanoseconds(skipped_);
}

absl::Time SkippingTime::WallNow() const {
  return absl::Now() + absl::Nanoseconds(skipped_.load());
}

coro::Timers::Id SkippingTime::Schedule(coro::Instant when, coro::Work work) {
  coro::MutexLock lock(mu_);
  const std::uint64_t id = ++last_id_;
  pending_.emplace(Key{when, id}, std::move(work));
  due_.emplace(id, when);
  wake_.NotifyOne();
  return static_cast<Id>(id);
}

bool SkippingTime::Cancel(Id id) {
  const auto number = static_cast<std::uint64_t>(id);
  coro::Work dropped;  // without the lock
  coro::MutexLock lock(mu_);
  const auto due = due_.find(number);
  if (due == due_.end()) return false;
  const auto found = pending_.find(Key{due->second, number});
  dropped = std::move(found->second);
  pending_.erase(found);
  due_.erase(due);
  return true;
}

void SkippingTime::RunLoop() {
  coro::MutexLock lock(mu_);
  while (!stopping_) {
    if (pending_.empty()) {
      wake_.Wait(mu_);
      continue;
    }
    const auto first = pending_.begin();
    const auto left = first->first.first - Now();
    if (left > std::chrono::nanoseconds(0)) {
      wake_.WaitUntil(mu_, std::chrono::steady_clock::now() +
                               std::min<std::chrono::nanoseconds>(
                                   left, std::chrono::hours(1)));
      continue;
    }
    executor_.Post(std::move(first->second));
    due_.erase(first->first.second);
    pending_.erase(first);
  }
}

}  // namespace anteroom::kinds
