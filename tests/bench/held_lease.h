// A lease that a client holds for as long as it measures.
#ifndef ANTEROOM_TESTS_BENCH_HELD_LEASE_H_
#define ANTEROOM_TESTS_BENCH_HELD_LEASE_H_

#include <memory>
#include <string>

#include "anteroom/v1/resource_service.grpc.pb.h"
#include "grpcpp/channel.h"

namespace anteroom::bench {

// Of an object of kHeld, for a day at most. Both ends of it block. Thread
// safety: id() may be called by all threads.
class HeldLease {
 public:
  explicit HeldLease(const std::shared_ptr<grpc::Channel>& channel);
  HeldLease(const HeldLease&) = delete;
  HeldLease& operator=(const HeldLease&) = delete;
  // Gives it back.
  ~HeldLease();

  const std::string& id() const { return id_; }

 private:
  const std::unique_ptr<v1::ResourceService::Stub> stub_;
  std::string id_;
};

}  // namespace anteroom::bench

#endif  // ANTEROOM_TESTS_BENCH_HELD_LEASE_H_
