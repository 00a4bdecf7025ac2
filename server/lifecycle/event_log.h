// EventLog: the last events of the server, in a bounded ring, for any number of
// watchers that each read at their own pace.
//
// Invariants:
//  1. Sequences grow by 1; the ring holds the newest `capacity` of them.
//  2. Append never waits: a watcher that falls behind the ring learns it from
//     its next Read (EVENTS_LOST) and hurts nobody else.
//
// Thread safety: all methods, from any thread, under any lock of the lifecycle.
#ifndef ANTEROOM_SERVER_LIFECYCLE_EVENT_LOG_H_
#define ANTEROOM_SERVER_LIFECYCLE_EVENT_LOG_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <stop_token>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "server/coro/event.h"
#include "server/coro/mutex.h"
#include "server/coro/runtime.h"
#include "server/coro/task.h"
#include "server/lifecycle/event.h"

namespace anteroom::lifecycle {

class EventLog {
 public:
  // The first sequence is the wall clock's microseconds. `capacity` > 0.
  EventLog(coro::Runtime runtime, std::size_t capacity);
  EventLog(const EventLog&) = delete;
  EventLog& operator=(const EventLog&) = delete;

  // Numbers and dates `event`, records it, and hands it to each of `sinks`. Its
  // date.
  absl::Time Append(Event event, absl::Span<EventSink* const> sinks);

  // Whether anybody watches; kUsed is recorded only then.
  bool watched() const { return watchers_.load(std::memory_order_relaxed) > 0; }

  // Counts a watcher for as long as it lives.
  class Watch {
   public:
    explicit Watch(EventLog& log) : log_(log) { ++log_.watchers_; }
    ~Watch() { --log_.watchers_; }
    Watch(const Watch&) = delete;
    Watch& operator=(const Watch&) = delete;

   private:
    EventLog& log_;
  };

  // No event will follow: Reads that have nothing left get DRAINING.
  void Close();

  // The sequence that the next event will have.
  std::uint64_t next_sequence() const {
    return next_.load(std::memory_order_acquire);
  }

  // The events from `from` on, at least one and at most `max`; waits while
  // there is none. EVENTS_LOST with metadata `oldest_sequence` if `from` is no
  // longer, or was never, in this log; DRAINING if it is closed; CANCELLED if
  // `stop` came first. Resumes on the executor if it waited.
  coro::Task<absl::StatusOr<std::vector<Event>>> Read(std::uint64_t from,
                                                      std::size_t max,
                                                      std::stop_token stop);

  // The same, appended to `events` without waiting; none if there is none yet.
  absl::Status ReadNow(std::uint64_t from, std::size_t max,
                       std::vector<Event>& events) const;

 private:
  absl::Status Take(std::uint64_t from, std::size_t max,
                    std::vector<Event>& events) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Where the event of this sequence is, or will be, in the ring.
  std::size_t PlaceOf(std::uint64_t sequence) const {
    return static_cast<std::size_t>((sequence - first_) % capacity_);
  }

  const coro::Runtime runtime_;
  const std::size_t capacity_;
  const std::uint64_t first_;
  std::atomic<int> watchers_{0};
  mutable coro::Mutex mu_;
  // Grows up to capacity_; then each event takes the place of the oldest.
  std::vector<Event> ring_ ABSL_GUARDED_BY(mu_);
  std::atomic<std::uint64_t> next_;  // written under mu_
  bool closed_ ABSL_GUARDED_BY(mu_) = false;
  // Set by the next Append; null while nobody waits.
  std::shared_ptr<coro::Event> appended_ ABSL_GUARDED_BY(mu_);
};

}  // namespace anteroom::lifecycle

#endif  // ANTEROOM_SERVER_LIFECYCLE_EVENT_LOG_H_
