// ResourceService on gRPC's callback API: starts the handler of each call.
//
// Thread safety: that of gRPC's services. Destruction: after the server's
// shutdown and calls.Join().
#ifndef ANTEROOM_SERVER_SERVICE_RESOURCE_SERVICE_H_
#define ANTEROOM_SERVER_SERVICE_RESOURCE_SERVICE_H_

#include "anteroom/v1/resource_service.grpc.pb.h"
#include "server/lifecycle/anteroom.h"
#include "server/rpc/calls.h"
#include "server/rpc/message_pool.h"
#include "server/service/resource_handlers.h"

namespace anteroom::service {

// The two streams of the client's are raw: see rpc/byte_stream.h.
using ResourceServiceBase = v1::ResourceService::WithRawCallbackMethod_With<
    v1::ResourceService::WithRawCallbackMethod_UseStream<
        v1::ResourceService::WithCallbackMethod_Acquire<
            v1::ResourceService::WithCallbackMethod_Use<
                v1::ResourceService::WithCallbackMethod_Renew<
                    v1::ResourceService::WithCallbackMethod_Release<
                        v1::ResourceService::WithCallbackMethod_GetLease<
                            v1::ResourceService::WithCallbackMethod_WatchEvents<
                                v1::ResourceService::Service>>>>>>>>;

class ResourceService final : public ResourceServiceBase {
 public:
  // Both outlive the service.
  ResourceService(lifecycle::Anteroom& anteroom, rpc::Calls& calls)
      : anteroom_(anteroom), calls_(calls), handlers_(anteroom) {
    SetMessageAllocatorFor_Acquire(&acquires_);
    SetMessageAllocatorFor_Use(&uses_);
    SetMessageAllocatorFor_Release(&releases_);
  }

  grpc::ServerUnaryReactor* Acquire(grpc::CallbackServerContext* context,
                                    const v1::AcquireRequest* request,
                                    v1::AcquireResponse* response) override;
  grpc::ServerUnaryReactor* Use(grpc::CallbackServerContext* context,
                                const v1::UseRequest* request,
                                v1::UseResponse* response) override;
  grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* UseStream(
      grpc::CallbackServerContext* context) override;
  grpc::ServerUnaryReactor* Renew(grpc::CallbackServerContext* context,
                                  const v1::RenewRequest* request,
                                  v1::RenewResponse* response) override;
  grpc::ServerUnaryReactor* Release(grpc::CallbackServerContext* context,
                                    const v1::ReleaseRequest* request,
                                    v1::ReleaseResponse* response) override;
  grpc::ServerUnaryReactor* GetLease(grpc::CallbackServerContext* context,
                                     const v1::GetLeaseRequest* request,
                                     v1::GetLeaseResponse* response) override;
  grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* With(
      grpc::CallbackServerContext* context) override;
  grpc::ServerWriteReactor<v1::WatchEventsResponse>* WatchEvents(
      grpc::CallbackServerContext* context,
      const v1::WatchEventsRequest* request) override;

 private:
  lifecycle::Anteroom& anteroom_;
  rpc::Calls& calls_;
  ResourceHandlers handlers_;
  // Of the calls that come often.
  rpc::MessagePool<v1::AcquireRequest, v1::AcquireResponse> acquires_;
  rpc::MessagePool<v1::UseRequest, v1::UseResponse> uses_;
  rpc::MessagePool<v1::ReleaseRequest, v1::ReleaseResponse> releases_;
};

}  // namespace anteroom::service

#endif  // ANTEROOM_SERVER_SERVICE_RESOURCE_SERVICE_H_
