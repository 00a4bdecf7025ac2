// What each RPC of ResourceService does: decode, await the lifecycle, encode.
// How the calls come in is resource_service.h's.
//
// Requests and responses must live until a handler's task has ended, or its
// call is answered. Of what is called most the handler is the call's own
// coroutine.
//
// Thread safety: all methods, from any thread.
#ifndef ANTEROOM_SERVER_SERVICE_RESOURCE_HANDLERS_H_
#define ANTEROOM_SERVER_SERVICE_RESOURCE_HANDLERS_H_

#include "absl/status/status.h"
#include "anteroom/v1/resource_service.pb.h"
#include "server/coro/task.h"
#include "server/coro/task_group.h"
#include "server/lifecycle/anteroom.h"
#include "server/rpc/calls.h"
#include "server/rpc/server_stream.h"
#include "server/rpc/unary.h"

namespace anteroom::service {

using WatchStream = rpc::ServerStream<v1::WatchEventsResponse>;

class ResourceHandlers {
 public:
  // `anteroom` outlives the handlers.
  explicit ResourceHandlers(lifecycle::Anteroom& anteroom)
      : anteroom_(anteroom) {}

  rpc::UnaryCall Acquire(coro::TaskGroup::Ticket ticket, rpc::CallContext call,
                         const v1::AcquireRequest& request,
                         v1::AcquireResponse& response);
  rpc::UnaryCall Use(coro::TaskGroup::Ticket ticket, rpc::CallContext call,
                     const v1::UseRequest& request, v1::UseResponse& response);
  coro::Task<absl::Status> Renew(const v1::RenewRequest& request,
                                 v1::RenewResponse& response);
  rpc::UnaryCall Release(coro::TaskGroup::Ticket ticket, rpc::CallContext call,
                         const v1::ReleaseRequest& request,
                         v1::ReleaseResponse& response);
  coro::Task<absl::Status> GetLease(const v1::GetLeaseRequest& request,
                                    v1::GetLeaseResponse& response);
  coro::Task<absl::Status> WatchEvents(const v1::WatchEventsRequest& request,
                                       WatchStream& stream);

 private:
  lifecycle::Anteroom& anteroom_;
};

}  // namespace anteroom::service

#endif  // ANTEROOM_SERVER_SERVICE_RESOURCE_HANDLERS_H_
