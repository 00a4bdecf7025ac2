#include "server/rpc/calls.h"

#include "server/error/error.h"
#include "server/rpc/deadline.h"

namespace anteroom::rpc {

CallContext::CallContext(const coro::Clock& clock,
                         const grpc::CallbackServerContext& context)
    : deadline_(ToInstant(clock, context.deadline())) {}

absl::Status ShuttingDown() {
  return Error(Reason::kDraining, "the server is shutting down");
}

}  // namespace anteroom::rpc
