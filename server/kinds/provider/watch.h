// ProviderWatch: looks after the connection to a provider while objects live
// behind it.
//
// The rule: an object lives as long as its provider can be reached. Where the
// connection breaks, the provider is asked to describe itself. If it answers
// within restart_grace its objects go on, for their handles outlive a restart;
// if it does not, they are lost, all at once.
//
// Destruction: REQUIRES that Join() has returned, or that Add() was never
// called.
//
// Thread safety: all methods, from any thread.
#ifndef ANTEROOM_SERVER_KINDS_PROVIDER_WATCH_H_
#define ANTEROOM_SERVER_KINDS_PROVIDER_WATCH_H_

#include <cstdint>
#include <map>
#include <memory>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "server/coro/clock.h"
#include "server/coro/mutex.h"
#include "server/coro/runtime.h"
#include "server/coro/task.h"
#include "server/coro/task_group.h"
#include "server/coro/waiter.h"
#include "server/kinds/provider/connection.h"
#include "server/lifecycle/resource.h"

namespace anteroom::kinds {

class ProviderWatch {
 public:
  struct Options {
    // How often the connection is looked at.
    absl::Duration interval = absl::Seconds(1);
    // How long a provider may be away.
    absl::Duration restart_grace = absl::Seconds(5);
  };
  // Asks the provider whether it is there, and waits for it until the deadline.
  using Probe = absl::AnyInvocable<coro::Task<absl::Status>(
      std::stop_token, coro::Instant) const>;

  // `connection` outlives it.
  ProviderWatch(coro::Runtime runtime, ProviderConnection& connection,
                const Options& options, Probe probe);

  // Tells `object` when it is lost, until it is removed. The id is never 0.
  std::uint64_t Add(lifecycle::InstanceContext& object);
  void Remove(std::uint64_t id);

  // Watches no more, and waits for what it has running.
  coro::Task<void> Join();

 private:
  coro::Task<void> Run();
  // Until it is time to look, or somebody wants it to look. False: it is over.
  coro::Task<bool> AwaitTurn();
  void LoseAll(std::uint64_t up_to, const absl::Status& why);

  const coro::Runtime runtime_;
  ProviderConnection& connection_;
  const Options options_;
  const Probe probe_;
  coro::TaskGroup group_;
  coro::Mutex mu_;
  bool running_ ABSL_GUARDED_BY(mu_) = false;
  std::uint64_t last_id_ ABSL_GUARDED_BY(mu_) = 0;
  std::map<std::uint64_t, lifecycle::InstanceContext*> objects_
      ABSL_GUARDED_BY(mu_);
  // Waits while there are no objects.
  std::shared_ptr<coro::Waiter> unneeded_ ABSL_GUARDED_BY(mu_);
};

}  // namespace anteroom::kinds

#endif  // ANTEROOM_SERVER_KINDS_PROVIDER_WATCH_H_
