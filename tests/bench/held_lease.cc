#include "tests/bench/held_lease.h"

#include "grpcpp/grpcpp.h"
#include "tests/bench/closed_loop.h"
#include "tests/bench/messages.h"

namespace anteroom::bench {

HeldLease::HeldLease(const std::shared_ptr<grpc::Channel>& channel)
    : stub_(v1::ResourceService::NewStub(channel)) {
  grpc::ClientContext context;
  v1::AcquireRequest request = AcquireOf(kHeld);
  request.mutable_ttl()->set_seconds(86400);
  v1::AcquireResponse response;
  CheckOk(stub_->Acquire(&context, request, &response), "Acquire");
  id_ = response.lease().lease_id();
  if (id_.size() != sizeof(kSomeLeaseId) - 1) {
    Fail("lease ids are of another length than bare calls make believe");
  }
}

HeldLease::~HeldLease() {
  grpc::ClientContext context;
  v1::ReleaseRequest request;
  request.set_lease_id(id_);
  v1::ReleaseResponse response;
  CheckOk(stub_->Release(&context, request, &response), "Release");
}

}  // namespace anteroom::bench
