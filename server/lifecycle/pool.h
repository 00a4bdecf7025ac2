// Pool: the instances of one resource, the leases on them, and who waits.
//
// How a waiter is bound to an instance:
//  - Who comes while there is room is bound at once. Others queue, each key by
//    itself, in order of arrival, higher priorities first; a returned object
//    goes to the first.
//  - Where the object has its own Enter, a waiter is bound as soon as it is
//    constructed, and its Enter awaits the init. Where it has none, the pool
//    awaits the init and binds whoever is first once it is ready, so that an
//    object that comes back meanwhile may serve the waiter sooner.
//  - The pool builds instances, up to max_instances and as the breaker allows,
//    while more wait than the instances under way will serve. Those count, in
//    the order in which they were begun, for the waiters from the front of the
//    queue: when one's init fails, its waiters get that error.
//  - Where keys compete for max_instances, the idle instance that was used
//    least recently is closed, and the key whose first waiter is first builds.
//
// Invariants:
//  1. At most max_instances instances exist, closing ones included, and at most
//     one a key of a keyed resource; at most max_holders leases are bound to
//     each.
//  2. While a waiter queues no instance with room for it is idle.
//  3. Each instance has one task (Live) from its constructor to CLOSED; each
//     lease whose exit was decided has one (Exit). All are in `group_`.
//  4. Fencing tokens grow with each binding.
//  5. An instance stays while a lease is bound to it, and while mu_ is held
//  where
//     it is found in a table below: only the end of its life, which shares it,
//     takes it out.
//
// Lock order: mu_, then a lease's, then the event log's or that of LeaseTimers,
// then the table's or the runtime's timers'.
// None is held across a hook, a resume or a co_await: what is decided under mu_
// and must happen outside is collected in a Todo.
//
// Destruction: REQUIRES that Drain() has returned and no call is under way.
//
// Thread safety: all methods, from any thread.
#ifndef ANTEROOM_SERVER_LIFECYCLE_POOL_H_
#define ANTEROOM_SERVER_LIFECYCLE_POOL_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <stop_token>
#include <string>
#include <type_traits>
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
#include "server/lifecycle/bound_leases.h"
#include "server/lifecycle/breaker.h"
#include "server/lifecycle/event.h"
#include "server/lifecycle/event_log.h"
#include "server/lifecycle/init.h"
#include "server/lifecycle/instance.h"
#include "server/lifecycle/lease.h"
#include "server/lifecycle/lease_table.h"
#include "server/lifecycle/lease_timers.h"
#include "server/lifecycle/line.h"
#include "server/lifecycle/passage.h"
#include "server/lifecycle/policy.h"
#include "server/lifecycle/resource.h"
#include "server/lifecycle/wait_queue.h"

namespace anteroom::lifecycle {

class Pool {
 public:
  // Whether a task starts at once, or from the executor.
  enum class Begin { kInline, kPosted };

  // What is referred to outlives the pool. REQUIRES: Validate(policy).ok().
  Pool(coro::Runtime runtime, EventLog& events, LeaseTable& leases,
       LeaseTimers& timers, std::string resource, const Policy& policy,
       std::unique_ptr<Kind> kind);
  ~Pool();
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  // Builds what is to be kept warm. Once.
  void Start();

  const coro::Runtime& runtime() const { return runtime_; }
  EventLog& events() const { return events_; }
  LeaseTable& leases() const { return table_; }
  LeaseTimers& lease_timers() const { return timers_; }
  const std::string& resource() const { return resource_; }
  const Policy& policy() const { return policy_; }
  // The numbers and the fencing tokens of its leases are larger.
  std::int64_t first_number() const { return first_number_; }
  // What events of leases on `key` are about that are on no instance.
  std::shared_ptr<const EventSubject> SubjectOf(absl::string_view key) const;
  // INVALID_REQUEST naming `key` for a key of a resource that is not keyed, or
  // none of one that is.
  absl::Status CheckKey(absl::string_view key) const;

  // A lease that is HELD; a deferred one is ENTERING, and its enter goes on.
  // Failures: those of RunEnter(), and WOULD_WAIT, QUEUE_FULL, BREAKER_OPEN,
  // DRAINING, and LEASE_ENDED where an operator took it before. A lease whose
  // caller has left by then is ended with DISCONNECTED. Resumes on the executor
  // if it waited.
  coro::Task<absl::StatusOr<LeasePtr>> Acquire(AcquireOptions&& options,
                                               std::stop_token stop,
                                               coro::Instant deadline) {
    return Acquire(MakeLease(std::move(options)), std::move(stop), deadline);
  }

