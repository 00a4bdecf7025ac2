#include "tests/bench/scope_callers.h"

#include <memory>
#include <optional>
#include <utility>

#include "anteroom/v1/resource_service.grpc.pb.h"
#include "grpcpp/grpcpp.h"
#include "tests/bench/channels.h"
#include "tests/bench/messages.h"

namespace anteroom::bench {
namespace {

using Stub = v1::ResourceService::Stub;

class UnaryScopeCaller : public Caller {
 public:
  explicit UnaryScopeCaller(std::unique_ptr<Stub> stub)
      : stub_(std::move(stub)), acquire_(AcquireOf(kScoped)), use_(EchoUse()) {}

 private:
  void Begin() override {
    context_.emplace();
    stub_->async()->Acquire(
        &*context_, &acquire_, &acquired_,
        [this](const grpc::Status& status) { Acquired(status); });
  }
  void Acquired(const grpc::Status& status) {
    CheckOk(status, "Acquire");
    use_.set_lease_id(acquired_.lease().lease_id());
    release_.set_lease_id(acquired_.lease().lease_id());
    context_.emplace();
    stub_->async()->Use(&*context_, &use_, &used_,
                        [this](const grpc::Status& status) { Used(status); });
  }
  void Used(const grpc::Status& status) {
    CheckOk(status, "Use");
    CheckEchoed(used_.result());
    context_.emplace();
    stub_->async()->Release(
        &*context_, &release_, &released_,
        [this](const grpc::Status& status) { Released(status); });
  }
  void Released(const grpc::Status& status) {
    CheckOk(status, "Release");
    if (!released_.has_receipt()) Fail("a Release answered without receipt");
    Done();
  }

  const std::unique_ptr<Stub> stub_;
  std::optional<grpc::ClientContext> context_;
  const v1::AcquireRequest acquire_;
  v1::AcquireResponse acquired_;
  v1::UseRequest use_;
  v1::UseResponse used_;
  v1::ReleaseRequest release_;
  v1::ReleaseResponse released_;
};

}  // namespace

Callers OpenUnaryScopes(const std::string& server, int width) {
  return OpenCallers(server, width, [](const auto& channel, int) {
    return std::make_unique<UnaryScopeCaller>(
        v1::ResourceService::NewStub(channel));
  });
}

}  // namespace anteroom::bench
