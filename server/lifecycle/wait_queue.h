// WaitQueue: the acquires that no instance has been bound to yet, in order of
// arrival.
//
// A ticket is one of them. It leaves the queue bound to an instance, failed, or
// by giving up; whoever signals its waiter first decides which.
//
// Thread safety: none; guarded by the mutex of the pool that owns it.
#ifndef ANTEROOM_SERVER_LIFECYCLE_WAIT_QUEUE_H_
#define ANTEROOM_SERVER_LIFECYCLE_WAIT_QUEUE_H_

#include <cstddef>
#include <list>
#include <memory>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "server/coro/runtime.h"
#include "server/coro/waiter.h"
#include "server/lifecycle/instance.h"
#include "server/lifecycle/lease.h"

namespace anteroom::lifecycle {

struct Ticket {
  Ticket(coro::Runtime runtime, std::shared_ptr<Lease> lease)
      : lease(std::move(lease)),
        waiter(std::make_shared<coro::Waiter>(runtime)) {}

  const std::shared_ptr<Lease> lease;
  const std::shared_ptr<coro::Waiter> waiter;
  // What the signal meant: bound to an instance, or else failed.
  std::shared_ptr<Instance> instance;
  absl::Status failure;
  // Kept by the queue.
  bool queued = false;
  std::list<std::shared_ptr<Ticket>>::iterator place;
};

class WaitQueue {
 public:
  std::size_t size() const { return tickets_.size(); }
  bool empty() const { return tickets_.empty(); }

  void Push(std::shared_ptr<Ticket> ticket);
  // REQUIRES: !empty().
  const std::shared_ptr<Ticket>& front() const { return tickets_.front(); }
  std::shared_ptr<Ticket> Pop();
  // Takes `ticket` out if it is still in.
  void Remove(Ticket& ticket);
  // Takes out up to `count` tickets, starting `offset` from the front.
  std::vector<std::shared_ptr<Ticket>> Take(std::size_t offset,
                                            std::size_t count);
  // The same, without taking them out.
  std::vector<std::shared_ptr<Lease>> Leases(std::size_t offset,
                                             std::size_t count) const;

 private:
  std::list<std::shared_ptr<Ticket>> tickets_;
};

}  // namespace anteroom::lifecycle

#endif  // ANTEROOM_SERVER_LIFECYCLE_WAIT_QUEUE_H_