  // Calls a method; of a deferred lease once it is entered. Failures:
  // LEASE_ENDED, STALE_FENCING_TOKEN, those of UseCall and, where it awaited a
  // deferred enter, that enter's. Finishes inline where the hook does not
  // suspend. What `method` and `argument` look at must live until the task has
  // ended.
  coro::Task<absl::StatusOr<Payload>> Use(LeasePtr lease,
                                          absl::string_view method,
                                          PayloadView argument,
                                          std::uint64_t fencing_token,
                                          std::stop_token stop,
                                          coro::Instant deadline);

  // The same for a streaming method. `channel`, too, must live until the task
  // has ended.
  coro::Task<absl::Status> UseStream(LeasePtr lease, absl::string_view method,
                                     PayloadView argument, UseChannel& channel,
                                     std::uint64_t fencing_token,
                                     std::stop_token stop,
                                     coro::Instant deadline);

  // Begins a call that others forward to the object's endpoint; it counts as a
  // Use until Passage::End(). Failures: METHOD_NOT_FOUND for an object without
  // an endpoint, and those of Use() from before its hook is called. Finishes
  // inline unless it awaits a deferred enter.
  coro::Task<absl::StatusOr<std::unique_ptr<Passage>>> Pass(
      LeasePtr lease, absl::string_view method, std::uint64_t fencing_token,
      std::stop_token stop, coro::Instant deadline);

  // Restarts the lease's time to live; `ttl` 0 keeps its length.
  absl::Status Renew(const LeasePtr& lease, absl::Duration ttl);

  // Decides the lease's end and has its exit run; the enter of one that is
  // ENTERING is stopped. lease->ended() tells when it is over. The first cause
  // is the lease's.
  void End(const LeasePtr& lease, ExitCause cause);
  // Ends the lease if its time is over, else has it looked at again then. No
  // effect unless it is HELD.
  void WatchEnd(const LeasePtr& lease, coro::Instant now,
                Begin exit = Begin::kInline);

  // No new lease; waiters get DRAINING, holders' leases end with DRAINED, after
  // the policy's revoke_notice; all instances are closed, all tasks joined.
  // Whoever calls it again awaits the same drain.
  coro::Task<void> Drain();
  // Set once Drain() has ended.
  coro::Event& drained() { return drained_; }
  // Ends what a drain still grants: notice, and the grace of running uses.
  // REQUIRES: Drain() has begun.
  void ForceDrain();
  // Whether there was anything left to be forced.
  bool drain_forced() const;

  // ---- pool_admin.cc: what an operator sees and does ----

  // Takes the lease after `notice`, of which its holder is told (REVOKING); at
  // once if it is not HELD yet.
  void Revoke(const LeasePtr& lease, absl::Duration notice, ExitReason reason);
  // Has the instance closed after its last exit; it takes no new lease. Its
  // init is stopped if nobody is bound to it. INSTANCE_NOT_FOUND.
  absl::StatusOr<InstanceView> Evict(std::uint64_t number);

  // Instances in the order in which they were built, from the first after the
  // one numbered `after` on; at most `max`.
  std::vector<InstanceView> Instances(std::uint64_t after,
                                      std::size_t max) const;
  // Where a listing of leases goes on: those that wait come in order of
  // arrival, then those that are bound, object by object. A lease that is bound
  // meanwhile may come twice; none is left out.
  struct LeaseCursor {
    bool bound = false;
    std::uint64_t instance = 0;
    std::uint64_t after = 0;               // its token, or else its arrival
    Lease::Place place = Lease::kNoPlace;  // of that, where it is bound
  };
  // At most `max` leases from `cursor` on, which moves on.
  std::vector<LeasePtr> Leases(LeaseCursor& cursor, std::size_t max) const;
  // The lease of this number, if it has not ended; else null. Looks at all.
  LeasePtr FindLease(std::uint64_t number) const;
  // Why an acquire of `key` waits.
  struct WaitReport {
    std::vector<InstanceView> instances;
    std::vector<LeasePtr> holders;
    std::vector<LeasePtr> waiters;  // the next first
    // Of which those above are the first.
    std::size_t all_holders = 0;
    std::size_t all_waiters = 0;
    // Live instances of all keys.
    std::size_t all_instances = 0;
    // No init may begin: open, or half open with its one init under way.
    bool breaker_open = false;
    bool draining = false;
  };
  // At most `max` of each.
  WaitReport Explain(const std::string& key, std::size_t max) const;

