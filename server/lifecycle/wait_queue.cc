#include "server/lifecycle/wait_queue.h"

#include <iterator>
#include <utility>

namespace anteroom::lifecycle {

void WaitQueue::Push(const std::shared_ptr<Ticket>& ticket) {
  tickets_.emplace(ticket->place, ticket);
}

std::shared_ptr<Ticket> WaitQueue::Pop() {
  std::shared_ptr<Ticket> first = std::move(tickets_.begin()->second);
  tickets_.erase(tickets_.begin());
  return first;
}

std::size_t WaitQueue::PositionOf(const Ticket& ticket) const {
  const auto found = tickets_.find(ticket.place);
  if (found == tickets_.end()) return 0;
  // Most queue up at the end.
  return tickets_.size() -
         static_cast<std::size_t>(std::distance(found, tickets_.end())) + 1;
}

std::vector<std::shared_ptr<Ticket>> WaitQueue::Take(std::size_t offset,
                                                     std::size_t count) {
  std::vector<std::shared_ptr<Ticket>> taken;
  if (offset >= tickets_.size()) return taken;
  auto next = std::next(tickets_.begin(), static_cast<std::ptrdiff_t>(offset));
  while (next != tickets_.end() && taken.size() < count) {
    taken.push_back(std::move(next->second));
    next = tickets_.erase(next);
  }
  return taken;
}

std::vector<std::shared_ptr<Lease>> WaitQueue::Leases(std::size_t offset,
                                                      std::size_t count) const {
  std::vector<std::shared_ptr<Lease>> leases;
  if (offset >= tickets_.size()) return leases;
  auto next = std::next(tickets_.begin(), static_cast<std::ptrdiff_t>(offset));
  for (; next != tickets_.end() && leases.size() < count; ++next) {
    leases.push_back(next->second->lease);
  }
  return leases;
}

}  // namespace anteroom::lifecycle
