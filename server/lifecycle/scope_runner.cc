#include "server/lifecycle/scope_runner.h"

#include <iterator>
#include <utility>
#include <variant>

#include "server/coro/sleep.h"
#include "server/error/error.h"
#include "server/lifecycle/anteroom.h"
#include "server/lifecycle/scopes.h"

namespace anteroom::lifecycle {
namespace {

absl::Status Superseded() {
  return Error(Reason::kSuperseded, "another stream has resumed the scope");
}

}  // namespace

bool ScopeRunner::Attach(std::shared_ptr<ScopeStream> stream,
                         Scope::Input first, std::vector<Scope::Input> rest) {
  std::vector<Item> items;
  items.reserve(1 + rest.size());
  items.push_back({std::move(first), nullptr, nullptr});
  for (Scope::Input& input : rest) {
    items.push_back({std::move(input), stream, nullptr});
  }
  items.front().attach = std::move(stream);
  return !Store(std::move(items));
}

void ScopeRunner::Feed(const std::shared_ptr<ScopeStream>& stream,
                       Scope::Input input) {
  Push({std::move(input), stream, nullptr});
}

void ScopeRunner::Feed(const std::shared_ptr<ScopeStream>& stream,
                       std::vector<Scope::Input> inputs) {
  std::vector<Item> items;
  items.reserve(inputs.size());
  for (Scope::Input& input : inputs) {
    items.push_back({std::move(input), stream, nullptr});
  }
  if (!Store(std::move(items))) return;
  // What keeps it may let go of it meanwhile.
  const std::shared_ptr<ScopeRunner> self = shared_from_this();
  Pump();
}

void ScopeRunner::OnEvent(const Event& event) {
  if (!Store({Scope::Happened{std::make_unique<Event>(event)}, nullptr,
              nullptr})) {
    return;
  }
  scopes_.runtime().executor.Post(
      [self = shared_from_this()] { self->Pump(); });
}

bool ScopeRunner::Store(Item&& item) {
  coro::MutexLock lock(mu_);
  items_.push_back(std::move(item));
  return !std::exchange(pumping_, true);
}

bool ScopeRunner::Store(std::vector<Item>&& items) {
  coro::MutexLock lock(mu_);
  if (items_.empty()) {
    items_ = std::move(items);
  } else {
    items_.insert(items_.end(), std::move_iterator(items.begin()),
                  std::move_iterator(items.end()));
  }
  return !std::exchange(pumping_, true);
}

void ScopeRunner::Push(Item&& item) {
  {
    coro::MutexLock lock(mu_);
    if (std::exchange(pumping_, true)) {
      items_.push_back(std::move(item));
      return;
    }
  }
  // What keeps it may let go of it meanwhile.
  const std::shared_ptr<ScopeRunner> self = shared_from_this();
  Handle(item);
  Pump();
}

bool ScopeRunner::TakeStored(std::vector<Item>& items) {
  while (true) {
    {
      coro::MutexLock lock(mu_);
      if (!items_.empty()) {
        items_.swap(items);
        return true;
      }
      if (unflushed_ == 0) {
        // There may be many streams, and most are idle: they keep no room.
        items_ = std::vector<Item>();
        pumping_ = false;
        return false;
      }
    }
    Flush();
  }
}

void ScopeRunner::Pump() {
  std::vector<Item> items;
  while (TakeStored(items)) {
    for (Item& item : items) Handle(item);
    items.clear();
  }
}

void ScopeRunner::Handle(Item& item) {
  if (!Take(item)) return;
  Scope::Effects effects = scope_.Handle(std::move(item.input));
  if ((scope_.done() || scope_.abandoned()) &&
      !std::exchange(forgotten_, true)) {
    if (!request_.empty() || outlives_stream_) {  // it may be found
      scopes_.Forget(*this, request_, lease_.get());
    }
  }
  for (Scope::Effect& effect : effects) {
    std::visit([this](auto& what) { Perform(std::move(what)); }, effect);
  }
  if (scope_.lingering() && !std::exchange(told_lingering_, true)) {
    scopes_.Lingers(shared_from_this(), scope_.kept_bytes());
  }
  if (scope_.done()) {
    grace_stop_.request_stop();
    ticket_.reset();  // a drain need not wait for it any more
  }
}

void ScopeRunner::Flush() {
  unflushed_ = 0;
  if (stream_ != nullptr) stream_->Flush();
}

bool ScopeRunner::Take(const Item& item) {
  if (item.attach != nullptr) {
    if (scope_.done() || scope_.abandoned()) {
      item.attach->Finish(WhyOver());
      return false;
    }
    if (stream_ != nullptr) stream_->Finish(Superseded());
    stream_ = item.attach;
    grace_stop_.request_stop();
  } else if (item.from != nullptr && item.from != stream_) {
    return false;
  }
  if (const auto* acquired = std::get_if<Scope::Acquired>(&item.input)) {
    acquire_failure_ = acquired->lease.status();
    acquire_stop_ = std::stop_source(std::nostopstate);
    if (acquired->lease.ok()) {
      lease_ = *acquired->lease;
      if (outlives_stream_ && !forgotten_) {
        scopes_.Entered(shared_from_this(), lease_->secret());
      }
      lease_->OnEnd([self = shared_from_this()](const Receipt& receipt) {
        self->Push({Scope::LeaseEnded{std::make_shared<Receipt>(receipt)},
                    nullptr, nullptr});
      });
    }
  }
  return !scope_.done();
}

absl::Status ScopeRunner::WhyOver() const {
  if (lease_ != nullptr) return lease_->CheckLive();
  if (!acquire_failure_.ok()) return acquire_failure_;
  return WithRetryDelay(
      absl::UnavailableError("the acquire of this request_id is being given up "
                             "with the stream that began it: try again"),
      absl::ZeroDuration());
}

coro::Instant ScopeRunner::Deadline() const {
  return outlives_stream_ || stream_ == nullptr ? coro::kNever
                                                : stream_->deadline();
}

void ScopeRunner::Perform(Scope::StartAcquire effect) {
  Scope::AcquireRequested& request = *effect.request;
  outlives_stream_ = request.disconnect_grace > absl::ZeroDuration();
  if (request.events) request.options.sink = shared_from_this();
  acquire_stop_ = std::stop_source();
  Acquire(ticket_->Another(), shared_from_this(), std::move(effect.request),
          acquire_stop_.get_token(), Deadline());
}

coro::TaskGroup::Detached ScopeRunner::Acquire(
    coro::TaskGroup::Ticket /*moved out*/,
    std::shared_ptr<ScopeRunner> /*kept*/,
    std::unique_ptr<Scope::AcquireRequested> request, std::stop_token stop,
    coro::Instant deadline) {
  auto acquire =
      scopes_.anteroom().Acquire(request->resource, std::move(request->options),
                                 request->max_wait, std::move(stop), deadline);
  absl::StatusOr<LeasePtr> lease = co_await std::move(acquire);
  Push({Scope::Acquired{std::move(lease)}, nullptr, nullptr});
}

void ScopeRunner::Perform(Scope::StartUse&& effect) {
  Use(ticket_->Another(), shared_from_this(), std::move(effect.use),
      std::move(effect.stop), Deadline());
}

coro::TaskGroup::Detached ScopeRunner::Use(
    coro::TaskGroup::Ticket /*moved out*/,
    std::shared_ptr<ScopeRunner> /*kept*/, std::unique_ptr<Scope::Use> use,
    std::stop_token stop, coro::Instant deadline) {
  auto call =
      lease_->pool().Use(lease_, use->method, use->argument,
                         /*fencing_token=*/0, std::move(stop), deadline);
  use->result = co_await std::move(call);
  Push({Scope::UseEnded{std::move(use)}, nullptr, nullptr});
}

void ScopeRunner::Perform(Scope::EndLease effect) {
  lease_->pool().End(lease_, std::move(effect.cause));
}

void ScopeRunner::Perform(const Scope::StartGrace& effect) {
  grace_stop_.request_stop();
  grace_stop_ = std::stop_source();
  AwaitGrace(ticket_->Another(), shared_from_this(), effect.number,
             coro::After(scopes_.runtime().clock.Now(), effect.grace),
             grace_stop_.get_token());
}

coro::TaskGroup::Detached ScopeRunner::AwaitGrace(
    coro::TaskGroup::Ticket /*moved out*/,
    std::shared_ptr<ScopeRunner> /*kept*/, std::uint64_t number,
    coro::Instant until, std::stop_token stop) {
  coro::Task<coro::Wake> sleep =
      coro::SleepUntil(scopes_.runtime(), until, std::move(stop));
  if (co_await std::move(sleep) != coro::Wake::kTimedOut) co_return;
  Push({Scope::GraceOver{number}, nullptr, nullptr});
}

void ScopeRunner::Perform(const Scope::SendEvent& effect) {
  stream_->SendEvent(*effect.event);
  Said();
}

void ScopeRunner::Perform(const Scope::SendEntered& effect) {
  stream_->SendEntered(effect.lease);
  Said();
}

void ScopeRunner::Perform(Scope::SendUsed&& effect) {
  stream_->SendUsed(effect.use->call_id, std::move(effect.use->result));
  Said();
}

void ScopeRunner::Perform(const Scope::SendExited& effect) {
  stream_->SendExited(*effect.receipt);
  Said();
}

void ScopeRunner::Perform(const Scope::Finish& effect) {
  const std::shared_ptr<ScopeStream> stream = std::move(stream_);
  stream->Finish(effect.status);
}

}  // namespace anteroom::lifecycle