  struct Counts {
    std::size_t instances = 0;  // closing ones included
    std::size_t leases = 0;     // bound, until their exit has ended
    std::size_t waiting = 0;    // not bound yet
  };
  Counts counts() const;

  // What the invariants above speak of, as it is now; for tests.
  struct Census {
    struct Seat {
      std::uint64_t number = 0;
      // The state means nothing until it is constructed.
      bool constructed = false;
      InstanceState state = InstanceState::kConstructed;
      int bound = 0;
      bool retired = false;
      bool checking = false;
      bool warm = false;
    };
    struct Line {
      std::string key;
      std::size_t waiting = 0;
      std::vector<Seat> seats;  // in the order of their begin
    };
    std::vector<Line> lines;    // by key
    std::size_t instances = 0;  // of all lines
    // Null: nobody waits for this key, and it has no instance.
    const Line* Find(const std::string& key) const;
  };
  void TakeCensus(Census& census) const;

 private:
  friend Passage;

  // What was decided under the lock, to be done without it. Mostly nothing.
  class Todo {
   public:
    struct Lists {
      std::vector<std::shared_ptr<Instance>> build;
      std::vector<std::pair<std::shared_ptr<Instance>, std::stop_token>> idle;
      std::vector<std::pair<std::shared_ptr<Instance>, std::stop_token>> age;
      std::vector<coro::Instant> wake;
      bool tell_places = false;
      std::vector<std::stop_source> stop;
    };

    bool empty() const { return lists_ == nullptr; }
    // Made when something is to be put there.
    Lists* operator->() {
      if (lists_ == nullptr) lists_ = std::make_unique<Lists>();
      return lists_.get();
    }

   private:
    std::unique_ptr<Lists> lists_;
  };

  // What an instance's object is given to tell of itself.
  class Context;

  // ---- pool_instances.cc: the tasks of an instance ----

  // The life of one instance, from its constructor to CLOSED.
  coro::Task<void> Live(std::shared_ptr<Instance> instance);
  coro::Task<absl::Status> Construct(std::shared_ptr<Instance> instance);
  // Its constructor failed, or it was lost meanwhile: tells those who wait for
  // it, and closes what was made.
  void NotMade(Instance& instance, const absl::Status& status, Todo& todo)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Tells those who wait for it how far it is.
  ProgressReport ReportOf(std::shared_ptr<Instance> instance);
  coro::Task<absl::StatusOr<std::monostate>> Initialize(
      std::shared_ptr<Instance> instance);
  // Lends it no more, and ends the leases on it.
  coro::Task<void> Lose(std::shared_ptr<Instance> instance, absl::Status why);
  // Whether there is anything to do while nobody holds it.
  bool WatchesIdle(const Instance& instance) const;
  // By policy; infinite: never.
  absl::Duration IdleTimeout() const;
  absl::Duration CheckInterval(const Instance& instance) const;
  // Checks it while nobody holds it, and closes it after idle_timeout. It goes
  // on while somebody does: a scope costs no task and no timer.
  coro::Task<void> WatchIdle(std::shared_ptr<Instance> instance,
                             std::stop_token stop);
  coro::Instant IdleSince(const Instance& instance) const;
  // These have no effect if it was held since.
  void Expire(Instance& instance, coro::Instant since);
  coro::Task<void> Check(std::shared_ptr<Instance> instance,
                         coro::Instant since);
  // Retires it when max_lifetime has passed.
  coro::Task<void> WatchAge(std::shared_ptr<Instance> instance,
                            std::stop_token stop);

  // ---- pool.cc: leases ----

  // The call of a method, from the first look at the lease to the last: `call`
  // calls the hook, and refers to what outlives the task.
  template <typename Call>
  auto Called(LeasePtr lease, absl::string_view method,
              std::uint64_t fencing_token, std::stop_token stop,
              coro::Instant deadline, Call call)
      -> std::invoke_result_t<Call&, Object&, UseContext&, absl::string_view>;
  // Counts a call of a method in; the instance that it is on.
  static absl::StatusOr<Instance*> CountIn(Lease& lease,
                                           absl::string_view method,
                                           std::uint64_t fencing_token);
  void CountOut(const LeasePtr& lease);
  // From WAITING on.
  coro::Task<absl::StatusOr<LeasePtr>> Acquire(LeasePtr lease,
                                               std::stop_token stop,
                                               coro::Instant deadline);
  // From ENTERING to HELD, or the end of a lease whose enter failed. Not
  // inline: its frame would be part of every Acquire()'s.
  ABSL_ATTRIBUTE_NOINLINE coro::Task<absl::Status> Enter(
      LeasePtr lease, std::stop_token stop, coro::Instant deadline);
  // The same, when nobody waits for it any more.
  coro::Task<void> EnterDeferred(LeasePtr lease);
  // The end of one lease, which begins now.
  coro::TaskGroup::Detached Exit(coro::TaskGroup::Ticket ticket, LeasePtr lease,
                                 coro::Instant now);

