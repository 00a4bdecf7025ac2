// Server: the gRPC server with all its services: ours, health, reflection, and
// those of held objects.
//
// Life: Start, then Drained() once the anteroom is drained, then destruction.
//
// Thread safety: one thread, and none of gRPC's, but StopBeingHealthy from any.
#ifndef ANTEROOM_SERVER_SERVICE_SERVER_H_
#define ANTEROOM_SERVER_SERVICE_SERVER_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "anteroom/v1/config.pb.h"
#include "grpcpp/health_check_service_interface.h"
#include "grpcpp/server.h"
#include "server/coro/mutex.h"
#include "server/lifecycle/anteroom.h"
#include "server/rpc/calls.h"
#include "server/service/admin_service.h"
#include "server/service/pass_through.h"
#include "server/service/resource_service.h"

namespace anteroom::service {

class Server {
 public:
  // What AdminService knows.
  struct Options {
    // As configured, for their kinds and labels.
    std::vector<v1::Resource> resources;
    // What an operator's drain is granted who does not say.
    absl::Duration drain_timeout = absl::Seconds(30);
  };

  // Serves `anteroom` at each of `addresses` (host:port, port 0 picks one, or
  // unix:PATH). UNAVAILABLE or INVALID_ARGUMENT, naming the address, if one
  // cannot be listened on; one that another server listens on is never shared
  // with it, nor taken away from it. `anteroom`
  // and `calls` outlive the server.
  static absl::StatusOr<std::unique_ptr<Server>> Start(
      lifecycle::Anteroom& anteroom, rpc::Calls& calls,
      const std::vector<std::string>& addresses) {
    return Start(anteroom, calls, addresses, Options());
  }
  static absl::StatusOr<std::unique_ptr<Server>> Start(
      lifecycle::Anteroom& anteroom, rpc::Calls& calls,
      const std::vector<std::string>& addresses, Options options);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Where it listens, with the real ports.
  const std::vector<std::string>& addresses() const { return addresses_; }

  // The health service says NOT_SERVING from now on. Idempotent.
  void StopBeingHealthy();
  // Ends what is left of the calls, `grace` for those under way, and joins
  // them. Blocks. Idempotent.
  void Shutdown(absl::Duration grace);

 private:
  Server(lifecycle::Anteroom& anteroom, rpc::Calls& calls, Options options);

  lifecycle::Anteroom& anteroom_;
  rpc::Calls& calls_;
  ResourceService resource_service_;
  AdminService admin_service_;
  PassThrough pass_through_;
  std::vector<std::string> addresses_;
  // Calls come in before Start() knows the server that they came through.
  coro::Mutex health_mu_;
  bool healthy_ ABSL_GUARDED_BY(health_mu_) = true;
  grpc::HealthCheckServiceInterface* health_ ABSL_GUARDED_BY(health_mu_) =
      nullptr;
  std::unique_ptr<grpc::Server> server_;  // first to go
  bool shut_down_ = false;
};

}  // namespace anteroom::service

#endif  // ANTEROOM_SERVER_SERVICE_SERVER_H_
