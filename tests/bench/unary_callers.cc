#include "tests/bench/unary_callers.h"

#include <memory>
#include <optional>
#include <utility>

#include "anteroom/v1/resource_service.grpc.pb.h"
#include "bare.grpc.pb.h"
#include "grpcpp/grpcpp.h"
#include "tests/bench/channels.h"
#include "tests/bench/messages.h"

namespace anteroom::bench {
namespace {

// An id as anteroomd's leases have.
constexpr char kSomeLease[] = "0123456789abcdef0123456789abcdef";

// Service: with a unary Use.
template <typename Service>
class UseCaller : public Caller {
 public:
  UseCaller(std::unique_ptr<typename Service::Stub> stub,
            const std::string& lease_id)
      : stub_(std::move(stub)), request_(EchoUse()) {
    request_.set_lease_id(lease_id);
  }

 protected:
  typename Service::Stub& stub() { return *stub_; }
  const std::string& lease_id() const { return request_.lease_id(); }

 private:
  void Begin() override {
    context_.emplace();
    stub_->async()->Use(&*context_, &request_, &response_,
                        [this](const grpc::Status& status) {
                          CheckOk(status, "Use");
                          CheckEchoed(response_.result());
                          Done();
                        });
  }

  const std::unique_ptr<typename Service::Stub> stub_;
  v1::UseRequest request_;
  std::optional<grpc::ClientContext> context_;
  v1::UseResponse response_;
};

using BareCaller = UseCaller<test::bare::v1::BareService>;

// Gives its lease back in the end.
class HolderCaller : public UseCaller<v1::ResourceService> {
 public:
  using UseCaller::UseCaller;
  ~HolderCaller() override {
    grpc::ClientContext context;
    v1::ReleaseRequest request;
    request.set_lease_id(lease_id());
    v1::ReleaseResponse response;
    CheckOk(stub().Release(&context, request, &response), "Release");
  }
};

std::string Acquire(v1::ResourceService::Stub& stub) {
  grpc::ClientContext context;
  v1::AcquireRequest request = AcquireOf(kHeld);
  request.mutable_ttl()->set_seconds(86400);
  v1::AcquireResponse response;
  CheckOk(stub.Acquire(&context, request, &response), "Acquire");
  if (response.lease().lease_id().size() != sizeof(kSomeLease) - 1) {
    Fail("lease ids are of another length than bare calls make believe");
  }
  return response.lease().lease_id();
}

}  // namespace

Callers OpenUses(const std::string& anteroomd, int width) {
  return OpenCallers(anteroomd, width, [](const auto& channel, int) {
    auto stub = v1::ResourceService::NewStub(channel);
    const std::string lease_id = Acquire(*stub);
    return std::make_unique<HolderCaller>(std::move(stub), lease_id);
  });
}

Callers OpenBareUses(const std::string& bare_server, int width) {
  return OpenCallers(bare_server, width, [](const auto& channel, int) {
    return std::make_unique<BareCaller>(
        test::bare::v1::BareService::NewStub(channel), kSomeLease);
  });
}

}  // namespace anteroom::bench
