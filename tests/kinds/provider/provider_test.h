// ProviderTest: the lifecycle, with kind `provider` over real sockets.
//
// When a test ends all is drained: it fails if anything is left then. No bound
// is waited out: a test skips it, once it is in its way.
#ifndef ANTEROOM_TESTS_KINDS_PROVIDER_PROVIDER_TEST_H_
#define ANTEROOM_TESTS_KINDS_PROVIDER_PROVIDER_TEST_H_

#include <future>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/coro/random.h"
#include "server/coro/runtime.h"
#include "server/coro/thread_pool.h"
#include "server/error/error.h"
#include "server/kinds/provider/provider.h"
#include "server/lifecycle/anteroom.h"
#include "tests/kinds/provider/fake_provider.h"
#include "tests/kinds/provider/skipping_time.h"

namespace anteroom::kinds {

using lifecycle::LeasePtr;
using lifecycle::Payload;
using lifecycle::Policy;

// The code and reason of an error: EXPECT_THAT(status, Fails(...)).
MATCHER_P2(Fails, code, reason, "") {
  *result_listener << "which says " << arg.ToString() << " with reason '"
                   << DetailOf(arg).reason << "'";
  return arg.code() == code && HasReason(arg, reason);
}

class ProviderTest : public ::testing::Test {
 protected:
  ProviderTest();
  ~ProviderTest() override;

  // A provider, and the resource "thing" that it serves.
  FakeProvider& Serve(ProviderScript script = {}, const Policy& policy = {});
  // A resource of the kind "thing" at `address`; the provider's own names.
  void AddResource(const std::string& name, const std::string& address,
                   const Policy& policy = {}, const std::string& kind = "thing",
                   bool proxy = false);
  FakeProvider& provider() { return *provider_; }

  absl::StatusOr<LeasePtr> Acquire(const std::string& resource = "thing",
                                   std::stop_token stop = {});
  // The same, in the background.
  std::future<absl::StatusOr<LeasePtr>> StartAcquire(
      const std::string& resource = "thing", const std::stop_token& stop = {});
  absl::StatusOr<Payload> Use(const LeasePtr& lease, const std::string& method,
                              const std::string& data = "");
  std::future<absl::StatusOr<Payload>> StartUse(const LeasePtr& lease,
                                                const std::string& method);
  absl::StatusOr<lifecycle::Receipt> Release(const LeasePtr& lease,
                                             lifecycle::ExitCause cause = {});
  std::future<absl::StatusOr<lifecycle::Receipt>> StartRelease(
      const LeasePtr& lease);
  // Ends all leases, closes all objects.
  void Drain();

  // The phases of `resource` up to the `count`-th `last`, joined by spaces.
  std::string PhasesUntil(lifecycle::Phase last, int count = 1,
                          const std::string& resource = "thing");
  // The `count`-th event of the phase.
  lifecycle::Event AwaitEvent(lifecycle::Phase phase, int count = 1,
                              const std::string& resource = "thing");

  coro::Runtime runtime() { return {executor_, time_, time_, random_}; }

  coro::SystemRandom random_;
  coro::ThreadPool executor_{2};
  SkippingTime time_{executor_};
  std::unique_ptr<lifecycle::Anteroom> anteroom_;
  std::uint64_t first_event_ = 0;
  std::unique_ptr<FakeProvider> provider_;
  // For resources that are added from now on.
  ProviderWatch::Options watch_;

 private:
  std::vector<lifecycle::Event> EventsUntil(lifecycle::Phase last, int count,
                                            const std::string& resource);

  bool drained_ = false;
};

}  // namespace anteroom::kinds

#endif  // ANTEROOM_TESTS_KINDS_PROVIDER_PROVIDER_TEST_H_
