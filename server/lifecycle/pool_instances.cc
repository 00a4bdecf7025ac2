// Instances: how a pool builds, binds, keeps and closes them.
#include <algorithm>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/coro/check.h"
#include "server/coro/sleep.h"
#include "server/error/error.h"
#include "server/lifecycle/exit.h"
#include "server/lifecycle/init.h"
#include "server/lifecycle/pool.h"

namespace anteroom::lifecycle {
namespace {

absl::Status Construct(Kind& kind, Instance& instance) {
  try {
    instance.object = kind.Construct(instance.info());
  } catch (...) {
    return WithReason(ErrorOfException("the constructor"), Reason::kInitFailed);
  }
  ANTEROOM_CHECK(instance.object != nullptr);
  return absl::OkStatus();
}

std::size_t SaturatingAdd(std::size_t a, std::size_t b) {
  const std::size_t most = std::numeric_limits<std::size_t>::max();
  return a > most - b ? most : a + b;
}

}  // namespace

coro::Task<void> Pool::Live(std::shared_ptr<Instance> instance) {
  const absl::Status constructed = Construct(*kind_, *instance);
  if (constructed.ok() && hooks_.init) {
    instance->init = std::make_unique<Instance::InitFlight>(
        runtime_, group_,
        policy_.abandon_init == AbandonInit::kCancel ? coro::OnAbandon::kCancel
                                                     : coro::OnAbandon::kKeep,
        [this, raw = instance.get()](std::stop_token abandoned) {
          return Initialize(raw->shared_from_this(), std::move(abandoned));
        });
  }
  const bool init_first =
      hooks_.init && !hooks_.enter && policy_.await_init == AwaitInit::kOnEnter;
  Todo todo;
  bool initializes = false;
  {
    coro::MutexLock lock(mu_);
    if (!constructed.ok()) {
      FailWaitersOf(*instance, constructed);
      Remove(*instance, todo);
    } else {
      instance->Constructed();
      if (!hooks_.init || (!hooks_.enter && !init_first)) MarkReady(*instance);
      Dispatch(todo);
      initializes = init_first && !instance->retired;
      // Nobody wants it any more: its init does not even begin.
      if (init_first && instance->retired) {
        instance->Transition(InstanceState::kClosing);
      }
      Settle(instance, todo);
    }
  }
  Perform(std::move(todo));
  if (!constructed.ok()) co_return;
  if (initializes) {
    coro::Task<absl::StatusOr<std::monostate>> init =
        instance->init->Get(instance->abandoned.get_token());
    (void)co_await std::move(init);  // Initialize() has drawn the consequences
  }
  coro::Task<coro::Wake> closing = instance->closing().Wait();
  co_await std::move(closing);
  if (hooks_.close) {
    coro::Task<absl::Status> close =
        RunClose(runtime_, policy_, *instance->object);
    (void)co_await std::move(close);  // closed all the same
  }
  instance->object.reset();
  Todo after;
  {
    coro::MutexLock lock(mu_);
    instance->Transition(InstanceState::kClosed);
    Remove(*instance, after);
  }
  Perform(std::move(after));
}

coro::Task<absl::StatusOr<std::monostate>> Pool::Initialize(
    std::shared_ptr<Instance> instance, std::stop_token abandoned) {
  {
    coro::MutexLock lock(mu_);
    // Never awaited, and in use without it: too late.
    if (instance->ready()) co_return std::monostate();
    // Once per instance: who asks again gets the same error.
    if (!instance->init_failure.ok()) co_return instance->init_failure;
    instance->Transition(InstanceState::kInitializing);
  }
  coro::Task<absl::Status> init =
      RunInit(runtime_, policy_, *instance->object, std::move(abandoned),
              drain_stop_.get_token(),
              [this, instance](double fraction, absl::string_view message) {
                coro::MutexLock lock(mu_);
                instance->Progress(fraction, message, WaitingFor(instance));
              });
  const absl::Status status = co_await std::move(init);
  Todo todo;
  {
    coro::MutexLock lock(mu_);
    if (status.ok()) {
      MarkReady(*instance);
    } else {
      FailWaitersOf(*instance, status);
      instance->retired = true;
      instance->init_failure = status;
      instance->Transition(InstanceState::kFailed, status);
    }
    Dispatch(todo);
    Settle(instance, todo);
  }
  Perform(std::move(todo));
  if (!status.ok()) co_return status;
  co_return std::monostate();
}

coro::Task<void> Pool::Linger(std::shared_ptr<Instance> instance,
                              std::stop_token stop) {
  coro::Task<coro::Wake> sleep = coro::SleepUntil(
      runtime_, coro::After(runtime_.clock.Now(), policy_.idle_timeout), stop);
  if (co_await std::move(sleep) != coro::Wake::kTimedOut) co_return;
  coro::MutexLock lock(mu_);
  // Another idle spell has its own stop.
  if (instance->linger.get_token() != stop || instance->bound > 0) co_return;
  instance->retired = true;
  Todo nothing;
  Settle(instance, nothing);
}

void Pool::MarkReady(Instance& instance) {
  instance.Transition(InstanceState::kReady);
  if (instance.bound > 0) instance.Transition(InstanceState::kHeld);
}

bool Pool::IsUnderWay(const Instance& instance) const {
  if (instance.retired) return false;
  if (!instance.constructed()) return true;
  return !hooks_.enter && !instance.ready();
}

std::size_t Pool::SlotsUnderWay(const Instance* until) const {
  std::size_t slots = 0;
  for (const std::shared_ptr<Instance>& instance : instances_) {
    if (instance.get() == until) break;
    if (IsUnderWay(*instance)) slots = SaturatingAdd(slots, slots_);
  }
  return slots;
}

std::vector<std::shared_ptr<Lease>> Pool::WaitingFor(
    const std::shared_ptr<Instance>& instance) const {
  if (IsUnderWay(*instance)) {
    return queue_.Leases(SlotsUnderWay(instance.get()), slots_);
  }
  std::vector<std::shared_ptr<Lease>> waiting;
  for (const auto& [token, lease] : leases_) {
    if (lease->instance() == instance) waiting.push_back(lease);
  }
  return waiting;
}

std::shared_ptr<Instance> Pool::FindRoom() const {
  std::shared_ptr<Instance> second_best;
  for (const std::shared_ptr<Instance>& instance : instances_) {
    if (instance->retired || !instance->constructed()) continue;
    if (static_cast<std::size_t>(instance->bound) >= slots_) continue;
    if (instance->ready()) return instance;
    if (hooks_.enter && second_best == nullptr) second_best = instance;
  }
  return second_best;
}

void Pool::Dispatch(Todo& todo) {
  if (draining_) return;
  while (!queue_.empty()) {
    const std::shared_ptr<Instance> room = FindRoom();
    if (room == nullptr) break;
    BindFirst(room, todo);
  }
  while (queue_.size() > SlotsUnderWay() &&
         instances_.size() < static_cast<std::size_t>(policy_.max_instances)) {
    Build(todo);
  }
  AbandonUnwanted(todo);
}

void Pool::BindFirst(const std::shared_ptr<Instance>& instance, Todo& todo) {
  const std::shared_ptr<Ticket> ticket = queue_.Pop();
  // False: it gave up and is about to say so. (Only posts: see waiter.h.)
  if (!ticket->waiter->Signal()) return;
  ticket->instance = instance;
  ++instance->bound;
  if (instance->state() == InstanceState::kReady) {
    instance->Transition(InstanceState::kHeld);
  }
  if (instance->linger.stop_possible()) {
    todo.stop.push_back(
        std::exchange(instance->linger, std::stop_source(std::nostopstate)));
  }
  for (const std::shared_ptr<Instance>& other : instances_) {
    if (other != instance && other->causer == ticket->lease) {
      other->causer.reset();
    }
  }
  ticket->lease->Bind(instance, ++last_token_);
  leases_.emplace(last_token_, ticket->lease);
}

void Pool::Build(Todo& todo) {
  const std::string id = absl::StrCat(resource_, "#", ++last_instance_);
  auto instance = std::make_shared<Instance>(
      runtime_, events_, hooks_, InstanceInfo{resource_, /*key=*/"", id});
  // The first waiter that nothing under way will serve is why.
  const std::vector<std::shared_ptr<Lease>> causer =
      queue_.Leases(SlotsUnderWay(), 1);
  if (!causer.empty()) instance->causer = causer.front();
  instances_.push_back(instance);
  todo.build.push_back(std::move(instance));
}

void Pool::AbandonUnwanted(Todo& todo) {
  if (policy_.abandon_init == AbandonInit::kKeep) return;
  std::size_t before = 0;
  for (const std::shared_ptr<Instance>& instance : instances_) {
    if (!IsUnderWay(*instance)) continue;
    if (before >= queue_.size()) {
      instance->retired = true;
      todo.stop.push_back(instance->abandoned);
    } else {
      before = SaturatingAdd(before, slots_);
    }
  }
}

void Pool::FailWaitersOf(const Instance& instance, const absl::Status& status) {
  if (!IsUnderWay(instance)) return;
  for (const std::shared_ptr<Ticket>& ticket :
       queue_.Take(SlotsUnderWay(&instance), slots_)) {
    ticket->failure = status;
    ticket->waiter->Signal();
  }
}

void Pool::Settle(const std::shared_ptr<Instance>& instance, Todo& todo) {
  if (!instance->constructed() || instance->bound > 0) return;
  switch (instance->state()) {
    case InstanceState::kConstructed:
      // About to be initialized, unless its init waits for an Enter.
      if (!hooks_.enter) return;
      break;
    case InstanceState::kHeld:
      if (!instance->retired) instance->Transition(InstanceState::kReady);
      break;
    case InstanceState::kReady:
      break;
    case InstanceState::kFailed:
      instance->Transition(InstanceState::kClosing);
      return;
    case InstanceState::kInitializing:  // its end settles it
    case InstanceState::kClosing:
    case InstanceState::kClosed:
      return;
  }
  if (instance->retired || policy_.idle_timeout == absl::ZeroDuration()) {
    instance->retired = true;
    instance->Transition(InstanceState::kClosing);
    if (instance->linger.stop_possible()) todo.stop.push_back(instance->linger);
  } else if (!instance->linger.stop_possible()) {
    instance->linger = std::stop_source();
    todo.linger.emplace_back(instance, instance->linger.get_token());
  }
}

void Pool::Remove(const Instance& instance, Todo& todo) {
  instances_.remove_if([&instance](const std::shared_ptr<Instance>& other) {
    return other.get() == &instance;
  });
  if (draining_ && instances_.empty()) emptied_.Set();
  Dispatch(todo);
}

void Pool::Perform(Todo todo) {
  for (std::stop_source& stop : todo.stop) stop.request_stop();
  for (auto& [instance, stop] : todo.linger) {
    group_.Spawn(Linger(instance, std::move(stop)));
  }
  for (const std::shared_ptr<Instance>& instance : todo.build) {
    ANTEROOM_CHECK(group_.Spawn(Live(instance)));
  }
}

}  // namespace anteroom::lifecycle
