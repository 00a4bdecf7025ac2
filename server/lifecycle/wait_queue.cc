#include "server/lifecycle/wait_queue.h"

#include <iterator>
#include <utility>

namespace anteroom::lifecycle {

void WaitQueue::Push(const std::shared_ptr<Ticket>& ticket) {
  tickets_.emplace(ticket->place, ticket);
  if (ticket->lease->deferred()) ++deferred_;
}

bool WaitQueue::Remove(const Ticket& ticket) {
  const auto found = tickets_.find(ticket.place);
  if (found == tickets_.end()) return false;
  if (tickets_.erase(found) != tickets_.end()) ++departures_;
  if (ticket.lease->deferred()) --deferred_;
  return true;
}

std::size_t WaitQueue::PositionOf(const Ticket& ticket) const {
  const auto found = tickets_.find(ticket.place);
  if (found == tickets_.end()) return 0;
  // Most queue up at the end.
  return tickets_.size() -
         static_cast<std::size_t>(std::distance(found, tickets_.end())) + 1;
}

WaitQueue::Tickets::const_iterator WaitQueue::From(std::size_t offset) const {
  if (offset >= tickets_.size()) return tickets_.end();
  return std::next(tickets_.begin(), static_cast<std::ptrdiff_t>(offset));
}

std::vector<std::shared_ptr<Ticket>> WaitQueue::Take(std::size_t offset,
                                                     std::size_t count) {
  std::vector<std::shared_ptr<Ticket>> taken;
  for (auto next = From(offset); next != tickets_.end() && taken.size() < count;
       ++next) {
    taken.push_back(next->second);
  }
  for (const std::shared_ptr<Ticket>& ticket : taken) Remove(*ticket);
  return taken;
}

std::vector<std::shared_ptr<Lease>> WaitQueue::Leases(std::size_t offset,
                                                      std::size_t count) const {
  std::vector<std::shared_ptr<Lease>> leases;
  for (auto next = From(offset);
       next != tickets_.end() && leases.size() < count; ++next) {
    leases.push_back(next->second->lease);
  }
  return leases;
}

std::shared_ptr<Ticket> WaitQueue::Find(const Lease& lease) const {
  for (const auto& [place, ticket] : tickets_) {
    if (ticket->lease.get() == &lease) return ticket;
  }
  return nullptr;
}

}  // namespace anteroom::lifecycle
