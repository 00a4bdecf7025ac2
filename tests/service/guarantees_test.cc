// The guarantees of the contract, over the network. The same are stated in
// tests/lifecycle for every interleaving that a manual executor can make.
#include <algorithm>
#include <atomic>
#include <cstddef>
#include <functional>
#include <future>
#include <latch>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/coro/event.h"
#include "server/lifecycle/resource.h"
#include "server/rpc/status.h"
#include "tests/service/scope_client.h"
#include "tests/service/service_test.h"

namespace anteroom::service {
namespace {

using absl::StatusCode;
using ::testing::ElementsAre;

constexpr char kConfig[] = R"pb(
  resources {
    name: "hello"
    hello {}
  }
  resources {
    name: "shared"
    policy { max_holders: 0 }
    hello { init_takes { nanos: 300000000 } }
  }
)pb";

// The init of the first object waits for a gate and fails; those of the others
// succeed at once.
class GatedKind : public lifecycle::Kind {
 public:
  explicit GatedKind(coro::Event& gate) : gate_(gate) {}

  lifecycle::Hooks hooks() const override {
    return {.init = true, .enter = true};
  }
  std::unique_ptr<lifecycle::Object> Construct(
      const lifecycle::InstanceInfo&, lifecycle::InstanceContext&) override {
    return std::make_unique<Gated>(built_.fetch_add(1) == 0 ? &gate_ : nullptr);
  }

 private:
  class Gated : public lifecycle::Object {
   public:
    explicit Gated(coro::Event* gate) : gate_(gate) {}

    coro::Task<absl::Status> Init(lifecycle::InitContext& context) override {
      if (gate_ == nullptr) co_return absl::OkStatus();
      coro::Task<coro::Wake> wait = gate_->Wait(context.stop());
      co_await std::move(wait);
      co_return absl::UnavailableError("the first init fails");
    }
    coro::Task<absl::StatusOr<lifecycle::Payload>> Enter(
        lifecycle::EnterContext& context) override {
      coro::Task<absl::Status> init = context.Init();
      const absl::Status initialized = co_await std::move(init);
      if (!initialized.ok()) co_return initialized;
      co_return lifecycle::Payload();
    }
    coro::Task<absl::StatusOr<lifecycle::Payload>> Use(
        lifecycle::UseContext&, absl::string_view method,
        lifecycle::PayloadView) override {
      co_return lifecycle::MethodNotFound(method);
    }

   private:
    coro::Event* const gate_;
  };

  coro::Event& gate_;
  std::atomic<int> built_{0};
};

// Made while the service is, and outlives it.
struct Gate {
  std::unique_ptr<coro::Event> gate;
};

class NetworkGuaranteeTest : protected Gate, public ServiceTest {
 protected:
  NetworkGuaranteeTest()
      : ServiceTest(
            kConfig, [this](coro::Runtime runtime, lifecycle::Anteroom& all) {
              gate = std::make_unique<coro::Event>(runtime);
              lifecycle::Policy shared;
              shared.max_holders = 0;
              EXPECT_TRUE(all.AddResource("failing", shared,
                                          std::make_unique<GatedKind>(*gate))
                              .ok());
            }) {}

  // What `count` acquires of `resource`, all under way at once, came to;
  // `meanwhile` runs once all were sent.
  std::vector<absl::StatusOr<v1::Lease>> AcquireMany(
      const std::string& resource, int count,
      const std::function<void()>& meanwhile = [] {}) {
    struct Call {
      grpc::ClientContext context;
      v1::AcquireRequest request;
      v1::AcquireResponse response;
      grpc::Status status;
    };
    std::vector<std::unique_ptr<Call>> calls;
    std::latch all(count);
    for (int i = 0; i < count; ++i) {
      calls.push_back(std::make_unique<Call>());
      Call& call = *calls.back();
      Bound(call.context);
      call.request.set_resource(resource);
      stub_->async()->Acquire(&call.context, &call.request, &call.response,
                              [&call, &all](grpc::Status status) {
                                call.status = std::move(status);
                                all.count_down();
                              });
    }
    meanwhile();
    all.wait();
    std::vector<absl::StatusOr<v1::Lease>> leases;
    for (const auto& call : calls) {
      if (call->status.ok()) {
        leases.emplace_back(call->response.lease());
      } else {
        leases.emplace_back(rpc::FromGrpcStatus(call->status));
      }
    }
    return leases;
  }

