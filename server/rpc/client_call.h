// Unary client calls on the callback API as awaitables.
//
//   grpc::ClientContext context;
//   auto call = CallUnary(runtime, context, stop, deadline,
//       [&](std::function<void(grpc::Status)> done) {
//         stub.async()->Use(&context, &request, &response, std::move(done));
//       });
//   absl::Status status = co_await std::move(call);
//
// CallMethod is the same in raw messages, for methods that are known by name:
// gRPC's typed calls let an answer that does not parse pass for an empty one.
//
// Context, request and response live in the caller's frame until it returns:
// gRPC's callback is always awaited, also after a stop.
#ifndef ANTEROOM_SERVER_RPC_CLIENT_CALL_H_
#define ANTEROOM_SERVER_RPC_CLIENT_CALL_H_

#include <functional>
#include <stop_token>
#include <string>
#include <utility>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "grpcpp/client_context.h"
#include "grpcpp/generic/generic_stub.h"
#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/status.h"
#include "server/coro/clock.h"
#include "server/coro/runtime.h"
#include "server/coro/task.h"
#include "server/rpc/message_bytes.h"

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

// How a method is called.
struct CallOptions {
  std::stop_token stop;
  coro::Instant deadline;
  // Wait for a connection until the deadline, where there is none.
  bool wait_for_ready = false;
};

// Calls the unary `method` ("/package.Service/Method"); else as CallUnary.
coro::Task<absl::StatusOr<grpc::ByteBuffer>> CallBytes(coro::Runtime runtime,
                                                       grpc::GenericStub& stub,
                                                       std::string method,
                                                       grpc::ByteBuffer request,
                                                       CallOptions options);

// The same with types; INTERNAL for an answer that does not parse.
template <typename Response, typename Request>
coro::Task<absl::StatusOr<Response>> CallMethod(coro::Runtime runtime,
                                                grpc::GenericStub& stub,
                                                std::string method,
                                                Request request,
                                                CallOptions options) {
  auto call = CallBytes(runtime, stub, std::move(method), ToBytes(request),
                        std::move(options));
  const absl::StatusOr<grpc::ByteBuffer> bytes = co_await std::move(call);
  if (!bytes.ok()) co_return bytes.status();
  co_return FromBytes<Response>(*bytes);
}

}  // namespace anteroom::rpc

#endif  // ANTEROOM_SERVER_RPC_CLIENT_CALL_H_
