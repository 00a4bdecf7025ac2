#include "tests/rpc/rpc_test.h"

#include <chrono>

#include "absl/strings/str_cat.h"
#include "server/coro/sync_wait.h"
#include "server/rpc/tsan.h"
#include "server/rpc/unary.h"

namespace anteroom::rpc {

grpc::ServerUnaryReactor* Handlers::Use(grpc::CallbackServerContext* context,
                                        const v1::UseRequest* request,
                                        v1::UseResponse* response) {
  TsanAcquire(this);
  return StartUnary(calls_, *context, [&](CallContext& call) {
    return use(call, *request, *response);
  });
}

grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* Handlers::With(
    grpc::CallbackServerContext* context) {
  TsanAcquire(this);
  return StartBidi<v1::WithRequest, v1::WithResponse>(calls_, *context, with);
}

grpc::ServerWriteReactor<v1::WatchEventsResponse>* Handlers::WatchEvents(
    grpc::CallbackServerContext* context, const v1::WatchEventsRequest*) {
  TsanAcquire(this);
  return StartServerStream<v1::WatchEventsResponse>(calls_, *context, watch);
}

v1::WithRequest Call(std::uint64_t id) {
  v1::WithRequest request;
  request.mutable_use()->set_call_id(id);
  return request;
}

v1::WithResponse Reply(std::uint64_t id) {
  v1::WithResponse response;
  response.mutable_used()->set_call_id(id);
  return response;
}

coro::Task<absl::Status> Echo(WithStream& stream) {
  while (true) {
    auto read = stream.Read();
    const absl::StatusOr<std::optional<v1::WithRequest>> request =
        co_await std::move(read);
    if (!request.ok()) co_return request.status();
    if (!request->has_value()) co_return absl::OkStatus();
    stream.Send(Reply((*request)->use().call_id()));
  }
}

RpcTest::RpcTest(const Calls::Options& options)
    : executor_(std::make_unique<coro::ThreadPool>(2)),
      timers_(std::make_unique<coro::ThreadTimers>(*executor_, clock_)),
      calls_(runtime(), options) {
  int port = 0;
  grpc::ServerBuilder builder;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(),
                           &port);
  builder.RegisterService(&handlers_);
  server_ = builder.BuildAndStart();
  channel_ = grpc::CreateChannel(absl::StrCat("127.0.0.1:", port),
                                 grpc::InsecureChannelCredentials());
  stub_ = v1::ResourceService::NewStub(channel_);
}

RpcTest::~RpcTest() {
  calls_.Close();
  server_->Shutdown(std::chrono::system_clock::now());
  coro::SyncWait(calls_.Join());
}

void RpcTest::Bound(grpc::ClientContext& context) {
  // What the test has made so far happens before its handlers.
  TsanRelease(&handlers_);
  context.set_deadline(std::chrono::system_clock::now() +
                       std::chrono::seconds(30));
}

grpc::Status RpcTest::Use(const std::string& method, std::string* result) {
  grpc::ClientContext context;
  Bound(context);
  v1::UseRequest request;
  request.set_method_name(method);
  v1::UseResponse response;
  const grpc::Status status = stub_->Use(&context, request, &response);
  if (result != nullptr) *result = response.result().data();
  return status;
}

}  // namespace anteroom::rpc