  // How many events of `phase` the resource has had so far.
  std::ptrdiff_t CountPhase(const std::string& resource,
                            v1::LifecycleEvent::Phase phase,
                            v1::LifecycleEvent::Phase until) {
    const auto phases = PhasesUntil(resource, until);
    return std::count(phases.begin(), phases.end(), PhaseName(phase));
  }
};

TEST_F(NetworkGuaranteeTest, G1OneHoldOfAFreshObjectHasTheArticlesOrder) {
  ScopeClient scope(*stub_);
  scope.SendAcquire("hello");
  scope.AwaitEntered();
  scope.SendUse(1, "a_method");
  scope.AwaitUsed();
  scope.SendRelease();
  scope.AwaitExited();
  EXPECT_TRUE(scope.Finish().ok());
  EXPECT_THAT(
      scope.received(),
      ElementsAre("CONSTRUCTED", "ENTERING", "INITIALIZING", "READY", "ENTERED",
                  "entered", "USED", "used 1", "EXITING", "EXITED", "exited"));
}

TEST_F(NetworkGuaranteeTest, G2AThousandAcquirersOfOneSlowObjectCauseOneInit) {
  std::set<std::string> instances;
  for (const auto& lease : AcquireMany("shared", 1000)) {
    ASSERT_TRUE(lease.ok()) << lease.status();
    instances.insert(lease->instance_id());
  }
  EXPECT_THAT(instances, ElementsAre("shared#1"));
  // All entered the one instance; there is no second to have an init of its
  // own.
  EXPECT_EQ(CountPhase("shared", v1::LifecycleEvent::PHASE_INITIALIZING,
                       v1::LifecycleEvent::PHASE_ENTERED),
            1);
}

TEST_F(NetworkGuaranteeTest,
       G2AFailedInitReachesEveryWaiterAndTheNextTriesAnew) {
  const auto all_wait = [this] {
    AwaitPhase("failing", v1::LifecycleEvent::PHASE_ENTERING, 100);
    gate->Set();
  };
  for (const auto& lease : AcquireMany("failing", 100, all_wait)) {
    EXPECT_THAT(lease.status(),
                Fails(StatusCode::kUnavailable, Reason::kInitFailed));
  }
  const auto next = Acquire("failing");
  ASSERT_TRUE(next.ok()) << next.status();
  EXPECT_EQ(next->instance_id(), "failing#2");
}

TEST_F(NetworkGuaranteeTest, G3ExitRunsOnceHoweverManyRelease) {
  const auto lease = Acquire("hello");
  ASSERT_TRUE(lease.ok()) << lease.status();
  std::vector<std::future<absl::StatusOr<v1::Receipt>>> releases;
  for (int i = 0; i < 8; ++i) {
    releases.push_back(std::async(std::launch::async,
                                  [&] { return Release(lease->lease_id()); }));
  }
  std::set<std::string> receipts;
  for (auto& release : releases) {
    const auto receipt = release.get();
    ASSERT_TRUE(receipt.ok()) << receipt.status();
    EXPECT_EQ(receipt->attempts(), 1);
    receipts.insert(receipt->SerializeAsString());
  }
  EXPECT_EQ(receipts.size(), 1);
  EXPECT_EQ(CountPhase("hello", v1::LifecycleEvent::PHASE_EXITING,
                       v1::LifecycleEvent::PHASE_CLOSED),
            1);
}

TEST_F(NetworkGuaranteeTest, G3ABrokenStreamRunsTheExitWithDisconnected) {
  std::string lease_id;
  {
    ScopeClient scope(*stub_);
    scope.SendAcquire("hello");
    lease_id = scope.AwaitEntered().lease_id();
  }
  AwaitPhase("hello", v1::LifecycleEvent::PHASE_CLOSED);
  const auto lease = GetLease(lease_id);
  ASSERT_TRUE(lease.ok()) << lease.status();
  EXPECT_EQ(lease->receipt().reason(), v1::EXIT_REASON_DISCONNECTED);
  EXPECT_EQ(lease->receipt().attempts(), 1);
}

TEST_F(NetworkGuaranteeTest, G4ExitComesAfterTheUseThatRuns) {
  ScopeClient scope(*stub_);
  scope.SendAcquire("hello");
  scope.AwaitEntered();
  scope.SendUse(1, "sleep", "0.05");
  scope.SendRelease();
  scope.AwaitExited();
  EXPECT_TRUE(scope.Finish().ok());
  EXPECT_THAT(
      scope.received(),
      ElementsAre("CONSTRUCTED", "ENTERING", "INITIALIZING", "READY", "ENTERED",
                  "entered", "USED", "used 1", "EXITING", "EXITED", "exited"));
}

// Each holder marks itself in and out.
TEST_F(NetworkGuaranteeTest, G5OneHolderAtATimeAndTokensOnlyGrow) {
  constexpr int kHolders = 8;
  std::atomic<int> inside = 0;
  std::atomic<bool> overlapped = false;
  std::mutex mu;
  std::vector<std::uint64_t> tokens;
  std::vector<std::future<void>> holders;
  for (int i = 0; i < kHolders; ++i) {
    holders.push_back(std::async(std::launch::async, [&] {
      for (int round = 0; round < 10; ++round) {
        const auto lease = Acquire("hello");
        ASSERT_TRUE(lease.ok()) << lease.status();
        if (inside.fetch_add(1) != 0) overlapped = true;
        {
          const std::scoped_lock lock(mu);
          tokens.push_back(lease->fencing_token());
        }
        inside.fetch_sub(1);
        ASSERT_TRUE(Release(lease->lease_id()).ok());
      }
    }));
  }
  for (auto& holder : holders) holder.get();
  EXPECT_FALSE(overlapped);
  ASSERT_EQ(tokens.size(), kHolders * 10);
  for (std::size_t i = 1; i < tokens.size(); ++i) {
    EXPECT_LT(tokens[i - 1], tokens[i]);
  }
}

TEST_F(NetworkGuaranteeTest, G9ARetriedAcquireGetsTheSameLease) {
  v1::AcquireRequest request;
  request.set_resource("hello");
  request.set_request_id("c0ffee00-0000-4000-8000-000000000001");
  const auto first = Acquire(request);
  const auto again = Acquire(request);
  ASSERT_TRUE(first.ok()) << first.status();
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(first->lease_id(), again->lease_id());
  request.mutable_ttl()->set_seconds(7);
  EXPECT_THAT(Acquire(request).status(),
              Fails(StatusCode::kInvalidArgument, Reason::kRequestIdReused));
}

TEST_F(NetworkGuaranteeTest, G9ASecondReleaseAnswersWithTheFirstsReceipt) {
  const auto lease = Acquire("hello");
  ASSERT_TRUE(lease.ok()) << lease.status();
  v1::ReleaseRequest failed;
  failed.set_lease_id(lease->lease_id());
  failed.set_outcome(v1::ReleaseRequest::OUTCOME_ERROR);
  failed.mutable_error()->set_code(2);
  const auto first = Release(failed);
  const auto second = Release(lease->lease_id());
  ASSERT_TRUE(first.ok()) << first.status();
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_EQ(first->reason(), v1::EXIT_REASON_BODY_FAILED);
  EXPECT_EQ(first->SerializeAsString(), second->SerializeAsString());
}

}  // namespace
}  // namespace anteroom::service
