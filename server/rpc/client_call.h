// Unary client calls on the callback API as awaitables.
//
//   grpc::ClientContext context;
//   auto call = CallUnary(runtime, context, stop, deadline,
//       [&](std::function<void(grpc::Status)> done) {
//         stub.async()->Use(&context, &request, &response, std::move(done));
//       });
//   absl::Status status = co_await std::move(call);
//
// Context, request and response live in the caller's frame until it returns:
// gRPC's callback is always awaited, also after a stop.
#ifndef ANTEROOM_SERVER_RPC_CLIENT_CALL_H_
#define ANTEROOM_SERVER_RPC_CLIENT_CALL_H_

#include <functional>
#include <stop_token>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "grpcpp/client_context.h"
#include "grpcpp/support/status.h"
#include "server/coro/clock.h"
#include "server/coro/runtime.h"
#include "server/coro/task.h"

namespace anteroom::rpc {

using StartCall =
    absl::AnyInvocable<void(std::function<void(grpc::Status)> done) &&>;

// Starts a call and waits for its end; `stop` cancels it. `deadline` is the
// call's own: there is always one, and kNever is a bug. Errors carry the
// details that the server sent. Resumes on the executor.
coro::Task<absl::Status> CallUnary(coro::Runtime runtime,
                                   grpc::ClientContext& context,
                                   std::stop_token stop, coro::Instant deadline,
                                   StartCall start);

}  // namespace anteroom::rpc

#endif  // ANTEROOM_SERVER_RPC_CLIENT_CALL_H_
