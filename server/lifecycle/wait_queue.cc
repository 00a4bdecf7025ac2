#include "server/lifecycle/wait_queue.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace anteroom::lifecycle {

void WaitQueue::Push(std::shared_ptr<Ticket> ticket) {
  ticket->queued = true;
  Ticket& pushed = *ticket;
  pushed.place = tickets_.insert(tickets_.end(), std::move(ticket));
}

std::shared_ptr<Ticket> WaitQueue::Pop() {
  std::shared_ptr<Ticket> first = std::move(tickets_.front());
  tickets_.pop_front();
  first->queued = false;
  return first;
}

void WaitQueue::Remove(Ticket& ticket) {
  if (!ticket.queued) return;
  ticket.queued = false;
  tickets_.erase(ticket.place);
}

std::vector<std::shared_ptr<Ticket>> WaitQueue::Take(std::size_t offset,
                                                     std::size_t count) {
  std::vector<std::shared_ptr<Ticket>> taken;
  if (offset >= tickets_.size()) return taken;
  auto next = std::next(tickets_.begin(), static_cast<long>(offset));
  while (next != tickets_.end() && taken.size() < count) {
    (*next)->queued = false;
    taken.push_back(std::move(*next));
    next = tickets_.erase(next);
  }
  return taken;
}

std::vector<std::shared_ptr<Lease>> WaitQueue::Leases(std::size_t offset,
                                                      std::size_t count) const {
  std::vector<std::shared_ptr<Lease>> leases;
  if (offset >= tickets_.size()) return leases;
  auto next = std::next(tickets_.begin(), static_cast<long>(offset));
  for (; next != tickets_.end() && leases.size() < count; ++next) {
    leases.push_back((*next)->lease);
  }
  return leases;
}

}  // namespace anteroom::lifecycle
