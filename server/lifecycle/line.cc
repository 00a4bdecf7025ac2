#include "server/lifecycle/line.h"

#include <algorithm>
#include <iterator>
#include <limits>

namespace anteroom::lifecycle {
namespace {

void Keep(std::set<std::uint64_t>& numbers, std::uint64_t number, bool in) {
  if (in) {
    numbers.insert(number);
  } else {
    numbers.erase(number);
  }
}

std::size_t SaturatingMultiply(std::size_t a, std::size_t b) {
  const std::size_t most = std::numeric_limits<std::size_t>::max();
  return b != 0 && a > most / b ? most : a * b;
}

}  // namespace

void Line::Add(const std::shared_ptr<Instance>& instance) {
  instances_.emplace(instance->number(), instance);
  Note(*instance);
}

void Line::Remove(const Instance& instance) {
  for (Numbers* const numbers : {&under_way_, &ready_room_, &early_room_,
                                 &idle_, &unheld_, &lendable_}) {
    numbers->erase(instance.number());
  }
  instances_.erase(instance.number());
}

void Line::Note(const Instance& instance) {
  const std::uint64_t number = instance.number();
  const bool under_way = IsUnderWay(instance);
  const bool room = !instance.retired && instance.constructed() && !under_way &&
                    static_cast<std::size_t>(instance.bound) < slots_;
  const bool unheld = !instance.retired && instance.bound == 0;
  Keep(under_way_, number, under_way);
  Keep(ready_room_, number, room && instance.ready());
  Keep(early_room_, number, room && !instance.ready());
  Keep(idle_, number, unheld && instance.ready());
  Keep(unheld_, number,
       unheld && (instance.ready() || under_way || instance.warm));
  Keep(lendable_, number, !instance.retired);
}

bool Line::IsUnderWay(const Instance& instance) const {
  if (instance.retired) return false;
  if (!instance.constructed() || instance.checking) return true;
  return !binds_early_ && !instance.ready();
}

std::shared_ptr<Instance> Line::FindRoom() const {
  const Numbers& numbers = ready_room_.empty() ? early_room_ : ready_room_;
  return numbers.empty() ? nullptr : instances_.at(*numbers.begin());
}

std::size_t Line::unserved() const {
  const std::size_t served = SaturatingMultiply(under_way_.size(), slots_);
  return queue_.size() > served ? queue_.size() - served : 0;
}

std::shared_ptr<Lease> Line::FirstUnserved() const {
  const auto leases = queue_.Leases(queue_.size() - unserved(), 1);
  return leases.empty() ? nullptr : leases.front();
}

std::vector<std::shared_ptr<Ticket>> Line::TakeUnserved() {
  return queue_.Take(queue_.size() - unserved(), queue_.size());
}

std::size_t Line::SlotsBefore(const Instance& instance) const {
  const auto end = under_way_.lower_bound(instance.number());
  return SaturatingMultiply(
      static_cast<std::size_t>(std::distance(under_way_.begin(), end)), slots_);
}

std::vector<std::shared_ptr<Lease>> Line::WaitersOf(
    const Instance& instance) const {
  if (!IsUnderWay(instance)) return {};
  return queue_.Leases(SlotsBefore(instance), slots_);
}

std::vector<std::shared_ptr<Ticket>> Line::TakeWaitersOf(
    const Instance& instance) {
  if (!IsUnderWay(instance)) return {};
  return queue_.Take(SlotsBefore(instance), slots_);
}

std::size_t Line::needed() const {
  return queue_.size() / slots_ + (queue_.size() % slots_ == 0 ? 0 : 1);
}

std::vector<std::shared_ptr<Instance>> Line::Unneeded() const {
  std::vector<std::shared_ptr<Instance>> unneeded;
  if (under_way_.size() <= needed()) return unneeded;
  const std::size_t count = under_way_.size() - needed();
  auto next = under_way_.rbegin();
  while (unneeded.size() < count) unneeded.push_back(instances_.at(*next++));
  return unneeded;
}

std::size_t Line::spares() const {
  const std::size_t taken = std::min(needed(), under_way_.size());
  return unheld_.size() - std::min(taken, unheld_.size());
}

}  // namespace anteroom::lifecycle
