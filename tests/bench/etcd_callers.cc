#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "etcd.grpc.pb.h"
#include "grpcpp/grpcpp.h"
#include "tests/bench/channels.h"
#include "tests/bench/messages.h"
#include "tests/bench/scope_callers.h"

namespace anteroom::bench {
namespace {

class EtcdCaller : public Caller {
 public:
  EtcdCaller(const std::shared_ptr<grpc::Channel>& channel, int number)
      : leases_(etcdserverpb::Lease::NewStub(channel)),
        keys_(etcdserverpb::KV::NewStub(channel)) {
    const std::string key = absl::StrCat("object/", number);
    grant_.set_ttl(kTtlSeconds);
    etcdserverpb::Compare& none = *put_if_absent_.add_compare();
    none.set_target(etcdserverpb::Compare::CREATE);
    none.set_result(etcdserverpb::Compare::EQUAL);
    none.set_key(key);
    none.set_create_revision(0);
    put_ = put_if_absent_.add_success()->mutable_request_put();
    put_->set_key(key);
    put_->set_value("0123456789abcdef");
  }

 private:
  void Begin() override {
    context_.emplace();
    leases_->async()->LeaseGrant(
        &*context_, &grant_, &granted_,
        [this](const grpc::Status& status) { Granted(status); });
  }
  void Granted(const grpc::Status& status) {
    CheckOk(status, "LeaseGrant");
    put_->set_lease(granted_.id());
    revoke_.set_id(granted_.id());
    context_.emplace();
    keys_->async()->Txn(&*context_, &put_if_absent_, &was_absent_,
                        [this](const grpc::Status& status) { Put(status); });
  }
  void Put(const grpc::Status& status) {
    CheckOk(status, "Txn");
    if (!was_absent_.succeeded()) Fail("a key of etcd was there already");
    context_.emplace();
    leases_->async()->LeaseRevoke(
        &*context_, &revoke_, &revoked_,
        [this](const grpc::Status& status) { Revoked(status); });
  }
  void Revoked(const grpc::Status& status) {
    CheckOk(status, "LeaseRevoke");
    Done();
  }

  const std::unique_ptr<etcdserverpb::Lease::Stub> leases_;
  const std::unique_ptr<etcdserverpb::KV::Stub> keys_;
  std::optional<grpc::ClientContext> context_;
  etcdserverpb::LeaseGrantRequest grant_;
  etcdserverpb::LeaseGrantResponse granted_;
  etcdserverpb::TxnRequest put_if_absent_;
  etcdserverpb::PutRequest* put_ = nullptr;  // in put_if_absent_
  etcdserverpb::TxnResponse was_absent_;
  etcdserverpb::LeaseRevokeRequest revoke_;
  etcdserverpb::LeaseRevokeResponse revoked_;
};

}  // namespace

Callers OpenEtcdScopes(const std::string& etcd, int width) {
  return OpenCallers(etcd, width, [](const auto& channel, int number) {
    return std::make_unique<EtcdCaller>(channel, number);
  });
}

}  // namespace anteroom::bench
