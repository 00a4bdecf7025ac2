// PassThrough: calls of methods that are not ours. One that names a lease, in
// the metadata `anteroom-lease`, is forwarded to the endpoint of the held
// object and counts as a Use.
//
// Refused, before anything is forwarded:
//   UNIMPLEMENTED METHOD_NOT_FOUND  no lease is named; the method is of our own
//                                   services (package anteroom); the object has
//                                   no endpoint
//   INVALID_REQUEST                 metadata that is malformed
//   LEASE_NOT_FOUND, LEASE_ENDED, STALE_FENCING_TOKEN  as of Use
// Once forwarded, what the service answers is the answer, but for
//   USE_CANCELLED, INSTANCE_LOST, USE_TIMED_OUT  as of Use
//   UNAVAILABLE USE_FAILED          the endpoint cannot be reached
//
// Thread safety: that of gRPC's services. Destruction: after the server's
// shutdown and calls.Join().
#ifndef ANTEROOM_SERVER_SERVICE_PASS_THROUGH_H_
#define ANTEROOM_SERVER_SERVICE_PASS_THROUGH_H_

#include "grpcpp/generic/async_generic_service.h"
#include "server/lifecycle/anteroom.h"
#include "server/rpc/calls.h"
#include "server/rpc/endpoints.h"
#include "server/rpc/forward.h"

namespace anteroom::service {

class PassThrough final : public grpc::CallbackGenericService {
 public:
  // Both outlive the service.
  PassThrough(lifecycle::Anteroom& anteroom, rpc::Calls& calls)
      : anteroom_(anteroom),
        calls_(calls),
        forwards_(calls),
        endpoints_(calls.runtime()) {}

  grpc::ServerGenericBidiReactor* CreateReactor(
      grpc::GenericCallbackServerContext* context) override;

 private:
  lifecycle::Anteroom& anteroom_;
  rpc::Calls& calls_;
  rpc::Forwards forwards_;
  rpc::Endpoints endpoints_;
};

}  // namespace anteroom::service

#endif  // ANTEROOM_SERVER_SERVICE_PASS_THROUGH_H_
