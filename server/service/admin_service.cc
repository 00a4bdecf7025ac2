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
    grpc::CallbackServerContext* context, const v1::ListResourcesRequest*,
    v1::ListResourcesResponse*) {
  return Refuse(*context, "ListResources");
}

grpc::ServerUnaryReactor* AdminService::GetResource(
    grpc::CallbackServerContext* context, const v1::GetResourceRequest*,
    v1::GetResourceResponse*) {
  return Refuse(*context, "GetResource");
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
    grpc::CallbackServerContext* context, const v1::ListInstancesRequest*,
    v1::ListInstancesResponse*) {
  return Refuse(*context, "ListInstances");
}

grpc::ServerUnaryReactor* AdminService::ListLeases(
    grpc::CallbackServerContext* context, const v1::ListLeasesRequest*,
    v1::ListLeasesResponse*) {
  return Refuse(*context, "ListLeases");
}

grpc::ServerUnaryReactor* AdminService::RevokeLease(
    grpc::CallbackServerContext* context, const v1::RevokeLeaseRequest*,
    v1::RevokeLeaseResponse*) {
  return Refuse(*context, "RevokeLease");
}

grpc::ServerUnaryReactor* AdminService::EvictInstance(
    grpc::CallbackServerContext* context, const v1::EvictInstanceRequest*,
    v1::EvictInstanceResponse*) {
  return Refuse(*context, "EvictInstance");
}

grpc::ServerUnaryReactor* AdminService::Drain(
    grpc::CallbackServerContext* context, const v1::DrainRequest*,
    v1::DrainResponse*) {
  return Refuse(*context, "Drain");
}

grpc::ServerUnaryReactor* AdminService::ExplainWait(
    grpc::CallbackServerContext* context, const v1::ExplainWaitRequest*,
    v1::ExplainWaitResponse*) {
  return Refuse(*context, "ExplainWait");
}

}  // namespace anteroom::service
