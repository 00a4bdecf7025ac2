#include "server/lifecycle/wait_queue.h"

#include <algorithm>
#include <bit>

#include "server/coro/check.h"
#include "server/coro/prefetch.h"

namespace anteroom::lifecycle {

std::size_t WaitQueue::HeightOf(const Ticket& ticket) {
  // Multiplicative hashing (Knuth, The Art of Computer Programming 3, 6.4),
  // twice: by itself it would spread arrivals in a row evenly, but not every
  // 987th, as those of one key of many may be.
  constexpr std::uint64_t kGoldenRatio = 0x9e3779b97f4a7c15;
  std::uint64_t hash = ticket.place.second * kGoldenRatio;
  hash = (hash ^ hash >> 32) * kGoldenRatio;
  const auto zeros = static_cast<std::size_t>(std::countl_zero(hash));
  return std::min(1 + zeros / 2, kLevels);
}

WaitQueue::Path WaitQueue::PathTo(const Ticket::Place& place) const {
  Path path;  // as far as there are levels
  const Ticket* const first = head_.front().next;
  if (first == nullptr || place <= first->place) {
    std::fill_n(path.tickets.begin(), levels_, nullptr);
    std::fill_n(path.counts.begin(), levels_, 0);
    return path;
  }
  if (ends_.front()->place < place) {
    path.tickets = ends_;
    for (std::size_t level = 0; level < levels_; ++level) {
      path.counts[level] = size_ - LinkOf(ends_[level], level).steps;
    }
    return path;
  }
  Ticket* at = nullptr;
  std::size_t count = 0;
  for (std::size_t level = levels_; level-- > 0;) {
    const Link* link = &LinkOf(at, level);
    while (link->next != nullptr && link->next->place < place) {
      count += link->steps;
      at = link->next;
      link = &at->links_[level];
    }
    path.tickets[level] = at;
    path.counts[level] = count;
  }
  return path;
}

Ticket* WaitQueue::Reach(std::size_t offset) const {
  if (offset >= size_) return nullptr;
  Ticket* at = nullptr;
  std::size_t left = offset + 1;
  for (std::size_t level = levels_; level-- > 0;) {
    const Link* link = &LinkOf(at, level);
    while (link->next != nullptr && link->steps <= left) {
      left -= link->steps;
      at = link->next;
      link = &at->links_[level];
    }
  }
  return at;
}

void WaitQueue::Push(const std::shared_ptr<Ticket>& ticket) {
  ANTEROOM_CHECK(ticket->kept_ == nullptr);
  const std::size_t height = HeightOf(*ticket);
  for (; levels_ < height; ++levels_) head_[levels_] = Link{nullptr, size_};
  const Path path = PathTo(ticket->place);
  for (std::size_t level = 0; level < levels_; ++level) {
    Link& before = LinkOf(path.tickets[level], level);
    if (level >= height) {
      ++before.steps;
      continue;
    }
    // From who is before it on this level to who is on the lowest.
    const std::size_t passed = path.counts.front() - path.counts[level];
    ticket->links_.push_back(Link{before.next, before.steps - passed});
    if (before.next == nullptr) ends_[level] = ticket.get();
    before = Link{ticket.get(), passed + 1};
  }
  ticket->kept_ = ticket;
  ++size_;
  if (ticket->lease->deferred()) deferred_.emplace(ticket->place, ticket.get());
}

bool WaitQueue::Remove(Ticket& ticket) {
  if (ticket.kept_ == nullptr) return false;
  const Path path = PathTo(ticket.place);
  for (std::size_t level = 0; level < levels_; ++level) {
    Link& before = LinkOf(path.tickets[level], level);
    --before.steps;
    if (level >= ticket.links_.size()) continue;
    before.next = ticket.links_[level].next;
    before.steps += ticket.links_[level].steps;
    if (before.next == nullptr) ends_[level] = path.tickets[level];
  }
  if (ticket.links_.front().next != nullptr) ++departures_;
  if (path.counts.front() == 0) PrefetchFront();
  ticket.links_.clear();
  --size_;
  if (ticket.lease->deferred()) deferred_.erase(ticket.place);
  const std::shared_ptr<Ticket> last = std::move(ticket.kept_);
  return true;
}

void WaitQueue::PrefetchFront() const {
  const Ticket* const first = head_.front().next;
  if (first == nullptr) return;
  // The first itself was prefetched when it was the second.
  coro::Prefetch(first->lease.get());
  coro::Prefetch(first->links_.front().next);
}

std::shared_ptr<Ticket> WaitQueue::DeferredFrom(std::size_t offset) const {
  if (deferred_.empty() || offset >= size_) return nullptr;
  const auto found = deferred_.lower_bound(Reach(offset)->place);
  return found == deferred_.end() ? nullptr : found->second->kept_;
}

std::size_t WaitQueue::PositionOf(const Ticket& ticket) const {
  if (ticket.kept_ == nullptr) return 0;
  // As most are that are asked for: those that came just now.
  if (&ticket == ends_.front()) return size_;
  return PathTo(ticket.place).counts.front() + 1;
}

std::vector<std::shared_ptr<Ticket>> WaitQueue::Take(std::size_t offset,
                                                     std::size_t count) {
  std::vector<std::shared_ptr<Ticket>> taken;
  for (Iterator next(Reach(offset)); next != end() && taken.size() < count;
       ++next) {
    taken.push_back(next->kept_);
  }
  for (const std::shared_ptr<Ticket>& ticket : taken) Remove(*ticket);
  return taken;
}

std::vector<LeasePtr> WaitQueue::Leases(std::size_t offset,
                                        std::size_t count) const {
  std::vector<LeasePtr> leases;
  for (Iterator next(Reach(offset)); next != end() && leases.size() < count;
       ++next) {
    leases.push_back(next->lease);
  }
  return leases;
}

std::shared_ptr<Ticket> WaitQueue::Find(const Lease& lease) const {
  for (const Ticket& ticket : *this) {
    if (ticket.lease.get() == &lease) return ticket.kept_;
  }
  return nullptr;
}

}  // namespace anteroom::lifecycle
