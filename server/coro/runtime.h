// What a coroutine needs of the world: where to resume, when, and by chance.
// Built once by main (or a test) and handed down; outlives all that holds it.
#ifndef ANTEROOM_SERVER_CORO_RUNTIME_H_
#define ANTEROOM_SERVER_CORO_RUNTIME_H_

#include "server/coro/clock.h"
#include "server/coro/executor.h"
#include "server/coro/random.h"
#include "server/coro/timers.h"

namespace anteroom::coro {

// Copies refer to the same parts.
struct Runtime {
  Executor& executor;
  Timers& timers;
  const Clock& clock;
  Random& random;
};

}  // namespace anteroom::coro

#endif  // ANTEROOM_SERVER_CORO_RUNTIME_H_
