#include "server/service/admin_service.h"

#include "server/rpc/unary.h"
#include "server/service/not_implemented.h"

namespace anteroom::service {

grpc::ServerUnaryReactor* AdminService::Refuse(
    grpc::CallbackServerContext& context, const char* rpc) {
  return rpc::StartUnary(calls_, context, [rpc](rpc::CallContext&) {
    return NotImplemented(rpc);
  });
}

grpc::ServerUnaryReactor* AdminService::ListResources(
    grpc::CallbackServerContext* context,
    const v1::ListResourcesRequest* request,
    v1::ListResourcesResponse* response) {
  return rpc::StartUnary(calls_, *context, [&](rpc::CallContext&) {
    return handlers_.ListResources(*request, *response);
  });
}

grpc::ServerUnaryReactor* AdminService::GetResource(
    grpc::CallbackServerContext* context, const v1::GetResourceRequest* request,
    v1::GetResourceResponse* response) {
  return rpc::StartUnary(calls_, *context, [&](rpc::CallContext&) {
    return handlers_.GetResource(*request, *response);
  });
}

grpc::ServerUnaryReactor* AdminService::CreateResource(
    grpc::CallbackServerContext* context, const v1::CreateResourceRequest*,
    v1::CreateResourceResponse*) {
  return Refuse(*context, "CreateResource");
}

grpc::ServerUnaryReactor* AdminService::UpdateResource(
    grpc::CallbackServerContext* context, const v1::UpdateResourceRequest*,
    v1::UpdateResourceResponse*) {
  return Refuse(*context, "UpdateResource");
}

grpc::ServerUnaryReactor* AdminService::DeleteResource(
    grpc::CallbackServerContext* context, const v1::DeleteResourceRequest*,
    v1::DeleteResourceResponse*) {
  return Refuse(*context, "DeleteResource");
}

grpc::ServerUnaryReactor* AdminService::ListInstances(
    grpc::CallbackServerContext* context,
    const v1::ListInstancesRequest* request,
    v1::ListInstancesResponse* response) {
  return rpc::StartUnary(calls_, *context, [&](rpc::CallContext&) {
    return handlers_.ListInstances(*request, *response);
  });
}

grpc::ServerUnaryReactor* AdminService::ListLeases(
    grpc::CallbackServerContext* context, const v1::ListLeasesRequest* request,
    v1::ListLeasesResponse* response) {
  return rpc::StartUnary(calls_, *context, [&](rpc::CallContext&) {
    return handlers_.ListLeases(*request, *response);
  });
}

grpc::ServerUnaryReactor* AdminService::RevokeLease(
    grpc::CallbackServerContext* context, const v1::RevokeLeaseRequest* request,
    v1::RevokeLeaseResponse* response) {
  return rpc::StartUnary(calls_, *context, [&](rpc::CallContext&) {
    return handlers_.RevokeLease(*request, *response);
  });
}

grpc::ServerUnaryReactor* AdminService::EvictInstance(
    grpc::CallbackServerContext* context,
    const v1::EvictInstanceRequest* request,
    v1::EvictInstanceResponse* response) {
  return rpc::StartUnary(calls_, *context, [&](rpc::CallContext&) {
    return handlers_.EvictInstance(*request, *response);
  });
}

grpc::ServerUnaryReactor* AdminService::Drain(
    grpc::CallbackServerContext* context, const v1::DrainRequest* request,
    v1::DrainResponse* response) {
  return rpc::StartUnary(calls_, *context, [&](rpc::CallContext& call) {
    return handlers_.Drain(call, *request, *response);
  });
}

grpc::ServerUnaryReactor* AdminService::ExplainWait(
    grpc::CallbackServerContext* context, const v1::ExplainWaitRequest* request,
    v1::ExplainWaitResponse* response) {
  return rpc::StartUnary(calls_, *context, [&](rpc::CallContext&) {
    return handlers_.ExplainWait(*request, *response);
  });
}

}  // namespace anteroom::service
