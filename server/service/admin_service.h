// AdminService on gRPC's callback API: starts the handler of each call. What is
// not there yet says so.
//
// Thread safety: that of gRPC's services. Destruction: after the server's
// shutdown and calls.Join().
#ifndef ANTEROOM_SERVER_SERVICE_ADMIN_SERVICE_H_
#define ANTEROOM_SERVER_SERVICE_ADMIN_SERVICE_H_

#include <utility>

#include "anteroom/v1/admin_service.grpc.pb.h"
#include "server/lifecycle/anteroom.h"
#include "server/rpc/calls.h"
#include "server/service/admin_handlers.h"

namespace anteroom::service {

class AdminService final : public v1::AdminService::CallbackService {
 public:
  // Both outlive the service.
  AdminService(lifecycle::Anteroom& anteroom, rpc::Calls& calls,
               AdminHandlers::Options options)
      : calls_(calls),
        handlers_(anteroom, calls.runtime().clock, std::move(options)) {}

  grpc::ServerUnaryReactor* ListResources(
      grpc::CallbackServerContext* context,
      const v1::ListResourcesRequest* request,
      v1::ListResourcesResponse* response) override;
  grpc::ServerUnaryReactor* GetResource(
      grpc::CallbackServerContext* context,
      const v1::GetResourceRequest* request,
      v1::GetResourceResponse* response) override;
  grpc::ServerUnaryReactor* CreateResource(
      grpc::CallbackServerContext* context,
      const v1::CreateResourceRequest* request,
      v1::CreateResourceResponse* response) override;
  grpc::ServerUnaryReactor* UpdateResource(
      grpc::CallbackServerContext* context,
      const v1::UpdateResourceRequest* request,
      v1::UpdateResourceResponse* response) override;
  grpc::ServerUnaryReactor* DeleteResource(
      grpc::CallbackServerContext* context,
      const v1::DeleteResourceRequest* request,
      v1::DeleteResourceResponse* response) override;
  grpc::ServerUnaryReactor* ListInstances(
      grpc::CallbackServerContext* context,
      const v1::ListInstancesRequest* request,
      v1::ListInstancesResponse* response) override;
  grpc::ServerUnaryReactor* ListLeases(
      grpc::CallbackServerContext* context,
      const v1::ListLeasesRequest* request,
      v1::ListLeasesResponse* response) override;
  grpc::ServerUnaryReactor* RevokeLease(
      grpc::CallbackServerContext* context,
      const v1::RevokeLeaseRequest* request,
      v1::RevokeLeaseResponse* response) override;
  grpc::ServerUnaryReactor* EvictInstance(
      grpc::CallbackServerContext* context,
      const v1::EvictInstanceRequest* request,
      v1::EvictInstanceResponse* response) override;
  grpc::ServerUnaryReactor* Drain(grpc::CallbackServerContext* context,
                                  const v1::DrainRequest* request,
                                  v1::DrainResponse* response) override;
  grpc::ServerUnaryReactor* ExplainWait(
      grpc::CallbackServerContext* context,
      const v1::ExplainWaitRequest* request,
      v1::ExplainWaitResponse* response) override;

 private:
  grpc::ServerUnaryReactor* Refuse(grpc::CallbackServerContext& context,
                                   const char* rpc);

  rpc::Calls& calls_;
  AdminHandlers handlers_;
};

}  // namespace anteroom::service

#endif  // ANTEROOM_SERVER_SERVICE_ADMIN_SERVICE_H_
