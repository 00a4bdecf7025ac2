// Pool: the instances of one resource, the leases on them, and who waits.
//
// How a waiter is bound to an instance:
//  - Waiters queue in order of arrival; a returned object goes to the first.
//  - Where the kind has its own Enter, a waiter is bound as soon as an instance
//    is constructed, and its Enter awaits the init. Where it has none, the pool
//    awaits the init and binds whoever is first once it is ready, so that an
//    object that comes back meanwhile may serve the waiter sooner.
//  - The pool builds instances, up to max_instances, while more wait than the
//    instances under way will serve. Those count, in the order in which they
//    were begun, for the waiters from the front of the queue: when one's init
//    fails, its waiters get that error.
//
// Invariants:
//  1. At most max_instances instances exist, closing ones included; at most
//     max_holders leases are bound to each.
//  2. While a waiter queues no instance with room for it is idle.
//  3. Each instance has one task (Live) from its constructor to CLOSED; each
//     lease whose exit was decided has one (Exit). All are in `group_`.
//  4. Fencing tokens grow with each binding.
//
// Lock order: mu_, then a lease's, then the event log's. None is held across a
// hook, a resume or a co_await: what is decided under mu_ and must happen
// outside is collected in a Todo.
//
// Destruction: REQUIRES that Drain() has returned and no call is under way.
//
// Thread safety: all methods, from any thread.
#ifndef ANTEROOM_SERVER_LIFECYCLE_POOL_H_
#define ANTEROOM_SERVER_LIFECYCLE_POOL_H_

#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <stop_token>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/coro/clock.h"
#include "server/coro/event.h"
#include "server/coro/mutex.h"
#include "server/coro/runtime.h"
#include "server/coro/task.h"
#include "server/coro/task_group.h"
#include "server/lifecycle/event_log.h"
#include "server/lifecycle/instance.h"
#include "server/lifecycle/lease.h"
#include "server/lifecycle/lease_table.h"
#include "server/lifecycle/policy.h"
#include "server/lifecycle/resource.h"
#include "server/lifecycle/wait_queue.h"

namespace anteroom::lifecycle {

class Pool {
 public:
  // `events` and `leases` outlive the pool. REQUIRES: Validate(policy).ok().
  Pool(coro::Runtime runtime, EventLog& events, LeaseTable& leases,
       std::string resource, const Policy& policy, std::unique_ptr<Kind> kind);
  ~Pool();
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  const std::string& resource() const { return resource_; }
  const Policy& policy() const { return policy_; }
  Hooks hooks() const { return hooks_; }

  // A lease that is HELD. Failures: those of RunEnter(), and WOULD_WAIT,
  // QUEUE_FULL, DRAINING. A lease whose caller has left by then is ended with
  // DISCONNECTED. Resumes on the executor if it waited.
  coro::Task<absl::StatusOr<std::shared_ptr<Lease>>> Acquire(
      AcquireOptions options, std::stop_token stop, coro::Instant deadline);

  // Calls a method. Failures: LEASE_ENDED, STALE_FENCING_TOKEN and those of
  // RunUse(). Finishes inline where the hook does not suspend. `argument` must
  // live until the task has ended.
  coro::Task<absl::StatusOr<Payload>> Use(std::shared_ptr<Lease> lease,
                                          std::string method,
                                          const Payload& argument,
                                          std::uint64_t fencing_token,
                                          std::stop_token stop,
                                          coro::Instant deadline);

  // Restarts the lease's time to live; `ttl` 0 keeps its length.
  absl::Status Renew(const std::shared_ptr<Lease>& lease, absl::Duration ttl);

  // Decides the lease's end and has its exit run. True for the call that
  // decided; its cause is the lease's. lease->ended() tells when it is over.
  bool End(const std::shared_ptr<Lease>& lease, ExitCause cause);

  // No new lease; waiters get DRAINING, holders' leases end with DRAINED, all
  // instances are closed, all tasks joined.
  coro::Task<void> Drain();

  struct Counts {
    std::size_t instances = 0;  // closing ones included
    std::size_t leases = 0;     // bound, until their exit has ended
    std::size_t waiting = 0;    // not bound yet
  };
  Counts counts() const;

