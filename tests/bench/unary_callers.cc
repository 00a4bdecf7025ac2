#include "tests/bench/unary_callers.h"

#include <memory>
#include <optional>
#include <utility>

#include "anteroom/v1/resource_service.grpc.pb.h"
#include "bare.grpc.pb.h"
#include "grpcpp/grpcpp.h"
#include "tests/bench/channels.h"
#include "tests/bench/held_lease.h"
#include "tests/bench/messages.h"

namespace anteroom::bench {
namespace {

// Service: with a unary Use.
template <typename Service>
class UseCaller : public Caller {
 public:
  UseCaller(std::unique_ptr<typename Service::Stub> stub,
            const std::string& lease_id)
      : stub_(std::move(stub)), request_(EchoUseOf(lease_id)) {}

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
  const v1::UseRequest request_;
  std::optional<grpc::ClientContext> context_;
  v1::UseResponse response_;
};

using BareCaller = UseCaller<test::bare::v1::BareService>;

// Has a lease of its own.
class HolderCaller : HeldLease, public UseCaller<v1::ResourceService> {
 public:
  explicit HolderCaller(const std::shared_ptr<grpc::Channel>& channel)
      : HeldLease(channel),
        UseCaller(v1::ResourceService::NewStub(channel), HeldLease::id()) {}
};

}  // namespace

Callers OpenUses(const std::string& anteroomd, int width) {
  return OpenCallers(anteroomd, width, [](const auto& channel, int) {
    return std::make_unique<HolderCaller>(channel);
  });
}

Callers OpenBareUses(const std::string& bare_server, int width) {
  return OpenCallers(bare_server, width, [](const auto& channel, int) {
    return std::make_unique<BareCaller>(
        test::bare::v1::BareService::NewStub(channel), kSomeLeaseId);
  });
}

}  // namespace anteroom::bench
