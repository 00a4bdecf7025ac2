#include "server/service/resource_service.h"

#include <utility>

#include "server/rpc/bidi_stream.h"
#include "server/rpc/server_stream.h"
#include "server/rpc/unary.h"
#include "server/service/use_stream.h"
#include "server/service/with_call.h"

namespace anteroom::service {

grpc::ServerUnaryReactor* ResourceService::Acquire(
    grpc::CallbackServerContext* context, const v1::AcquireRequest* request,
    v1::AcquireResponse* response) {
  return rpc::StartUnaryCall(calls_, *context, [&](auto ticket, auto call) {
    return handlers_.Acquire(std::move(ticket), std::move(call), *request,
                             *response);
  });
}

grpc::ServerUnaryReactor* ResourceService::Use(
    grpc::CallbackServerContext* context, const v1::UseRequest* request,
    v1::UseResponse* response) {
  return rpc::StartUnaryCall(calls_, *context, [&](auto ticket, auto call) {
    return handlers_.Use(std::move(ticket), std::move(call), *request,
                         *response);
  });
}

grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>*
ResourceService::UseStream(grpc::CallbackServerContext* context) {
  return rpc::StartBidi<v1::UseStreamRequest, v1::UseStreamResponse>(
      calls_, *context,
      [this](MethodStream& stream) { return RunUseStream(anteroom_, stream); });
}

grpc::ServerUnaryReactor* ResourceService::Renew(
    grpc::CallbackServerContext* context, const v1::RenewRequest* request,
    v1::RenewResponse* response) {
  return rpc::StartUnary(calls_, *context, [&](rpc::CallContext&) {
    return handlers_.Renew(*request, *response);
  });
}

grpc::ServerUnaryReactor* ResourceService::Release(
    grpc::CallbackServerContext* context, const v1::ReleaseRequest* request,
    v1::ReleaseResponse* response) {
  return rpc::StartUnaryCall(calls_, *context, [&](auto ticket, auto call) {
    return handlers_.Release(std::move(ticket), std::move(call), *request,
                             *response);
  });
}

grpc::ServerUnaryReactor* ResourceService::GetLease(
    grpc::CallbackServerContext* context, const v1::GetLeaseRequest* request,
    v1::GetLeaseResponse* response) {
  return rpc::StartUnary(calls_, *context, [&](rpc::CallContext&) {
    return handlers_.GetLease(*request, *response);
  });
}

grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>*
ResourceService::With(grpc::CallbackServerContext* context) {
  return rpc::StartBidi<v1::WithRequest, v1::WithResponse>(
      calls_, *context, [this](WithStream& stream) {
        return RunWith(calls_.runtime(), anteroom_, stream);
      });
}

grpc::ServerWriteReactor<v1::WatchEventsResponse>* ResourceService::WatchEvents(
    grpc::CallbackServerContext* context,
    const v1::WatchEventsRequest* request) {
  return rpc::StartServerStream<v1::WatchEventsResponse>(
      calls_, *context, [this, request](WatchStream& stream) {
        return handlers_.WatchEvents(*request, stream);
      });
}

}  // namespace anteroom::service
