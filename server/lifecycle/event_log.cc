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
      next_(absl::ToUnixMicros(runtime.clock.WallNow())) {
  ANTEROOM_CHECK(capacity > 0);
}

void EventLog::Append(Event event, absl::Span<EventSink* const> sinks) {
  if (event.message.size() > kMaxMessageBytes) {
    event.message.resize(kMaxMessageBytes);
    event.message.shrink_to_fit();
  }
  std::shared_ptr<coro::Event> appended;
  {
    coro::MutexLock lock(mu_);
    event.sequence = next_++;
    event.time = runtime_.clock.WallNow();
    if (ring_.size() == capacity_) ring_.pop_front();
    // Under the lock, so that every sink sees sequences grow.
    for (EventSink* sink : sinks) sink->OnEvent(event);
    ring_.push_back(std::move(event));
    appended.swap(appended_);
  }
  if (appended != nullptr) appended->Set();
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

std::uint64_t EventLog::next_sequence() const {
  coro::MutexLock lock(mu_);
  return next_;
}

coro::Task<absl::StatusOr<std::vector<Event>>> EventLog::Read(
    std::uint64_t from, std::size_t max, std::stop_token stop) {
  while (true) {
    std::shared_ptr<coro::Event> appended;
    {
      coro::MutexLock lock(mu_);
      const std::uint64_t oldest = next_ - ring_.size();
      if (from < oldest || from > next_) {
        co_return WithMetadata(
            Error(Reason::kEventsLost,
                  absl::StrCat("event ", from, " is not in the log, which has ",
                               oldest, " to ", next_ - 1)),
            "oldest_sequence", absl::StrCat(oldest));
      }
      if (from < next_) {
        const auto first = ring_.begin() + static_cast<long>(from - oldest);
        const std::size_t count = std::min<std::size_t>(max, next_ - from);
        co_return std::vector<Event>(first, first + static_cast<long>(count));
      }
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
