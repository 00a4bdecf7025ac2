#include "server/rpc/client_call.h"

#include <memory>
#include <utility>

#include "server/coro/check.h"
#include "server/coro/waiter.h"
#include "server/rpc/deadline.h"
#include "server/rpc/status.h"

namespace anteroom::rpc {

coro::Task<absl::Status> CallUnary(coro::Runtime runtime,
                                   grpc::ClientContext& context,
                                   std::stop_token stop, coro::Instant deadline,
                                   StartCall start) {
  ANTEROOM_CHECK(deadline != coro::kNever);
  context.set_deadline(ToSystemTime(runtime.clock, deadline));
  const auto done = std::make_shared<coro::Waiter>(runtime);
  const auto status = std::make_shared<grpc::Status>();
  std::move(start)([done, status](grpc::Status ended) {
    *status = std::move(ended);
    done->Signal();
  });
  {
    // Cancelled, the call still ends: only that is waited for.
    const std::stop_callback cancel(stop, [&context] { context.TryCancel(); });
    co_await done->Wait({}, coro::kNever);
  }
  co_return FromGrpcStatus(*status);
}

coro::Task<absl::StatusOr<grpc::ByteBuffer>> CallBytes(coro::Runtime runtime,
                                                       grpc::GenericStub& stub,
                                                       std::string method,
                                                       grpc::ByteBuffer request,
                                                       CallOptions options) {
  grpc::ClientContext context;
  context.set_wait_for_ready(options.wait_for_ready);
  grpc::ByteBuffer response;
  coro::Task<absl::Status> call =
      CallUnary(runtime, context, std::move(options.stop), options.deadline,
                [&](std::function<void(grpc::Status)> done) {
                  stub.UnaryCall(&context, method, {}, &request, &response,
                                 std::move(done));
                });
  const absl::Status status = co_await std::move(call);
  if (!status.ok()) co_return status;
  co_return response;
}

}  // namespace anteroom::rpc
