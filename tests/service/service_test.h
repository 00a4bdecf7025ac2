// ServiceTest: the real server on a real socket, and a client to it.
//
// When a test ends the server is drained: a test fails if an instance, a lease
// or a waiter is left then.
#ifndef ANTEROOM_TESTS_SERVICE_SERVICE_TEST_H_
#define ANTEROOM_TESTS_SERVICE_SERVICE_TEST_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "anteroom/v1/resource_service.grpc.pb.h"
#include "gmock/gmock.h"
#include "grpcpp/grpcpp.h"
#include "gtest/gtest.h"
#include "server/config/build.h"
#include "server/coro/clock.h"
#include "server/coro/random.h"
#include "server/coro/runtime.h"
#include "server/coro/thread_pool.h"
#include "server/coro/thread_timers.h"
#include "server/error/error.h"
#include "server/rpc/calls.h"
#include "server/service/server.h"

namespace anteroom::service {

// The code and reason of an error: EXPECT_THAT(status, Fails(...)).
MATCHER_P2(Fails, code, reason, "") {
  *result_listener << "which says " << arg.ToString() << " with reason '"
                   << DetailOf(arg).reason << "'";
  return arg.code() == code && HasReason(arg, reason);
}

class ServiceTest : public ::testing::Test {
 protected:
  // Without a configuration: the four objects of the article. `prepare` may add
  // resources of its own before the server starts.
  using Prepare = std::function<void(coro::Runtime, lifecycle::Anteroom&)>;
  explicit ServiceTest(const std::string& config_textproto = "",
                       const Prepare& prepare = nullptr);
  ~ServiceTest() override;

  // Ends every lease and joins every call. Idempotent.
  void Drain();

  // Never waited out: a call that hangs fails by it.
  static void Bound(grpc::ClientContext& context);

  // The RPCs, as one blocking call each.
  absl::StatusOr<v1::Lease> Acquire(const v1::AcquireRequest& request);
  absl::StatusOr<v1::Lease> Acquire(const std::string& resource);
  absl::StatusOr<std::string> Use(const std::string& lease_id,
                                  const std::string& method,
                                  const std::string& argument = "");
  absl::StatusOr<v1::Receipt> Release(const v1::ReleaseRequest& request);
  absl::StatusOr<v1::Receipt> Release(const std::string& lease_id);
  absl::StatusOr<v1::Lease> Renew(const std::string& lease_id,
                                  absl::Duration ttl = absl::ZeroDuration());
  absl::StatusOr<v1::Lease> GetLease(const std::string& lease_id);

  // Waits for the phase `phase` of `resource`, the `count`-th since the server
  // started.
  v1::LifecycleEvent AwaitPhase(const std::string& resource,
                                v1::LifecycleEvent::Phase phase, int count = 1);
  // All phases of `resource` so far, until one is `last`.
  std::vector<std::string> PhasesUntil(const std::string& resource,
                                       v1::LifecycleEvent::Phase last);

  lifecycle::Pool& pool(const std::string& resource) const;
  coro::Runtime runtime() { return {*executor_, *timers_, clock_, random_}; }

  coro::SystemClock clock_;
  coro::SystemRandom random_;
  std::unique_ptr<coro::ThreadPool> executor_;
  std::unique_ptr<coro::ThreadTimers> timers_;
  config::Built built_;
  std::uint64_t first_sequence_ = 0;  // that of the first event
  std::vector<std::string> resources_;
  rpc::Calls calls_;
  std::unique_ptr<Server> server_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<v1::ResourceService::Stub> stub_;

 private:
  bool drained_ = false;
};

// "READY" for PHASE_READY.
std::string PhaseName(v1::LifecycleEvent::Phase phase);

}  // namespace anteroom::service

#endif  // ANTEROOM_TESTS_SERVICE_SERVICE_TEST_H_
