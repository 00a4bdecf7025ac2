// RequestIndex: makes acquires retry-safe. Acquires of one identity with one
// request id share one attempt: while the first waits, a second joins it; once
// granted, both get the same lease.
//
// Invariants, all decided under one lock:
//  1. A request has one attempt, which is dropped when it fails, or when its
//     last caller leaves, which stops it: a retry after that queues anew.
//  2. A lease is kept for retries only if a caller was told of it; else it is
//     ended at once. It is kept until Forget(), alone once the attempt's last
//     caller has gone: there may be a million.
//
// Thread safety: all methods, from any thread.
#ifndef ANTEROOM_SERVER_LIFECYCLE_REQUEST_INDEX_H_
#define ANTEROOM_SERVER_LIFECYCLE_REQUEST_INDEX_H_

#include <cstddef>
#include <memory>
#include <stop_token>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/functional/any_invocable.h"
#include "absl/hash/hash.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/coro/clock.h"
#include "server/coro/event.h"
#include "server/coro/mutex.h"
#include "server/coro/runtime.h"
#include "server/coro/task.h"
#include "server/coro/task_group.h"
#include "server/lifecycle/lease.h"

namespace anteroom::lifecycle {

// What an acquire is told whose request id was used with other arguments.
absl::Status RequestIdReused();

class RequestIndex {
 public:
  // Acquires; should end early when the token is stopped.
  using Attempt = absl::AnyInvocable<coro::Task<absl::StatusOr<LeasePtr>>(
                                         std::stop_token) &&>;

  // Attempts run in `group`, which outlives the index.
  RequestIndex(coro::Runtime runtime, coro::TaskGroup& group)
      : runtime_(runtime), group_(group) {}
  RequestIndex(const RequestIndex&) = delete;
  RequestIndex& operator=(const RequestIndex&) = delete;

  // Starts or joins the attempt of `request` (identity and request id). Further
  // failures: REQUEST_ID_REUSED if `arguments` are not the first call's,
  // LEASE_ENDED once the lease it granted has ended, WAIT_TIMED_OUT and
  // CANCELLED where this caller's `deadline` or `stop` end its wait, DRAINING.
  coro::Task<absl::StatusOr<LeasePtr>> Acquire(std::string request,
                                               std::string arguments,
                                               Attempt attempt,
                                               std::stop_token stop,
                                               coro::Instant deadline);

  // Drops what `lease` was granted for: its receipt is no longer kept.
  void Forget(const Lease& lease);

  std::size_t size() const;

 private:
  // One attempt, and those who wait for it.
  struct Shared {
    Shared(coro::Runtime runtime, std::string arguments)
        : arguments(std::move(arguments)), done(runtime) {}

    const std::string arguments;
    std::stop_source stop;
    coro::Event done;
    int callers = 0;       // guarded by mu_
    bool over = false;     // guarded by mu_
    bool claimed = false;  // somebody was told; guarded by mu_
    // What it came to: written under mu_, before `done` is set.
    absl::Status failure;
    LeasePtr lease;
  };

  // A lease by the request that it was granted to.
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(absl::string_view request) const {
      return absl::HashOf(request);
    }
    std::size_t operator()(const LeasePtr& lease) const {
      return absl::HashOf(lease->request());
    }
  };
  struct Same {
    using is_transparent = void;
    bool operator()(const LeasePtr& lease, absl::string_view request) const {
      return lease->request() == request;
    }
    bool operator()(const LeasePtr& a, const LeasePtr& b) const {
      return a->request() == b->request();
    }
  };

  coro::Task<void> Run(std::string request, std::shared_ptr<Shared> shared,
                       Attempt attempt);
  // What `request` is told that was granted already; null: it was not.
  absl::StatusOr<LeasePtr> Retry(absl::string_view request,
                                 absl::string_view arguments) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // False: it was dropped before.
  bool Drop(const std::string& request, const Shared& shared)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const coro::Runtime runtime_;
  coro::TaskGroup& group_;
  mutable coro::Mutex mu_;
  // Those with callers; each request is in one of both.
  absl::flat_hash_map<std::string, std::shared_ptr<Shared>> attempts_
      ABSL_GUARDED_BY(mu_);
  absl::flat_hash_set<LeasePtr, Hash, Same> granted_ ABSL_GUARDED_BY(mu_);
};

}  // namespace anteroom::lifecycle

#endif  // ANTEROOM_SERVER_LIFECYCLE_REQUEST_INDEX_H_
