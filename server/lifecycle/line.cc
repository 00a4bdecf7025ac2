#include "server/lifecycle/line.h"

#include <algorithm>

namespace anteroom::lifecycle {
namespace {

void Keep(absl::btree_set<std::uint64_t>& numbers, std::uint64_t number,
          bool in) {
  if (in) {
    numbers.insert(number);
  } else {
    numbers.erase(number);
  }
}

}  // namespace

void Line::Add(const std::shared_ptr<Instance>& instance) {
  instances_.emplace(instance->number(), instance);
  Note(*instance);
}

void Line::Remove(const Instance& instance) {
  KeepUnderWay(instance, /*in=*/false);
  for (Numbers* const numbers :
       {&ready_room_, &early_room_, &idle_, &unheld_, &lendable_}) {
    numbers->erase(instance.number());
  }
  instances_.erase(instance.number());
}

void Line::KeepUnderWay(const Instance& instance, bool in) {
  const auto found = under_way_.find(instance.number());
  if (found != under_way_.end()) {
    slots_under_way_ -= found->second;
    under_way_.erase(found);
  }
  if (!in) return;
  under_way_.emplace(instance.number(), SlotsLeft(instance));
  slots_under_way_ += SlotsLeft(instance);
}

void Line::Note(const Instance& instance) {
  const std::uint64_t number = instance.number();
  const bool under_way = IsUnderWay(instance);
  const bool room = !instance.retired && instance.constructed() && !under_way &&
                    SlotsLeft(instance) > 0;
  const bool unheld = !instance.retired && instance.bound == 0;
  KeepUnderWay(instance, under_way);
  Keep(ready_room_, number, room && instance.ready());
  Keep(early_room_, number, room && !instance.ready());
  Keep(idle_, number, unheld && instance.ready());
  Keep(unheld_, number,
       unheld && (instance.ready() || under_way || instance.warm));
  Keep(lendable_, number, !instance.retired);
}

void Line::TellPlaces() {
  constexpr std::size_t kFirst = 3;
  told_departures_ = queue_.departures();
  const std::size_t served = queue_.size() - unserved();
  std::size_t position = 0;
  for (const auto& [place, ticket] : queue_.tickets()) {
    if (++position <= served) continue;
    const std::size_t now = position - served;
    std::size_t& told = ticket->told_position;
    if (now == told || (told != 0 && now > kFirst && now > told / 2)) continue;
    told = now;
    ticket->lease->Queued(static_cast<int>(now));
  }
}

bool Line::IsUnderWay(const Instance& instance) const {
  if (instance.retired) return false;
  if (!instance.constructed() || instance.checking) return true;
  // With an Enter of its own it is bound as soon as it is constructed.
  return !instance.hooks.enter && !instance.ready();
}

std::shared_ptr<Instance> Line::FindRoom() const {
  const Numbers& numbers = ready_room_.empty() ? early_room_ : ready_room_;
  return numbers.empty() ? nullptr : instances_.at(*numbers.begin());
}

std::pair<std::shared_ptr<Ticket>, std::shared_ptr<Instance>>
Line::FindDeferred() const {
  if (queue_.deferred() == 0) return {};
  auto ticket = queue_.tickets().begin();
  for (const auto& [number, slots] : under_way_) {
    const std::shared_ptr<Instance>& instance = instances_.at(number);
    const bool binds = instance->constructed() && !instance->checking;
    for (std::size_t left = slots; left > 0; --left, ++ticket) {
      if (ticket == queue_.tickets().end()) return {};
      if (binds && ticket->second->lease->deferred()) {
        return {ticket->second, instance};
      }
    }
  }
  return {};
}

std::size_t Line::unserved() const {
  return queue_.size() - std::min(queue_.size(), slots_under_way_);
}

std::shared_ptr<Ticket> Line::FirstUnserved() const {
  return queue_.At(queue_.size() - unserved());
}

std::vector<std::shared_ptr<Ticket>> Line::TakeUnserved() {
  return queue_.Take(queue_.size() - unserved(), queue_.size());
}

std::size_t Line::SlotsLeft(const Instance& instance) const {
  return slots_ - static_cast<std::size_t>(instance.bound);
}

std::size_t Line::SlotsBefore(const Instance& instance) const {
  std::size_t slots = 0;
  for (const auto& [number, left] : under_way_) {
    if (number >= instance.number()) break;
    slots += left;
  }
  return slots;
}

std::vector<std::shared_ptr<Lease>> Line::WaitersOf(
    const Instance& instance) const {
  if (!IsUnderWay(instance)) return {};
  return queue_.Leases(SlotsBefore(instance), SlotsLeft(instance));
}

std::vector<std::shared_ptr<Ticket>> Line::TakeWaitersOf(
    const Instance& instance) {
  if (!IsUnderWay(instance)) return {};
  return queue_.Take(SlotsBefore(instance), SlotsLeft(instance));
}

std::size_t Line::needed() const {
  if (slots_under_way_ == under_way_.size() * slots_) {  // none is bound
    return queue_.size() / slots_ + (queue_.size() % slots_ == 0 ? 0 : 1);
  }
  std::size_t needed = 0;
  std::size_t slots = 0;
  for (const auto& [number, left] : under_way_) {
    if (slots >= queue_.size()) break;
    slots += left;
    ++needed;
  }
  return needed;
}

std::vector<std::shared_ptr<Instance>> Line::Unneeded() const {
  std::vector<std::shared_ptr<Instance>> unneeded;
  if (under_way_.size() <= needed()) return unneeded;
  const std::size_t count = under_way_.size() - needed();
  auto next = under_way_.rbegin();
  for (std::size_t i = 0; i < count; ++i, ++next) {
    const std::shared_ptr<Instance>& instance = instances_.at(next->first);
    if (instance->bound == 0) unneeded.push_back(instance);
  }
  return unneeded;
}

std::size_t Line::spares() const {
  std::size_t taken = std::min(needed(), under_way_.size());
  if (slots_under_way_ != under_way_.size() * slots_) {
    // Those that leases are bound to are none of the unheld.
    auto next = under_way_.begin();
    for (std::size_t i = taken; i > 0; --i, ++next) {
      if (next->second < slots_) --taken;
    }
  }
  return unheld_.size() - std::min(taken, unheld_.size());
}

}  // namespace anteroom::lifecycle
