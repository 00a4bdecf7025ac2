#include "server/rpc/calls.h"

#include <chrono>

#include "server/error/error.h"

namespace anteroom::rpc {
namespace {

// gRPC's deadlines are on the system clock: converted once, then monotonic.
coro::Instant ToInstant(const coro::Clock& clock,
                        std::chrono::system_clock::time_point deadline) {
  if (deadline == std::chrono::system_clock::time_point::max()) {
    return coro::kNever;
  }
  const auto left = deadline - std::chrono::system_clock::now();
  return coro::After(clock.Now(), absl::FromChrono(left));
}

}  // namespace

CallContext::CallContext(const coro::Clock& clock,
                         const grpc::CallbackServerContext& context)
    : deadline_(ToInstant(clock, context.deadline())) {}

absl::Status ShuttingDown() {
  return Error(Reason::kDraining, "the server is shutting down");
}

}  // namespace anteroom::rpc
