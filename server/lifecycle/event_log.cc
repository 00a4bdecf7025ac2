#include "server/lifecycle/event_log.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/coro/check.h"
#include "server/error/error.h"

namespace anteroom::lifecycle {

EventLog::EventLog(coro::Runtime runtime, std::size_t capacity)
    : runtime_(runtime),
      capacity_(capacity),
      first_(absl::ToUnixMicros(runtime.clock.WallNow())),
      next_(first_) {
  ANTEROOM_CHECK(capacity > 0);
}

absl::Time EventLog::Append(Event event, absl::Span<EventSink* const> sinks) {
  std::shared_ptr<coro::Event> appended;
  absl::Time time;
  {
    coro::MutexLock lock(mu_);
    event.sequence = next_++;
    time = runtime_.clock.WallNow();
    event.time = time;
    // Under the lock, so that every sink sees sequences grow.
    for (EventSink* sink : sinks) sink->OnEvent(event);
    if (ring_.size() < capacity_) {
      ring_.push_back(std::move(event));
    } else {
      // The oldest is let go of when the lock is, too.
      std::swap(ring_[PlaceOf(event.sequence)], event);
    }
    appended.swap(appended_);
  }
  if (appended != nullptr) appended->Set();
  return time;
}

void EventLog::Close() {
  std::shared_ptr<coro::Event> appended;
  {
    coro::MutexLock lock(mu_);
    closed_ = true;
    appended.swap(appended_);
  }
  if (appended != nullptr) appended->Set();
}

absl::Status EventLog::Take(std::uint64_t from, std::size_t max,
                            std::vector<Event>& events) const {
  const std::uint64_t oldest = next_ - ring_.size();
  if (from < oldest || from > next_) {
    return WithMetadata(
        Error(Reason::kEventsLost,
              absl::StrCat("event ", from, " is not in the log, which has ",
                           oldest, " to ", next_ - 1)),
        "oldest_sequence", absl::StrCat(oldest));
  }
  const std::uint64_t end = from + std::min<std::uint64_t>(max, next_ - from);
  events.reserve(events.size() + (end - from));
  for (; from < end; ++from) events.push_back(ring_[PlaceOf(from)]);
  return absl::OkStatus();
}

absl::Status EventLog::ReadNow(std::uint64_t from, std::size_t max,
                               std::vector<Event>& events) const {
  coro::MutexLock lock(mu_);
  return Take(from, max, events);
}

coro::Task<absl::StatusOr<std::vector<Event>>> EventLog::Read(
    std::uint64_t from, std::size_t max, std::stop_token stop) {
  while (true) {
    std::shared_ptr<coro::Event> appended;
    {
      coro::MutexLock lock(mu_);
      std::vector<Event> events;
      const absl::Status taken = Take(from, max, events);
      if (!taken.ok()) co_return taken;
      if (!events.empty()) co_return events;
      if (closed_) {
        co_return Error(Reason::kDraining, "the server is shutting down");
      }
      if (appended_ == nullptr) {
        appended_ = std::make_shared<coro::Event>(runtime_);
      }
      appended = appended_;
    }
    coro::Task<coro::Wake> wait = appended->Wait(stop);
    const coro::Wake wake = co_await std::move(wait);
    if (wake == coro::Wake::kCancelled) {
      co_return absl::CancelledError("the watcher left");
    }
  }
}

}  // namespace anteroom::lifecycle
