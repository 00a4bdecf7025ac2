// A wait for nothing but time (or a stop).
#ifndef ANTEROOM_SERVER_CORO_SLEEP_H_
#define ANTEROOM_SERVER_CORO_SLEEP_H_

#include <stop_token>

#include "server/coro/clock.h"
#include "server/coro/runtime.h"
#include "server/coro/task.h"
#include "server/coro/waiter.h"

namespace anteroom::coro {

// kTimedOut once `until` has come, kCancelled if `stop` came first. Resumes on
// the executor.
Task<Wake> SleepUntil(Runtime runtime, Instant until,
                      std::stop_token stop = {});

}  // namespace anteroom::coro

#endif  // ANTEROOM_SERVER_CORO_SLEEP_H_
