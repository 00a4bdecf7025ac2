#include "server/kinds/provider/watch.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace anteroom::kinds {

using coro::Task;

ProviderWatch::ProviderWatch(coro::Runtime runtime,
                             ProviderConnection& connection,
                             const Options& options, Probe probe)
    : runtime_(runtime),
      connection_(connection),
      options_(options),
      probe_(std::move(probe)),
      group_(runtime) {}

std::uint64_t ProviderWatch::Add(lifecycle::InstanceContext& object) {
  bool begins = false;
  std::uint64_t id = 0;
  std::shared_ptr<coro::Waiter> unneeded;
  {
    coro::MutexLock lock(mu_);
    id = ++last_id_;
    objects_.emplace(id, &object);
    begins = !std::exchange(running_, true);
    unneeded = std::move(unneeded_);
  }
  if (begins) group_.SpawnPosted(Run());
  if (unneeded != nullptr) unneeded->Signal();
  return id;
}

void ProviderWatch::Remove(std::uint64_t id) {
  coro::MutexLock lock(mu_);
  objects_.erase(id);
}

Task<void> ProviderWatch::Join() {
  group_.RequestStop();
  return group_.Join();
}

Task<bool> ProviderWatch::AwaitTurn() {
  auto waiter = std::make_shared<coro::Waiter>(runtime_);
  coro::Instant when = coro::After(runtime_.clock.Now(), options_.interval);
  {
    coro::MutexLock lock(mu_);
    if (objects_.empty()) {
      unneeded_ = waiter;
      when = coro::kNever;
    }
  }
  const coro::Wake wake = co_await waiter->Wait(group_.stop_token(), when);
  co_return wake != coro::Wake::kCancelled;
}

Task<void> ProviderWatch::Run() {
  while (true) {
    Task<bool> turn = AwaitTurn();
    if (!co_await std::move(turn)) co_return;
    std::uint64_t up_to = 0;
    {
      coro::MutexLock lock(mu_);
      if (objects_.empty()) continue;
      up_to = last_id_;
    }
    if (connection_.Connect()) continue;
    const coro::Instant deadline =
        coro::After(runtime_.clock.Now(), options_.restart_grace);
    Task<absl::Status> probe = probe_(group_.stop_token(), deadline);
    const absl::Status answered = co_await std::move(probe);
    if (group_.stop_token().stop_requested()) co_return;
    if (!answered.ok()) LoseAll(up_to, answered);
  }
}

void ProviderWatch::LoseAll(std::uint64_t up_to, const absl::Status& why) {
  const absl::Status lost = absl::UnavailableError(absl::StrCat(
      "the provider at ", connection_.address(),
      " went away, and did not come back within ",
      absl::FormatDuration(options_.restart_grace), ": ", why.message()));
  coro::MutexLock lock(mu_);
  // Later ones were made after the provider had come back.
  while (!objects_.empty() && objects_.begin()->first <= up_to) {
    objects_.begin()->second->Lost(lost);
    objects_.erase(objects_.begin());
  }
}

}  // namespace anteroom::kinds
