// Who gets what: binding, building, keeping and letting go of instances. All of
// it under the pool's lock; nothing here waits.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/coro/check.h"
#include "server/coro/sleep.h"
#include "server/error/error.h"
#include "server/lifecycle/backoff.h"
#include "server/lifecycle/names.h"
#include "server/lifecycle/pool.h"

namespace anteroom::lifecycle {
namespace {

// Not even init_retry's 0 makes an instance that nobody waits for be tried
// again, nor a client that the breaker refuses come again, without a pause.
constexpr absl::Duration kMinPause = absl::Milliseconds(100);

// How often waiters are told their places at most: it takes a look at each.
constexpr absl::Duration kPlacesInterval = absl::Seconds(1);

}  // namespace

void Pool::Dispatch(Line& line, Todo& todo) {
  if (!draining_) {
    while (!line.queue().empty()) {
      Instance* const room = line.FindRoom();
      if (room == nullptr) break;
      Bind(line, line.queue().front(), *room);
    }
    while (line.unserved() > 0 && MayBuild(line, todo)) {
      Build(line, /*warm=*/false, todo);
    }
    for (auto early = line.FindDeferred(); early.first != nullptr;
         early = line.FindDeferred()) {
      Bind(line, early.first, *early.second);
    }
    KeepWarm(line, todo);
    AbandonUnneeded(line, todo);
    TellPlacesSoon(line, todo);
  }
  Recount(line);
}

void Pool::HandOn(Instance& instance, Todo& todo) {
  Line& line = *instance.line;
  const bool lendable = !draining_ && !instance.retired && instance.ready();
  // Dispatch() would do the same, once the instance was noted as idle; it
  // would be no longer then.
  if (!lendable || line.queue().empty() ||
      !Bind(line, line.queue().front(), instance)) {
    Note(instance);
  }
  Dispatch(line, todo);
}

bool Pool::Bind(Line& line, const std::shared_ptr<Ticket>& ticket,
                Instance& instance) {
  line.queue().Remove(*ticket);
  // False: it is about to say so. (Only posts: see waiter.h.)
  if (!ticket->Signal()) return false;
  ticket->bound = true;
  DropCaused(line, *ticket, &instance);
  Bind(ticket->lease, instance);
  return true;
}

void Pool::Bind(const LeasePtr& lease, Instance& instance) {
  ++leases_;
  if (instance.state() == InstanceState::kReady) {
    instance.Transition(InstanceState::kHeld);
  }
  instance.idle_since = coro::kNever;
  lease->Bind(instance, ++last_token_);
  instance.bound.Add(*lease);
  Note(instance);
}

void Pool::DropCaused(const Line& line, const Ticket& ticket,
                      const Instance* kept) {
  for (const std::uint64_t number : ticket.caused) {
    const auto found = line.instances().find(number);
    if (found != line.instances().end() && found->second.get() != kept) {
      found->second->causer.reset();
    }
  }
}

bool Pool::MayBuild(Line& line, Todo& todo) {
  // The one instance of the key is taken, or closing: its end dispatches.
  if (policy_.keyed && !line.instances().empty()) return false;
  if (!BreakerAllows(todo)) {
    RefuseUnserved(line);
    return false;
  }
  if (instances_.size() < static_cast<std::size_t>(policy_.max_instances))
    return true;
  if (policy_.keyed) {
    SetHungry(line, true);
    EvictForHungry(todo);
  }
  return false;
}

bool Pool::BreakerAllows(Todo& todo) {
  const coro::Instant now = runtime_.clock.Now();
  if (breaker_.Allows(now)) return true;
  // Else a probe is under way, whose end wakes all: see EndProbe().
  if (now < breaker_.retry_at()) WakeAt(breaker_.retry_at(), todo);
  return false;
}

void Pool::Build(Line& line, bool warm, Todo& todo) {
  const std::uint64_t number = ++last_instance_;
  auto instance = std::make_shared<Instance>(*this, line.key(), number);
  // The first waiter that nothing under way will serve is why.
  if (!warm) {
    const std::shared_ptr<Ticket> ticket = line.FirstUnserved();
    ticket->caused.push_back(number);
    instance->causer = ticket->lease;
  }
  instance->warm = warm;
  instance->probe = breaker_.Began();
  instances_.emplace(number, instance);
  line.Add(instance);
  todo->build.push_back(std::move(instance));
}

void Pool::KeepWarm(Line& line, Todo& todo) {
  const auto min_idle = static_cast<std::size_t>(policy_.min_idle);
  while (line.spares() < min_idle &&
         instances_.size() < static_cast<std::size_t>(policy_.max_instances)) {
    if (!BreakerAllows(todo)) return;
    if (runtime_.clock.Now() < warm_at_) return WakeAt(warm_at_, todo);
    Build(line, /*warm=*/true, todo);
  }
}

void Pool::AbandonUnneeded(Line& line, Todo& todo) const {
  if (policy_.abandon_init == AbandonInit::kKeep) return;
  const auto min_idle = static_cast<std::size_t>(policy_.min_idle);
  while (line.spares() > min_idle) {
    Instance* const instance = line.LastUnneeded();
    if (instance == nullptr) return;
    instance->retired = true;
    todo->stop.push_back(instance->abandoned);
    line.Note(*instance);
  }
  // As many as are to be idle may become so.
  while (Instance* const instance = line.LastUnneededCold()) {
    instance->warm = true;
    line.Note(*instance);
  }
}

void Pool::AbandonUnheld(Instance& instance, Todo& todo) const {
  if (!instance.bound.empty() ||
      instance.state() != InstanceState::kInitializing) {
    return;
  }
  // One that is to be closed is of no use, whatever the policy.
  if (!instance.retired) {
    if (policy_.abandon_init == AbandonInit::kKeep || instance.warm) return;
    Line& line = *instance.line;
    if (line.IsUnderWay(instance)) return;  // waiters count on it
    const bool spare =
        line.spares() < static_cast<std::size_t>(policy_.min_idle);
    (spare ? instance.warm : instance.retired) = true;
    line.Note(instance);
    if (spare) return;
  }
  todo->stop.push_back(instance.abandoned);
}

void Pool::RefuseUnserved(Line& line) {
  // What is held may come back, and serve them after all.
  if (line.HasHope()) return;
  const absl::Duration wait =
      coro::Between(runtime_.clock.Now(), breaker_.retry_at());
  Fail(line.TakeUnserved(),
       WithRetryDelay(
           Error(Reason::kBreakerOpen,
                 absl::StrCat("the inits of ", resource_,
                              " keep failing: none is tried for a while")),
           std::max(wait, kMinPause)));
}

void Pool::SetHungry(Line& line, bool hungry) {
  if (line.hungry_at.has_value()) hungry_.erase(*line.hungry_at);
  line.hungry_at.reset();
  if (!hungry) return;
  line.hungry_at = line.queue().front()->place;
  hungry_.emplace(*line.hungry_at, &line);
}

void Pool::EvictForHungry(Todo& todo) {
  // Those that close already make room, too.
  while (hungry_.size() > closing_ && !idle_.empty()) {
    Instance& oldest = *idle_.begin()->second;
    oldest.retired = true;
    Note(oldest);
    Settle(oldest, todo);
  }
}

void Pool::FeedHungry(Todo& todo) {
  while (!hungry_.empty() &&
         instances_.size() < static_cast<std::size_t>(policy_.max_instances)) {
    Line& line = *hungry_.begin()->second;
    SetHungry(line, false);
    Dispatch(line, todo);
  }
  EvictForHungry(todo);
}

void Pool::WakeAt(coro::Instant when, Todo& todo) {
  if (when >= wake_at_) return;
  wake_at_ = when;
  todo->wake.push_back(when);
}

coro::Task<void> Pool::Wake(coro::Instant when) {
  coro::Task<coro::Wake> sleep =
      coro::SleepUntil(runtime_, when, drain_stop_.get_token());
  if (co_await std::move(sleep) != coro::Wake::kTimedOut) co_return;
  Todo todo;
  {
    coro::MutexLock lock(mu_);
    if (wake_at_ == when) wake_at_ = coro::kNever;
    std::vector<std::string> keys;
    for (const auto& [key, line] : lines_) keys.push_back(key);
    for (const std::string& key : keys) {
      const auto line = lines_.find(key);
      if (line != lines_.end()) Dispatch(line->second, todo);
    }
  }
  Perform(std::move(todo));
}

void Pool::TellPlacesSoon(const Line& line, Todo& todo) {
  if (line.PlacesChanged() && !std::exchange(telling_places_, true)) {
    todo->tell_places = true;
  }
}

coro::Task<void> Pool::TellPlaces() {
  coro::Task<coro::Wake> sleep = coro::SleepUntil(
      runtime_, coro::After(runtime_.clock.Now(), kPlacesInterval),
      drain_stop_.get_token());
  if (co_await std::move(sleep) != coro::Wake::kTimedOut) co_return;
  coro::MutexLock lock(mu_);
  telling_places_ = false;
  for (auto& [key, line] : lines_) {
    if (line.PlacesChanged()) line.TellPlaces();
  }
}

void Pool::Settle(Instance& instance, Todo& todo) {
  if (!instance.constructed() || !instance.bound.empty() || instance.checking) {
    return;
  }
  switch (instance.state()) {
    case InstanceState::kConstructed:
      // About to be initialized, unless its init waits for an Enter.
      if (!instance.hooks.enter || instance.warm) return;
      break;
    case InstanceState::kHeld:
      if (!instance.retired) instance.Transition(InstanceState::kReady);
      Note(instance);
      break;
    case InstanceState::kReady:
      break;
    case InstanceState::kFailed:
      return BeginClosing(instance, todo);
    case InstanceState::kInitializing:  // its end settles it
    case InstanceState::kClosing:
    case InstanceState::kClosed:
      return;
  }
  const bool needed =
      instance.ready() &&
      instance.line->idle() <= static_cast<std::size_t>(policy_.min_idle);
  if (instance.retired ||
      (policy_.idle_timeout == absl::ZeroDuration() && !needed)) {
    instance.retired = true;
    BeginClosing(instance, todo);
    Note(instance);
  } else if (instance.idle_since == coro::kNever && WatchesIdle(instance)) {
    instance.idle_since = runtime_.clock.Now();
    if (!instance.idle_watch.stop_possible()) {
      instance.idle_watch = std::stop_source();
      todo->idle.emplace_back(instance.shared_from_this(),
                              instance.idle_watch.get_token());
    }
  }
  EvictForHungry(todo);
}

bool Pool::WatchesIdle(const Instance& instance) const {
  return std::min(IdleTimeout(), CheckInterval(instance)) !=
         absl::InfiniteDuration();
}

absl::Duration Pool::IdleTimeout() const {
  return policy_.idle_timeout == absl::ZeroDuration() ? absl::InfiniteDuration()
                                                      : policy_.idle_timeout;
}

absl::Duration Pool::CheckInterval(const Instance& instance) const {
  const bool checks =
      instance.hooks.check && policy_.check_interval > absl::ZeroDuration();
  return checks ? policy_.check_interval : absl::InfiniteDuration();
}

void Pool::BeginClosing(Instance& instance, Todo& todo) {
  instance.Transition(InstanceState::kClosing);
  ++closing_;
  for (std::stop_source* const stop : {&instance.idle_watch, &instance.age}) {
    if (stop->stop_possible()) todo->stop.push_back(*stop);
  }
}

void Pool::Remove(Instance& instance, Todo& todo) {
  ANTEROOM_CHECK(instance.idle_order == 0);
  breaker_.GivenUp(EndProbe(instance, todo));
  instances_.erase(instance.number());
  if (instance.constructed()) --closing_;
  Line& line = *instance.line;
  line.Remove(instance);
  if (draining_ && instances_.empty()) emptied_.Set();
  if (policy_.keyed && !draining_ && line.unserved() > 0) {
    Recount(line);
    SetHungry(line, true);       // it takes its turn with the others
    TellPlacesSoon(line, todo);  // its end may have failed the first of them
  } else {
    Dispatch(line, todo);
  }
  FeedHungry(todo);
}

void Pool::MarkReady(Instance& instance, Todo& todo) {
  instance.Transition(InstanceState::kReady);
  if (!instance.bound.empty()) instance.Transition(InstanceState::kHeld);
  Note(instance);
  if (policy_.max_lifetime != absl::InfiniteDuration()) {
    instance.age = std::stop_source();
    todo->age.emplace_back(instance.shared_from_this(),
                           instance.age.get_token());
  }
}

std::uint64_t Pool::EndProbe(Instance& instance, Todo& todo) {
  if (instance.probe != 0) WakeAt(runtime_.clock.Now(), todo);
  return std::exchange(instance.probe, 0);
}

void Pool::NoteInit(Instance& instance, const absl::Status& status,
                    Todo& todo) {
  const std::uint64_t probe = EndProbe(instance, todo);
  if (status.ok()) {
    breaker_.Succeeded();
    warm_failures_ = 0;
  } else if (!HasReason(status, Reason::kInitFailed) &&
             !HasReason(status, Reason::kInitTimedOut)) {
    breaker_.GivenUp(probe);  // nobody waited for it
  } else {
    breaker_.Failed(runtime_.clock.Now(), probe);
    if (!instance.warm) return;
    const absl::Duration delay = BackoffAfter(
        ++warm_failures_,
        std::max(policy_.init_retry.initial_backoff, kMinPause),
        std::max(policy_.init_retry.max_backoff, kMinPause), runtime_.random);
    warm_at_ = coro::After(runtime_.clock.Now(), delay);
  }
}

void Pool::Note(Instance& instance) {
  instance.line->Note(instance);
  const bool idle = !instance.retired && instance.bound.empty() &&
                    instance.ready() && !instance.checking;
  if (idle && instance.idle_order == 0) {
    instance.idle_order = ++last_idle_;
    idle_.emplace(instance.idle_order, &instance);
  } else if (!idle && instance.idle_order != 0) {
    idle_.erase(std::exchange(instance.idle_order, 0));
  }
}

void Pool::Fail(const std::vector<std::shared_ptr<Ticket>>& tickets,
                const absl::Status& status) {
  for (const std::shared_ptr<Ticket>& ticket : tickets) {
    ticket->failure = status;
    ticket->Signal();
  }
}

void Pool::Recount(Line& line) {
  const std::size_t unserved = line.unserved();
  unserved_ -= std::exchange(line.counted_unserved, unserved);
  unserved_ += unserved;
  // Another may be its first waiter by now.
  if (line.hungry_at.has_value()) SetHungry(line, unserved > 0);
  if (policy_.keyed && line.unused()) lines_.erase(lines_.find(line.key()));
}

Line& Pool::LineOf(absl::string_view key) {
  const auto found = lines_.find(key);
  if (found != lines_.end()) return found->second;
  const std::string name(key);
  return lines_.try_emplace(name, name, slots_).first->second;
}

std::vector<LeasePtr> Pool::WaitingFor(const Instance& instance) const {
  if (instance.line == nullptr) return {};
  std::vector<LeasePtr> waiting = instance.line->WaitersOf(instance);
  for (Lease& lease : instance.bound) waiting.emplace_back(&lease);
  return waiting;
}

void Pool::Perform(Todo&& decided, Begin builds) {
  if (decided.empty()) return;
  Todo todo = std::move(decided);  // kept no longer than this
  for (std::stop_source& stop : todo->stop) stop.request_stop();
  for (auto& [instance, stop] : todo->idle) {
    group_.Spawn(WatchIdle(instance, std::move(stop)));
  }
  for (auto& [instance, stop] : todo->age) {
    group_.Spawn(WatchAge(instance, std::move(stop)));
  }
  for (const coro::Instant when : todo->wake) group_.Spawn(Wake(when));
  if (todo->tell_places) group_.Spawn(TellPlaces());
  for (const std::shared_ptr<Instance>& instance : todo->build) {
    ANTEROOM_CHECK(builds == Begin::kInline
                       ? group_.Spawn(Live(instance))
                       : group_.SpawnPosted(Live(instance)));
  }
}

}  // namespace anteroom::lifecycle
