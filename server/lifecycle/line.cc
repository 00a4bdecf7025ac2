#include "server/lifecycle/line.h"

#include <algorithm>
#include <bit>
#include <utility>

namespace anteroom::lifecycle {

void Line::Add(const std::shared_ptr<Instance>& instance) {
  instances_.emplace(instance->number(), instance);
  instance->line = this;
  Note(*instance);
}

void Line::Remove(Instance& instance) {
  under_way_.Remove(instance.number());
  SetMarks(instance, 0);
  instance.line = nullptr;
  instances_.erase(instance.number());
}

void Line::Note(Instance& instance) {
  const std::uint64_t number = instance.number();
  const bool under_way = IsUnderWay(instance);
  const bool room = !instance.retired && instance.constructed() && !under_way &&
                    SlotsLeft(instance) > 0;
  const bool unheld = !instance.retired && instance.bound.empty();
  if (under_way) {
    under_way_.Put(number, {SlotsLeft(instance), unheld ? 1u : 0u});
  } else {
    under_way_.Remove(number);
  }
  const bool unawaited = under_way && unheld && !instance.checking;
  unsigned marks = 0;
  const auto mark = [&marks](Mark which, bool is) {
    if (is) marks |= 1u << which;
  };
  mark(kReadyRoom, room && instance.ready());
  mark(kEarlyRoom, room && !instance.ready());
  mark(kBinding, under_way && instance.constructed() && !instance.checking);
  mark(kUnawaited, unawaited);
  mark(kCold, unawaited && !instance.warm);
  mark(kIdle, unheld && instance.ready());
  mark(kUnheld, unheld && (instance.ready() || under_way || instance.warm));
  mark(kLendable, !instance.retired);
  SetMarks(instance, marks);
}

void Line::SetMarks(Instance& instance, unsigned marks) {
  // Most have not changed since they were looked at last.
  unsigned changed = marks ^ std::exchange(instance.line_marks, marks);
  for (; changed != 0; changed &= changed - 1) {
    const int mark = std::countr_zero(changed);
    Numbers& numbers = marked_[static_cast<std::size_t>(mark)];
    if ((marks >> mark & 1) != 0) {
      numbers.insert(instance.number());
    } else {
      numbers.erase(instance.number());
    }
  }
}

void Line::TellPlaces() {
  constexpr std::size_t kFirst = 3;
  told_departures_ = queue_.departures();
  const std::size_t served = queue_.size() - unserved();
  std::size_t position = 0;
  for (Ticket& ticket : queue_) {
    if (++position <= served) continue;
    const std::size_t now = position - served;
    std::size_t& told = ticket.told_position;
    if (now == told || (told != 0 && now > kFirst && now > told / 2)) continue;
    told = now;
    ticket.lease->Queued(static_cast<int>(now));
  }
}

bool Line::IsUnderWay(const Instance& instance) const {
  if (instance.retired) return false;
  if (!instance.constructed() || instance.checking) return true;
  // With an Enter of its own it is bound as soon as it is constructed.
  return !instance.hooks.enter && !instance.ready();
}

Instance* Line::FindRoom() const {
  const Numbers& numbers =
      marked(kReadyRoom).empty() ? marked(kEarlyRoom) : marked(kReadyRoom);
  return numbers.empty() ? nullptr : instances_.at(*numbers.begin()).get();
}

std::pair<std::shared_ptr<Ticket>, Instance*> Line::FindDeferred() const {
  // The first deferred waiter that `next` or a later one will serve, then the
  // first from its server on that binds, and so on: until they belong together.
  const Numbers& binding = marked(kBinding);
  for (auto next = binding.begin(); next != binding.end();) {
    const std::shared_ptr<Ticket> ticket =
        queue_.DeferredFrom(under_way_.Before(*next).slots);
    if (ticket == nullptr) break;
    const std::uint64_t owner =
        under_way_.OwnerOf(queue_.PositionOf(*ticket) - 1);
    next = binding.lower_bound(owner);
    if (next != binding.end() && *next == owner) {
      return {ticket, instances_.at(owner).get()};
    }
  }
  return {};
}

std::size_t Line::unserved() const {
  return queue_.size() - std::min(queue_.size(), under_way_.All().slots);
}

std::shared_ptr<Ticket> Line::FirstUnserved() const {
  return queue_.At(queue_.size() - unserved());
}

std::vector<std::shared_ptr<Ticket>> Line::TakeUnserved() {
  return queue_.Take(queue_.size() - unserved(), queue_.size());
}

std::size_t Line::SlotsLeft(const Instance& instance) const {
  return slots_ - instance.bound.size();
}

std::size_t Line::SlotsBefore(const Instance& instance) const {
  return under_way_.Before(instance.number()).slots;
}

std::vector<LeasePtr> Line::WaitersOf(const Instance& instance) const {
  if (!IsUnderWay(instance)) return {};
  return queue_.Leases(SlotsBefore(instance), SlotsLeft(instance));
}

std::vector<std::shared_ptr<Ticket>> Line::TakeWaitersOf(
    const Instance& instance) {
  if (!IsUnderWay(instance)) return {};
  return queue_.Take(SlotsBefore(instance), SlotsLeft(instance));
}

std::uint64_t Line::NeededEnd() const {
  if (queue_.empty()) return 0;
  const std::uint64_t last = under_way_.OwnerOf(queue_.size() - 1);
  return last == UnderWay::kNone ? last : last + 1;
}

Instance* Line::UnneededOf(const Numbers& numbers) const {
  if (numbers.empty() || *numbers.rbegin() < NeededEnd()) return nullptr;
  return instances_.at(*numbers.rbegin()).get();
}

std::size_t Line::spares() const {
  // Those that leases are bound to are none of the unheld.
  return marked(kUnheld).size() - under_way_.Before(NeededEnd()).unbound;
}

}  // namespace anteroom::lifecycle