  LeasePtr MakeLease(AcquireOptions&& options);
  // Binds the lease (null), queues it, or refuses it, which ends it.
  absl::StatusOr<std::shared_ptr<Ticket>> Admit(const LeasePtr& lease);
  absl::StatusOr<std::shared_ptr<Ticket>> BindOrQueue(const LeasePtr& lease);
  // WOULD_WAIT or QUEUE_FULL for a ticket that nothing under way will serve and
  // that may not wait; announces its place in the queue else.
  absl::Status MayWait(Ticket& ticket) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // OK: the ticket's lease is bound. Else it has ended.
  absl::Status EndWait(const std::shared_ptr<Ticket>& ticket, coro::Wake wake);
  // Has a lease that is bound entered while its caller goes on.
  absl::Status Defer(const LeasePtr& lease, const std::stop_token& stop,
                     coro::Instant deadline);
  // Ends a lease whose caller has left, or whose time is over, meanwhile.
  absl::Status EndIfLeft(const LeasePtr& lease, const std::stop_token& stop,
                         coro::Instant deadline, coro::Instant now);
  // Takes out a ticket that gave up.
  void Leave(const std::shared_ptr<Ticket>& ticket);
  // What its caller is told of a lease that ended while ENTERING.
  absl::Status EarlyEnd(const Lease& lease) const;
  // Fails the ticket of a lease that is WAITING. False: it is not.
  bool Dismiss(const LeasePtr& lease, const absl::Status& status);
  // ENTERING -> HELD, or the end of a lease whose caller has left.
  absl::Status Grant(const LeasePtr& lease, Instance& instance, Payload value,
                     const std::stop_token& stop, coro::Instant deadline);
  // The same where the object has no Enter: its init was awaited before the
  // lease was bound.
  absl::Status GrantAtOnce(const LeasePtr& lease, const std::stop_token& stop,
                           coro::Instant deadline);
  std::vector<LeasePtr> Bound() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Where a listing goes on that is at `cursor`, on this instance.
  BoundLeases::Iterator After(const LeaseCursor& cursor,
                              const Instance& instance) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Unbind(const LeasePtr& lease, Instance& instance, bool retire);
  // Lends it no more. REQUIRES: a lease is bound to it.
  void Retire(Instance& instance);
  // The lease's end was decided now.
  void SpawnExit(const LeasePtr& lease, coro::Instant now,
                 Begin exit = Begin::kInline);

  // ---- pool_dispatch.cc: who gets what ----

  // Binds waiters to instances with room, builds what is missing, and lets go
  // of inits that nobody waits for.
  void Dispatch(Line& line, Todo& todo) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // A slot of the instance is free again, or it is to be lent no more: the
  // first who waits has it at once.
  void HandOn(Instance& instance, Todo& todo)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // False: the ticket gave up.
  bool Bind(Line& line, const std::shared_ptr<Ticket>& ticket,
            Instance& instance) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Bind(const LeasePtr& lease, Instance& instance)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // What was built for `ticket`, other than `kept`, tells its lease no more.
  static void DropCaused(const Line& line, const Ticket& ticket,
                         const Instance* kept = nullptr);
  bool MayBuild(Line& line, Todo& todo) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  bool BreakerAllows(Todo& todo) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Build(Line& line, bool warm, Todo& todo)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void KeepWarm(Line& line, Todo& todo) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void AbandonUnneeded(Line& line, Todo& todo) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Those that no live instance can serve, while the breaker is open.
  void RefuseUnserved(Line& line) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Keys that compete for max_instances: counts that of `line` among them, or
  // no more; makes room for them, and uses it.
  void SetHungry(Line& line, bool hungry) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void EvictForHungry(Todo& todo) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void FeedHungry(Todo& todo) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Has all lines dispatched at `when`.
  void WakeAt(coro::Instant when, Todo& todo)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  coro::Task<void> Wake(coro::Instant when);
  // Tells those who wait their new places, a moment after they changed.
  void TellPlacesSoon(const Line& line, Todo& todo)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  coro::Task<void> TellPlaces();

