#include "server/lifecycle/instance.h"

#include <string>

#include "server/coro/check.h"
#include "server/lifecycle/names.h"
#include "server/lifecycle/pool.h"

namespace anteroom::lifecycle {

Instance::Instance(Pool& pool, absl::string_view key, std::uint64_t number)
    : bound(pool.leases()),
      pool_(pool),
      info_{pool.resource(), std::string(key),
            InstanceName(pool.resource(), number)},
      subject_(std::make_shared<EventSubject>(
          EventSubject{info_.resource, info_.key, info_.instance_id})),
      number_(number),
      closing_(pool.runtime()) {}

void Instance::Emit(Phase phase, const absl::Status& status,
                    Audience audience) {
  Event event;
  event.subject = subject_;
  event.phase = phase;
  event.details = DetailsOf(status);
  std::shared_ptr<EventSink> sink;
  if (causer != nullptr && audience == Audience::kCauser) sink = causer->sink();
  EventSink* const raw = sink.get();
  pool_.events().Append(std::move(event),
                        absl::MakeConstSpan(&raw, raw ? 1 : 0));
}

InstanceView Instance::View() const {
  return {info_,
          number_,
          state_,
          static_cast<int>(bound.size()),
          create_time_,
          ready_time_,
          uses.load(std::memory_order_relaxed)};
}

void Instance::Constructed() {
  ANTEROOM_CHECK(!constructed_ && object != nullptr);
  constructed_ = true;
  create_time_ = pool_.runtime().clock.WallNow();
  Emit(Phase::kConstructed, absl::OkStatus(), Audience::kCauser);
}

void Instance::Transition(InstanceState to, const absl::Status& status) {
  ANTEROOM_CHECK(constructed_ && MayFollow(state_, to));
  const InstanceState from = std::exchange(state_, to);
  switch (to) {
    case InstanceState::kInitializing:
      Emit(Phase::kInitializing, status, Audience::kCauser);
      break;
    case InstanceState::kReady:
      if (ready_time_ == absl::InfiniteFuture())
        ready_time_ = pool_.runtime().clock.WallNow();
      // Of a kind without Init, or back from its last holder: nothing new.
      if (from == InstanceState::kInitializing) {
        Emit(Phase::kReady, status, Audience::kCauser);
      }
      break;
    case InstanceState::kFailed:
      Emit(Phase::kFailed, status, Audience::kCauser);
      break;
    case InstanceState::kClosing:
      ANTEROOM_CHECK(bound.empty());
      if (hooks.close) Emit(Phase::kClosing, status, Audience::kWatchers);
      closing_.Set();
      break;
    case InstanceState::kClosed:
      Emit(Phase::kClosed, status, Audience::kWatchers);
      break;
    case InstanceState::kConstructed:
    case InstanceState::kHeld:
      break;
  }
}

void Instance::Failed(const absl::Status& status) {
  Emit(Phase::kFailed, status, Audience::kWatchers);
}

void Instance::Progress(std::optional<double> fraction,
                        absl::string_view message,
                        const std::vector<LeasePtr>& waiting) {
  Event event;
  event.subject = subject_;
  event.phase = Phase::kProgress;
  event.details =
      MakeDetails({.message = std::string(message), .progress = fraction});
  std::vector<std::shared_ptr<EventSink>> owners;
  std::vector<EventSink*> sinks;
  for (const LeasePtr& lease : waiting) {
    std::shared_ptr<EventSink> sink = lease->sink();
    if (sink == nullptr) continue;
    sinks.push_back(sink.get());
    owners.push_back(std::move(sink));
  }
  pool_.events().Append(std::move(event), sinks);
}

}  // namespace anteroom::lifecycle
