// One-shot timers. An expired timer's work is posted to the executor, so it
// runs like every other external event, on no thread of its own.
#ifndef ANTEROOM_SERVER_CORO_TIMERS_H_
#define ANTEROOM_SERVER_CORO_TIMERS_H_

#include <cstdint>

#include "server/coro/clock.h"
#include "server/coro/executor.h"

namespace anteroom::coro {

class Timers {
 public:
  // Names a scheduled timer; never reused. kNone names none.
  enum class Id : std::uint64_t { kNone = 0 };

  virtual ~Timers() = default;

  // Posts `work` to the executor once `when` has come (at once if it has
  // passed). `when` == kNever never fires but must still be cancelled or is
  // dropped with the timers. Thread-safe.
  virtual Id Schedule(Instant when, Work work) = 0;

  // True: the timer was pending and its work will never be posted. False: it
  // was posted already (the work may be running now), or `id` is kNone.
  // Thread-safe.
  virtual bool Cancel(Id id) = 0;
};

}  // namespace anteroom::coro

#endif  // ANTEROOM_SERVER_CORO_TIMERS_H_