 private:
  // What was decided under the lock, to be done without it.
  struct Todo {
    std::vector<std::shared_ptr<Instance>> build;
    std::vector<std::pair<std::shared_ptr<Instance>, std::stop_token>> linger;
    std::vector<std::stop_source> stop;
  };

  // The life of one instance, from its constructor to CLOSED.
  coro::Task<void> Live(std::shared_ptr<Instance> instance);
  coro::Task<absl::StatusOr<std::monostate>> Initialize(
      std::shared_ptr<Instance> instance, std::stop_token abandoned);
  // Closes `instance` when it has been idle for idle_timeout.
  coro::Task<void> Linger(std::shared_ptr<Instance> instance,
                          std::stop_token stop);
  // The end of one lease.
  coro::Task<void> Exit(std::shared_ptr<Lease> lease);

  std::shared_ptr<Lease> MakeLease(AcquireOptions options);
  // Queues the ticket, or refuses it.
  absl::Status Admit(const std::shared_ptr<Ticket>& ticket);
  // Takes out a ticket that gave up.
  void Leave(const std::shared_ptr<Ticket>& ticket);
  // ENTERING -> HELD, or the end of a lease whose caller has left.
  absl::Status Grant(const std::shared_ptr<Lease>& lease, Payload value,
                     const std::stop_token& stop);
  void Unbind(const std::shared_ptr<Lease>& lease,
              const std::shared_ptr<Instance>& instance, bool retire);
  // Ends the lease if its time is over, else has it looked at again then.
  void WatchExpiry(const std::shared_ptr<Lease>& lease);

  // Binds waiters to instances with room, builds what is missing, and lets go
  // of inits that nobody waits for.
  void Dispatch(Todo& todo) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void BindFirst(const std::shared_ptr<Instance>& instance, Todo& todo)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Build(Todo& todo) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void AbandonUnwanted(Todo& todo) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // What becomes of an instance that nobody holds: kept for a while, or closed.
  void Settle(const std::shared_ptr<Instance>& instance, Todo& todo)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // READY, or HELD where leases are bound already.
  void MarkReady(Instance& instance) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void FailWaitersOf(const Instance& instance, const absl::Status& status)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Remove(const Instance& instance, Todo& todo)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  std::shared_ptr<Instance> FindRoom() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Whether it will take waiters later: under construction, or in its init
  // where that is awaited before binding.
  bool IsUnderWay(const Instance& instance) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Waiters that instances under way will serve: all of them, or those begun
  // before `until`.
  std::size_t SlotsUnderWay(const Instance* until = nullptr) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  std::vector<std::shared_ptr<Lease>> WaitingFor(
      const std::shared_ptr<Instance>& instance) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  // REQUIRES: mu_ not held.
  void Perform(Todo todo);

  const coro::Runtime runtime_;
  EventLog& events_;
  LeaseTable& table_;
  const std::string resource_;
  const Policy policy_;
  const std::unique_ptr<Kind> kind_;
  const Hooks hooks_;
  const std::size_t slots_;  // max_holders, or very many
  const std::stop_source drain_stop_;

  coro::TaskGroup group_;
  coro::Event emptied_;  // draining, and no instance is left
  mutable coro::Mutex mu_;
  bool draining_ ABSL_GUARDED_BY(mu_) = false;
  // In the order in which they were begun.
  std::list<std::shared_ptr<Instance>> instances_ ABSL_GUARDED_BY(mu_);
  WaitQueue queue_ ABSL_GUARDED_BY(mu_);
  // Bound ones, by fencing token.
  std::map<std::uint64_t, std::shared_ptr<Lease>> leases_ ABSL_GUARDED_BY(mu_);
  std::uint64_t last_token_ ABSL_GUARDED_BY(mu_);
  std::uint64_t last_lease_ ABSL_GUARDED_BY(mu_);
  std::uint64_t last_instance_ ABSL_GUARDED_BY(mu_) = 0;
};

}  // namespace anteroom::lifecycle

#endif  // ANTEROOM_SERVER_LIFECYCLE_POOL_H_
