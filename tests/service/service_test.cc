#include "tests/service/service_test.h"

#include <chrono>

#include "absl/strings/strip.h"
#include "google/protobuf/text_format.h"
#include "server/config/load.h"
#include "server/coro/check.h"
#include "server/coro/sync_wait.h"
#include "server/rpc/status.h"

namespace anteroom::service {
namespace {

// For the last messages of streams that the drain ended. Never waited out.
constexpr absl::Duration kGrace = absl::Seconds(20);

v1::ServerConfig Parse(const std::string& textproto) {
  if (textproto.empty()) return config::DefaultConfig();
  v1::ServerConfig config;
  ANTEROOM_CHECK(
      google::protobuf::TextFormat::ParseFromString(textproto, &config));
  return config;
}

}  // namespace

ServiceTest::ServiceTest(const std::string& config_textproto,
                         const Prepare& prepare)
    : executor_(std::make_unique<coro::ThreadPool>(2)),
      timers_(std::make_unique<coro::ThreadTimers>(*executor_, clock_)),
      calls_(runtime()) {
  const v1::ServerConfig config = Parse(config_textproto);
  absl::StatusOr<config::Built> built = config::Build(runtime(), config);
  ANTEROOM_CHECK(built.ok());
  built_ = *std::move(built);
  first_sequence_ = built_.anteroom->events().next_sequence();
  for (const v1::Resource& resource : config.resources()) {
    resources_.push_back(resource.name());
  }
  if (prepare != nullptr) prepare(runtime(), *built_.anteroom);
  auto server = Server::Start(*built_.anteroom, calls_, {"127.0.0.1:0"},
                              {built_.resources, built_.drain_timeout});
  ANTEROOM_CHECK(server.ok());
  server_ = *std::move(server);
  built_.anteroom->Start();
  channel_ = grpc::CreateChannel(server_->addresses().front(),
                                 grpc::InsecureChannelCredentials());
  stub_ = v1::ResourceService::NewStub(channel_);
}

ServiceTest::~ServiceTest() {
  Drain();
  for (const std::string& name : resources_) {
    const lifecycle::Pool::Counts left = pool(name).counts();
    EXPECT_EQ(left.instances, 0) << name;
    EXPECT_EQ(left.leases, 0) << name;
    EXPECT_EQ(left.waiting, 0) << name;
  }
  server_.reset();
  timers_->Stop();
  executor_->Stop();
}

void ServiceTest::Drain() {
  if (std::exchange(drained_, true)) return;
  coro::SyncWait(built_.anteroom->Drain());
  server_->Shutdown(kGrace);
}

void ServiceTest::Bound(grpc::ClientContext& context) {
  context.set_deadline(std::chrono::system_clock::now() +
                       std::chrono::seconds(30));
}

absl::StatusOr<v1::Lease> ServiceTest::Acquire(
    const v1::AcquireRequest& request) {
  grpc::ClientContext context;
  Bound(context);
  v1::AcquireResponse response;
  const grpc::Status status = stub_->Acquire(&context, request, &response);
  if (!status.ok()) return rpc::FromGrpcStatus(status);
  return response.lease();
}

absl::StatusOr<v1::Lease> ServiceTest::Acquire(const std::string& resource) {
  v1::AcquireRequest request;
  request.set_resource(resource);
  return Acquire(request);
}

absl::StatusOr<std::string> ServiceTest::Use(const std::string& lease_id,
                                             const std::string& method,
                                             const std::string& argument) {
  grpc::ClientContext context;
  Bound(context);
  v1::UseRequest request;
  request.set_lease_id(lease_id);
  request.set_method_name(method);
  request.mutable_argument()->set_data(argument);
  v1::UseResponse response;
  const grpc::Status status = stub_->Use(&context, request, &response);
  if (!status.ok()) return rpc::FromGrpcStatus(status);
  return response.result().data();
}

absl::StatusOr<v1::Receipt> ServiceTest::Release(
    const v1::ReleaseRequest& request) {
  grpc::ClientContext context;
  Bound(context);
  v1::ReleaseResponse response;
  const grpc::Status status = stub_->Release(&context, request, &response);
  if (!status.ok()) return rpc::FromGrpcStatus(status);
  return response.receipt();
}

absl::StatusOr<v1::Receipt> ServiceTest::Release(const std::string& lease_id) {
  v1::ReleaseRequest request;
  request.set_lease_id(lease_id);
  return Release(request);
}

absl::StatusOr<v1::Lease> ServiceTest::Renew(const std::string& lease_id,
                                             absl::Duration ttl) {
  grpc::ClientContext context;
  Bound(context);
  v1::RenewRequest request;
  request.set_lease_id(lease_id);
  if (ttl > absl::ZeroDuration()) {
    request.mutable_ttl()->set_seconds(absl::ToInt64Seconds(ttl));
  }
  v1::RenewResponse response;
  const grpc::Status status = stub_->Renew(&context, request, &response);
  if (!status.ok()) return rpc::FromGrpcStatus(status);
  return response.lease();
}

absl::StatusOr<v1::Lease> ServiceTest::GetLease(const std::string& lease_id) {
  grpc::ClientContext context;
  Bound(context);
  v1::GetLeaseRequest request;
  request.set_lease_id(lease_id);
  v1::GetLeaseResponse response;
  const grpc::Status status = stub_->GetLease(&context, request, &response);
  if (!status.ok()) return rpc::FromGrpcStatus(status);
  return response.lease();
}

v1::LifecycleEvent ServiceTest::AwaitPhase(const std::string& resource,
                                           v1::LifecycleEvent::Phase phase,
                                           int count) {
  grpc::ClientContext context;
  Bound(context);
  v1::WatchEventsRequest request;
  request.set_resource(resource);
  request.set_from_sequence(first_sequence_);
  const auto stream = stub_->WatchEvents(&context, request);
  v1::WatchEventsResponse response;
  while (stream->Read(&response)) {
    if (response.event().phase() != phase) continue;
    if (--count == 0) return response.event();
  }
  ADD_FAILURE() << "never " << PhaseName(phase);
  return {};
}

std::vector<std::string> ServiceTest::PhasesUntil(
    const std::string& resource, v1::LifecycleEvent::Phase last) {
  grpc::ClientContext context;
  Bound(context);
  v1::WatchEventsRequest request;
  request.set_resource(resource);
  request.set_from_sequence(first_sequence_);
  const auto stream = stub_->WatchEvents(&context, request);
  v1::WatchEventsResponse response;
  std::vector<std::string> phases;
  while (stream->Read(&response)) {
    phases.push_back(PhaseName(response.event().phase()));
    if (response.event().phase() == last) break;
  }
  return phases;
}

lifecycle::Pool& ServiceTest::pool(const std::string& resource) const {
  return **built_.anteroom->FindPool(resource);
}

std::string PhaseName(v1::LifecycleEvent::Phase phase) {
  const std::string& name = v1::LifecycleEvent::Phase_Name(phase);
  return std::string(absl::StripPrefix(name, "PHASE_"));
}

}  // namespace anteroom::service
