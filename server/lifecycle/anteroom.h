// Anteroom: the whole service but its door. It knows every resource and every
// lease, and speaks neither gRPC nor protobuf.
//
// Life: AddResource for each resource, then calls from any thread, then Drain()
// once, then destruction.
//
// Thread safety: AddResource before all else; the other methods from any
// thread. Destruction: REQUIRES that Drain() has returned and no call is under
// way.
#ifndef ANTEROOM_SERVER_LIFECYCLE_ANTEROOM_H_
#define ANTEROOM_SERVER_LIFECYCLE_ANTEROOM_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/coro/clock.h"
#include "server/coro/runtime.h"
#include "server/coro/task.h"
#include "server/coro/task_group.h"
#include "server/lifecycle/event_log.h"
#include "server/lifecycle/lease.h"
#include "server/lifecycle/lease_table.h"
#include "server/lifecycle/lease_timers.h"
#include "server/lifecycle/passage.h"
#include "server/lifecycle/policy.h"
#include "server/lifecycle/pool.h"
#include "server/lifecycle/request_index.h"
#include "server/lifecycle/resource.h"
#include "server/lifecycle/scopes.h"

namespace anteroom::lifecycle {

class Anteroom {
 public:
  struct Options {
    LeaseTable::Options receipts;
    // Events kept for watchers that come back. More than 0.
    std::size_t events_kept = 10'000;
  };

  Anteroom(coro::Runtime runtime, const Options& options);
  Anteroom(const Anteroom&) = delete;
  Anteroom& operator=(const Anteroom&) = delete;

  // RESOURCE_EXISTS, or INVALID_REQUEST for an empty name or a policy that
  // contradicts itself.
  absl::Status AddResource(const std::string& name, const Policy& policy,
                           std::unique_ptr<Kind> kind);

  // Begins the inits of what is to be kept warm (Policy::min_idle); that of
  // resources added later begins at once. Once, when nothing stands in the way
  // of serving any more: from then on only Drain() leaves nothing behind.
  void Start();

  // A HELD lease of `resource`. `max_wait` bounds the acquire itself, `stop`
  // and `deadline` this caller's wait for it. Failures: RESOURCE_NOT_FOUND,
  // INVALID_REQUEST for a key on an unkeyed resource, those of Pool::Acquire()
  // and, with a request id, of RequestIndex::Acquire().
  coro::Task<absl::StatusOr<LeasePtr>> Acquire(absl::string_view resource,
                                               AcquireOptions&& options,
                                               absl::Duration max_wait,
                                               std::stop_token stop,
                                               coro::Instant deadline);

  // The lease with this secret id. LEASE_NOT_FOUND.
  absl::StatusOr<LeasePtr> Find(absl::string_view lease_id);

  // Calls a method of the held object (Pool::Use()). What `method` and
  // `argument` look at must live until the task has ended.
  coro::Task<absl::StatusOr<Payload>> Use(absl::string_view lease_id,
                                          absl::string_view method,
                                          PayloadView argument,
                                          std::uint64_t fencing_token,
                                          std::stop_token stop,
                                          coro::Instant deadline);

  // The same for a streaming method (Pool::UseStream()).
  coro::Task<absl::Status> UseStream(absl::string_view lease_id,
                                     absl::string_view method,
                                     PayloadView argument, UseChannel& channel,
                                     std::uint64_t fencing_token,
                                     std::stop_token stop,
                                     coro::Instant deadline);

  // Begins a call that is forwarded to the held object's endpoint
  // (Pool::Pass()).
  coro::Task<absl::StatusOr<std::unique_ptr<Passage>>> Pass(
      absl::string_view lease_id, absl::string_view method,
      std::uint64_t fencing_token, std::stop_token stop,
      coro::Instant deadline);

  // Restarts the lease's time to live. LEASE_NOT_FOUND, LEASE_ENDED.
  absl::StatusOr<LeasePtr> Renew(absl::string_view lease_id,
                                 absl::Duration ttl);

  // Ends the lease, or joins its end, and answers with its one receipt. The
  // exit goes on if `stop` or `deadline` end this wait. LEASE_NOT_FOUND.
  coro::Task<absl::StatusOr<Receipt>> Release(std::string lease_id,
                                              ExitCause cause,
                                              std::stop_token stop,
                                              coro::Instant deadline);

  // The holds that live on streams.
  Scopes& scopes() { return scopes_; }

  EventLog& events() { return events_; }
  const EventLog& events() const { return events_; }

  // Drains every pool, side by side, and awaits all that was begun here. Once.
  coro::Task<void> Drain();

  // ---- what an operator sees and does ----

  // The pool of `resource`: RESOURCE_NOT_FOUND.
  absl::StatusOr<Pool*> FindPool(absl::string_view resource) const;
  // All of them, by name.
  std::vector<Pool*> pools() const;
  // The lease with this public name, if it has not ended: LEASE_NOT_FOUND.
  absl::StatusOr<LeasePtr> FindByName(absl::string_view lease_name) const;
  // Has the instance closed after its last exit (Pool::Evict()).
  // INSTANCE_NOT_FOUND.
  absl::StatusOr<InstanceView> Evict(absl::string_view instance_id) const;
  // Drains `resource`, or all (empty); the server goes on serving. True if
  // `deadline` passed and forced it: what then still goes on is hooks that do
  // not heed their stop. `stop` ends this wait alone: the drain goes on, and is
  // forced at `deadline`. Idempotent. RESOURCE_NOT_FOUND, CANCELLED.
  coro::Task<absl::StatusOr<bool>> DrainWithin(std::string resource,
                                               std::stop_token stop,
                                               coro::Instant deadline);
  // Leases known by id, ended ones with a kept receipt included.
  std::size_t leases_known() const { return leases_.size(); }
  // Those that are looked at again because their time will be over.
  std::size_t leases_watched() const { return lease_timers_.pending(); }

 private:
  // Forces a drain that has not ended by then.
  coro::Task<void> ForceDrainAt(Pool& pool, coro::Instant deadline);
  void ForgetOldReceipts(coro::Instant now);

  const coro::Runtime runtime_;
  bool started_ = false;  // constant once serving
  EventLog events_;
  LeaseTable leases_;
  coro::TaskGroup group_;
  LeaseTimers lease_timers_;
  // Constant once serving; ordered by name.
  std::map<std::string, std::unique_ptr<Pool>, std::less<>> pools_;
  // These refer to leases.
  RequestIndex requests_;
  Scopes scopes_;
};

}  // namespace anteroom::lifecycle

#endif  // ANTEROOM_SERVER_LIFECYCLE_ANTEROOM_H_
