// What each RPC of AdminService does: decode, ask the lifecycle, encode. How
// the calls come in is admin_service.h's.
//
// Requests and responses must live until a handler's task has ended.
//
// Thread safety: all methods, from any thread.
#ifndef ANTEROOM_SERVER_SERVICE_ADMIN_HANDLERS_H_
#define ANTEROOM_SERVER_SERVICE_ADMIN_HANDLERS_H_

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "anteroom/v1/admin_service.pb.h"
#include "anteroom/v1/config.pb.h"
#include "server/coro/clock.h"
#include "server/coro/task.h"
#include "server/lifecycle/anteroom.h"
#include "server/rpc/calls.h"

namespace anteroom::service {

class AdminHandlers {
 public:
  struct Options {
    // As configured, for their kinds and labels.
    std::vector<v1::Resource> resources;
    // What a drain is granted whose request does not say.
    absl::Duration drain_timeout;
    // Called before a drain of the whole server begins, from any thread, and
    // more than once.
    std::function<void()> on_drain;
  };

  // `anteroom` and `clock` outlive the handlers.
  AdminHandlers(lifecycle::Anteroom& anteroom, const coro::Clock& clock,
                Options options);

  coro::Task<absl::Status> ListResources(
      const v1::ListResourcesRequest& request,
      v1::ListResourcesResponse& response);
  coro::Task<absl::Status> GetResource(const v1::GetResourceRequest& request,
                                       v1::GetResourceResponse& response);
  coro::Task<absl::Status> ListInstances(
      const v1::ListInstancesRequest& request,
      v1::ListInstancesResponse& response);
  coro::Task<absl::Status> ListLeases(const v1::ListLeasesRequest& request,
                                      v1::ListLeasesResponse& response);
  coro::Task<absl::Status> RevokeLease(const v1::RevokeLeaseRequest& request,
                                       v1::RevokeLeaseResponse& response);
  coro::Task<absl::Status> EvictInstance(
      const v1::EvictInstanceRequest& request,
      v1::EvictInstanceResponse& response);
  coro::Task<absl::Status> Drain(rpc::CallContext& call,
                                 const v1::DrainRequest& request,
                                 v1::DrainResponse& response);
  coro::Task<absl::Status> ExplainWait(const v1::ExplainWaitRequest& request,
                                       v1::ExplainWaitResponse& response);

 private:
  // The pool as GetResource shows it.
  v1::Resource Describe(const lifecycle::Pool& pool) const;
  // The pools that a listing covers: `resource`, or all (empty).
  // RESOURCE_NOT_FOUND.
  absl::StatusOr<std::vector<lifecycle::Pool*>> PoolsOf(
      absl::string_view resource) const;

  lifecycle::Anteroom& anteroom_;
  const coro::Clock& clock_;
  const absl::Duration drain_timeout_;
  const std::function<void()> on_drain_;
  // Without their policies: the pools know those.
  std::map<std::string, v1::Resource> configured_;
};

}  // namespace anteroom::service

#endif  // ANTEROOM_SERVER_SERVICE_ADMIN_HANDLERS_H_
