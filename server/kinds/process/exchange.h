// One question and the first line of its answer, over a connection of its own
// to a port of 127.0.0.1.
#ifndef ANTEROOM_SERVER_KINDS_PROCESS_EXCHANGE_H_
#define ANTEROOM_SERVER_KINDS_PROCESS_EXCHANGE_H_

#include <stop_token>
#include <string>

#include "absl/status/statusor.h"
#include "server/coro/clock.h"
#include "server/coro/runtime.h"
#include "server/coro/task.h"
#include "server/kinds/process/loop.h"

namespace anteroom::kinds {

// Connects, says `question` and answers the first line that comes, 1 KiB at
// most; an empty question is answered, with nothing, by the connection itself.
// UNAVAILABLE, CANCELLED once `stop` is requested, DEADLINE_EXCEEDED.
// Resumes on the executor, once the connection is closed.
coro::Task<absl::StatusOr<std::string>> Ask(coro::Runtime runtime, Loop& loop,
                                            int port, std::string question,
                                            std::stop_token stop,
                                            coro::Instant deadline);

}  // namespace anteroom::kinds

#endif  // ANTEROOM_SERVER_KINDS_PROCESS_EXCHANGE_H_
