// Clients that come and go, each in its own way.
#include <chrono>
#include <cstdio>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "absl/time/time.h"
#include "anteroom/v1/resource_service.grpc.pb.h"
#include "grpcpp/grpcpp.h"
#include "tests/load/client.h"

namespace anteroom::load {
namespace {

// Of leases that do not hang on a stream: who is killed does not release them.
constexpr int kTtlMs = 100;
// How soon the impatient give up, at most.
constexpr int kImpatienceMs = 50;

// One client, with a connection of its own.
class Client {
 public:
  Client(const Target& target, std::uint32_t seed)
      : resource_(target.resource), random_(seed) {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    stub_ = v1::ResourceService::NewStub(grpc::CreateCustomChannel(
        target.address, grpc::InsecureChannelCredentials(), arguments));
  }

  // Until the server drains.
  void Run() {
    while (!draining_) {
      if (Chance(0.5)) {
        HoldByStream();
      } else {
        HoldByCalls();
      }
    }
  }

 private:
  bool Chance(double probability) {
    return std::bernoulli_distribution(probability)(random_);
  }

  // Some are impatient.
  void Bound(grpc::ClientContext& context) {
    if (!Chance(0.1)) return;
    context.set_deadline(
        std::chrono::system_clock::now() +
        std::chrono::milliseconds(
            std::uniform_int_distribution<int>(1, kImpatienceMs)(random_)));
  }

  // Whether the call went well.
  bool Note(const grpc::Status& status) {
    // The server is going away, or is gone; an init that failed by chance is
    // UNAVAILABLE too.
    draining_ =
        status.error_code() == grpc::StatusCode::UNAVAILABLE &&
        status.error_message().find("fails by chance") == std::string::npos;
    return status.ok();
  }

  void HoldByCalls() {
    v1::AcquireRequest acquire;
    acquire.set_resource(resource_);
    acquire.mutable_ttl()->set_nanos(kTtlMs * 1'000'000);
    const bool abandons = Chance(0.05);
    v1::AcquireResponse acquired;
    {
      grpc::ClientContext context;
      Bound(context);
      if (!Note(stub_->Acquire(&context, acquire, &acquired)) || abandons) {
        return;
      }
    }
    if (Chance(0.5)) {
      grpc::ClientContext context;
      v1::UseRequest use;
      use.set_lease_id(acquired.lease().lease_id());
      use.set_method_name("a_method");
      v1::UseResponse used;
      Note(stub_->Use(&context, use, &used));
    }
    grpc::ClientContext context;
    v1::ReleaseRequest release;
    release.set_lease_id(acquired.lease().lease_id());
    v1::ReleaseResponse released;
    Note(stub_->Release(&context, release, &released));
  }

  void HoldByStream() {
    grpc::ClientContext context;
    Bound(context);
    const auto stream = stub_->With(&context);
    v1::WithRequest request;
    request.mutable_acquire()->set_resource(resource_);
    stream->Write(request);
    v1::WithResponse response;
    while (stream->Read(&response) && !response.has_entered()) {
    }
    if (response.has_entered()) {
      if (Chance(0.5)) {
        request.mutable_use()->set_call_id(1);
        request.mutable_use()->set_method_name("a_method");
        stream->Write(request);
      }
      if (Chance(0.2)) {
        context.TryCancel();
      } else if (Chance(0.8)) {
        request.mutable_release();
        stream->Write(request);
      }
      stream->WritesDone();
    }
    while (stream->Read(&response)) {
    }
    Note(stream->Finish());
  }

  const std::string resource_;
  std::mt19937 random_;
  std::unique_ptr<v1::ResourceService::Stub> stub_;
  bool draining_ = false;
};

}  // namespace

int Churn(const Target& target, int clients, std::uint32_t seed) {
  std::mt19937 seeds(seed);
  std::vector<std::thread> threads;
  threads.reserve(static_cast<std::size_t>(clients));
  for (int i = 0; i < clients; ++i) {
    threads.emplace_back(
        [&target, seed = seeds()] { Client(target, seed).Run(); });
  }
  for (std::thread& thread : threads) thread.join();
  return 0;
}

}  // namespace anteroom::load
