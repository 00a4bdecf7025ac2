// Time as the server reads it: a monotonic clock for every deadline, a wall
// clock for what people are shown. Injected, so that tests own time.
//
// Thread safety: every implementation is thread-safe.
#ifndef ANTEROOM_SERVER_CORO_CLOCK_H_
#define ANTEROOM_SERVER_CORO_CLOCK_H_

#include <chrono>

#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace anteroom::coro {

// A point of monotonic time.
using Instant = std::chrono::steady_clock::time_point;

// No deadline.
inline constexpr Instant kNever = Instant::max();

// `instant` + `duration`, saturating at kNever.
inline Instant After(Instant instant, absl::Duration duration) {
  if (instant == kNever || duration == absl::InfiniteDuration()) return kNever;
  const auto delta = absl::ToChronoNanoseconds(duration);
  if (delta.count() > 0 && instant > kNever - delta) return kNever;
  return instant + delta;
}

// `later` - `earlier`, infinite if `later` is kNever.
inline absl::Duration Between(Instant earlier, Instant later) {
  if (later == kNever) return absl::InfiniteDuration();
  return absl::FromChrono(later - earlier);
}

class Clock {
 public:
  virtual ~Clock() = default;
  // Never runs backwards.
  virtual Instant Now() const = 0;
  // May jump. For display only, never for a deadline.
  virtual absl::Time WallNow() const = 0;
};

// The machine's clocks.
class SystemClock : public Clock {
 public:
  Instant Now() const override { return std::chrono::steady_clock::now(); }
  absl::Time WallNow() const override { return absl::Now(); }
};

}  // namespace anteroom::coro

#endif  // ANTEROOM_SERVER_CORO_CLOCK_H_
