#include "server/service/server.h"

#include <chrono>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "grpc/support/log.h"
#include "grpcpp/ext/proto_server_reflection_plugin.h"
#include "grpcpp/grpcpp.h"
#include "grpcpp/health_check_service_interface.h"
#include "server/coro/sync_wait.h"
#include "server/service/listen_address.h"

namespace anteroom::service {
namespace {

// A client that froze is noticed after kKeepaliveMs + kKeepaliveTimeoutMs; a
// client may ping twice as often as clients' usual 20 s.
constexpr int kKeepaliveMs = 20'000;
constexpr int kKeepaliveTimeoutMs = 10'000;
constexpr int kMinPingIntervalMs = 10'000;

void Configure(grpc::ServerBuilder& builder) {
  // Else a second server on the same port starts happily.
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveMs);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS,
                             kKeepaliveTimeoutMs);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder.AddChannelArgument(
      GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS,
      kMinPingIntervalMs);
}

// `address` with the port that was picked.
std::string WithPort(const std::string& address, int port) {
  if (absl::StartsWith(address, "unix:")) return address;
  const std::size_t colon = address.rfind(':');
  return absl::StrCat(address.substr(0, colon), ":", port);
}

}  // namespace

Server::Server(lifecycle::Anteroom& anteroom, rpc::Calls& calls,
               Options options)
    : anteroom_(anteroom),
      calls_(calls),
      resource_service_(anteroom, calls),
      admin_service_(anteroom, calls,
                     {std::move(options.resources), options.drain_timeout,
                      [this] { StopBeingHealthy(); }}),
      pass_through_(anteroom, calls) {}

absl::StatusOr<std::unique_ptr<Server>> Server::Start(
    lifecycle::Anteroom& anteroom, rpc::Calls& calls,
    const std::vector<std::string>& addresses, Options options) {
  for (const std::string& address : addresses) {
    const absl::Status checked = CheckListenAddress(address);
    if (!checked.ok()) return checked;
  }
  grpc::EnableDefaultHealthCheckService(true);
  grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  std::unique_ptr<Server> server(
      new Server(anteroom, calls, std::move(options)));
  grpc::ServerBuilder builder;
  Configure(builder);
  std::vector<int> ports(addresses.size(), 0);
  for (std::size_t i = 0; i < addresses.size(); ++i) {
    builder.AddListeningPort(addresses[i], grpc::InsecureServerCredentials(),
                             &ports[i]);
  }
  builder.RegisterService(&server->resource_service_);
  builder.RegisterService(&server->admin_service_);
  builder.RegisterCallbackGenericService(&server->pass_through_);
  // What gRPC logs where it cannot listen, our status tells.
  gpr_set_log_function([](gpr_log_func_args*) {});
  server->server_ = builder.BuildAndStart();
  gpr_set_log_function(nullptr);  // the default again
  for (std::size_t i = 0; i < addresses.size(); ++i) {
    if (server->server_ == nullptr && ports[i] != 0) continue;
    if (ports[i] == 0) {
      server->shut_down_ = true;
      return absl::UnavailableError(
          absl::StrCat("cannot listen on ", addresses[i],
                       ": is the address right, and free?"));
    }
    server->addresses_.push_back(WithPort(addresses[i], ports[i]));
  }
  bool healthy = true;
  {
    coro::MutexLock lock(server->health_mu_);
    server->health_ = server->server_->GetHealthCheckService();
    healthy = server->healthy_;
  }
  if (!healthy) server->StopBeingHealthy();
  return server;
}

Server::~Server() { Shutdown(absl::ZeroDuration()); }

void Server::StopBeingHealthy() {
  grpc::HealthCheckServiceInterface* health = nullptr;
  {
    coro::MutexLock lock(health_mu_);
    healthy_ = false;
    health = health_;
  }
  if (health != nullptr) health->SetServingStatus(false);
}

void Server::Shutdown(absl::Duration grace) {
  if (std::exchange(shut_down_, true)) return;
  anteroom_.events().Close();
  calls_.Close();
  server_->Shutdown(std::chrono::system_clock::now() +
                    absl::ToChronoNanoseconds(grace));
  coro::SyncWait(calls_.Join());
}

}  // namespace anteroom::service
