#include "server/lifecycle/wait_queue.h"

namespace anteroom::lifecycle {

void WaitQueue::Push(const std::shared_ptr<Ticket>& ticket) {
  tickets_.insert({ticket->place, ticket});
  if (ticket->lease->deferred()) deferred_.insert(ticket->place);
}

bool WaitQueue::Remove(const Ticket& ticket) {
  const auto found = tickets_.find(ticket.place);
  if (found == tickets_.end()) return false;
  if (tickets_.erase(found) != tickets_.end()) ++departures_;
  deferred_.erase(ticket.place);
  return true;
}

std::shared_ptr<Ticket> WaitQueue::DeferredFrom(std::size_t offset) const {
  if (deferred_.empty() || offset >= tickets_.size()) return nullptr;
  const auto found = deferred_.lower_bound(At(offset)->place);
  return found == deferred_.end() ? nullptr : tickets_.find(*found)->second;
}

std::size_t WaitQueue::PositionOf(const Ticket& ticket) const {
  if (tickets_.empty()) return 0;
  // As most are that are asked for: those that came just now.
  if (tickets_.rbegin()->first == ticket.place) return tickets_.size();
  if (tickets_.find(ticket.place) == tickets_.end()) return 0;
  return tickets_.order_of_key(ticket.place) + 1;
}

std::vector<std::shared_ptr<Ticket>> WaitQueue::Take(std::size_t offset,
                                                     std::size_t count) {
  std::vector<std::shared_ptr<Ticket>> taken;
  for (auto next = tickets_.find_by_order(offset);
       next != tickets_.end() && taken.size() < count; ++next) {
    taken.push_back(next->second);
  }
  for (const std::shared_ptr<Ticket>& ticket : taken) Remove(*ticket);
  return taken;
}

std::vector<LeasePtr> WaitQueue::Leases(std::size_t offset,
                                        std::size_t count) const {
  std::vector<LeasePtr> leases;
  for (auto next = tickets_.find_by_order(offset);
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