  // What becomes of an instance that nobody holds: kept for a while, or closed.
  void Settle(Instance& instance, Todo& todo)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void BeginClosing(Instance& instance, Todo& todo)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Remove(Instance& instance, Todo& todo)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // READY, or HELD where leases are bound already.
  void MarkReady(Instance& instance, Todo& todo)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Lets its init go where nobody is left who waits for it.
  void AbandonUnheld(Instance& instance, Todo& todo) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // How its init ended, for the breaker and for warm ones to come.
  void NoteInit(Instance& instance, const absl::Status& status, Todo& todo)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // The breaker's probe that it was, or 0; if it was, all lines are looked at
  // again.
  std::uint64_t EndProbe(Instance& instance, Todo& todo)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // To be called after every change of what a Line looks at.
  void Note(Instance& instance) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  static void Fail(const std::vector<std::shared_ptr<Ticket>>& tickets,
                   const absl::Status& status);
  // Counts who waits beyond what is under way, and forgets the line if unused:
  // `line` may be gone then.
  void Recount(Line& line) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  Line& LineOf(absl::string_view key) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Leases that wait for the init of `instance`.
  std::vector<LeasePtr> WaitingFor(const Instance& instance) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  // REQUIRES: mu_ not held. `builds`: posted from the end of another instance's
  // life, lest a long queue on a failing init be a deep stack.
  void Perform(Todo&& decided, Begin builds = Begin::kInline);

  const coro::Runtime runtime_;
  EventLog& events_;
  LeaseTable& table_;
  LeaseTimers& timers_;
  const std::string resource_;
  const std::shared_ptr<const EventSubject> subject_;  // of the empty key
  const Policy policy_;
  const std::unique_ptr<Kind> kind_;
  const std::size_t slots_;  // max_holders, or Line::kManySlots
  const std::int64_t first_number_;
  const std::stop_source drain_stop_;

  coro::TaskGroup group_;
  coro::Event emptied_;  // draining, and no instance is left
  coro::Event drained_;
  mutable coro::Mutex mu_;
  bool draining_ ABSL_GUARDED_BY(mu_) = false;
  bool drain_forced_ ABSL_GUARDED_BY(mu_) = false;
  // By key; an unkeyed resource has one, for ever.
  std::map<std::string, Line, std::less<>> lines_ ABSL_GUARDED_BY(mu_);
  // Lines that would build but for max_instances, by the place of the first who
  // waits.
  std::map<Ticket::Place, Line*> hungry_ ABSL_GUARDED_BY(mu_);
  // Of all lines, by number.
  std::map<std::uint64_t, std::shared_ptr<Instance>> instances_
      ABSL_GUARDED_BY(mu_);
  std::size_t closing_ ABSL_GUARDED_BY(mu_) = 0;  // of those
  // Waiters of all lines that no instance under way will serve: the sum of
  // their counted_unserved.
  std::size_t unserved_ ABSL_GUARDED_BY(mu_) = 0;
  // Ready ones that nobody holds, the least recently used first.
  std::map<std::uint64_t, Instance*> idle_ ABSL_GUARDED_BY(mu_);
  std::uint64_t last_idle_ ABSL_GUARDED_BY(mu_) = 0;
  Breaker breaker_ ABSL_GUARDED_BY(mu_);
  // Inits of warm instances that failed in a row, and when to try again.
  int warm_failures_ ABSL_GUARDED_BY(mu_) = 0;
  coro::Instant warm_at_ ABSL_GUARDED_BY(mu_) = coro::Instant::min();
  coro::Instant wake_at_ ABSL_GUARDED_BY(mu_) = coro::kNever;
  bool telling_places_ ABSL_GUARDED_BY(mu_) = false;
  std::size_t leases_ ABSL_GUARDED_BY(mu_) = 0;  // bound to all of them
  std::uint64_t last_token_ ABSL_GUARDED_BY(mu_);
  std::atomic<std::uint64_t> last_lease_;
  std::uint64_t last_instance_ ABSL_GUARDED_BY(mu_) = 0;
  std::uint64_t last_arrival_ ABSL_GUARDED_BY(mu_) = 0;
};

}  // namespace anteroom::lifecycle

#endif  // ANTEROOM_SERVER_LIFECYCLE_POOL_H_
