// gRPC's deadlines are on the system clock, ours on the monotonic one: each is
// converted once.
#ifndef ANTEROOM_SERVER_RPC_DEADLINE_H_
#define ANTEROOM_SERVER_RPC_DEADLINE_H_

#include <chrono>

#include "server/coro/clock.h"

namespace anteroom::rpc {

// kNever if there is none.
coro::Instant ToInstant(const coro::Clock& clock,
                        std::chrono::system_clock::time_point deadline);

// time_point::max(), no deadline, for kNever.
std::chrono::system_clock::time_point ToSystemTime(const coro::Clock& clock,
                                                   coro::Instant deadline);

}  // namespace anteroom::rpc

#endif  // ANTEROOM_SERVER_RPC_DEADLINE_H_
