// What an operator does: revoke, evict, drain.
#include <chrono>
#include <future>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/rpc/raw_call.h"
#include "tests/service/admin_base.h"
#include "tests/service/scope_client.h"

namespace anteroom::service {
namespace {

using absl::StatusCode;
using ::testing::Contains;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr char kConfig[] = R"pb(
  resources {
    name: "one"
    hello {}
  }
  resources {
    name: "kept"
    policy { idle_timeout { seconds: 3600 } }
    hello {}
  }
  resources {
    name: "notice"
    policy { revoke_notice { seconds: 3600 } }
    hello {}
  }
  resources {
    name: "long-exit"
    hello { exit_takes { seconds: 2 } }
  }
  resources {
    name: "endless-init"
    hello {
      style: STYLE_AWAITABLE
      init_takes { seconds: 3600 }
    }
  }
  resources {
    name: "endless-enter"
    hello { init_takes { seconds: 3600 } }
  }
  resources {
    name: "gradual"
    policy { idle_timeout { seconds: 3600 } }
    hello { init_takes { nanos: 300000000 } }
  }
  drain_timeout { nanos: 100000000 }
)pb";

class AdminActsTest : public AdminTest {
 protected:
  AdminActsTest() : AdminTest(kConfig) {}

  // The lease of the With call of `client`, held.
  v1::Lease Enter(ScopeClient& client, const std::string& resource) {
    client.SendAcquire(resource);
    const v1::Lease lease = client.AwaitEntered();
    KeepSecret(lease.lease_id());
    return lease;
  }
  absl::StatusOr<v1::RevokeLeaseResponse> Revoke(const std::string& name,
                                                 const std::string& more = "") {
    return Ask(&Stub::RevokeLease, absl::StrCat("name: '", name, "' ", more));
  }
  absl::StatusOr<v1::EvictInstanceResponse> Evict(const std::string& id) {
    return Ask(&Stub::EvictInstance, absl::StrCat("instance_id: '", id, "'"));
  }
  absl::StatusOr<bool> DrainOf(const std::string& textproto) {
    const auto drained = Ask(&Stub::Drain, textproto);
    if (!drained.ok()) return drained.status();
    return drained->forced();
  }
  // See server_test.cc.
  std::string Health() {
    testing::RawCall call(channel_, "/grpc.health.v1.Health/Check");
    call.Write("");
    call.HalfClose();
    return call.Read().value_or("no answer");
  }
};

// ---- RevokeLease ----

TEST_F(AdminActsTest, AHolderIsToldOfARevocationAndWhenItWillBe) {
  ScopeClient client(*stub_);
  const v1::Lease lease = Enter(client, "one");
  const auto revoked = Revoke(lease.name(), "notice { seconds: 3600 }");
  ASSERT_TRUE(revoked.ok()) << revoked.status();
  EXPECT_EQ(revoked->lease().name(), lease.name());
  EXPECT_EQ(revoked->lease().lease_id(), "");
  EXPECT_EQ(revoked->lease().state(), v1::Lease::STATE_HELD);
  const std::int64_t when = revoked->lease().revoke_time().seconds();
  const std::int64_t in_an_hour = absl::ToUnixSeconds(absl::Now()) + 3600;
  EXPECT_NEAR(when, in_an_hour, 60);

  const auto renewed = Renew(lease.lease_id());
  ASSERT_TRUE(renewed.ok()) << renewed.status();
  EXPECT_NEAR(renewed->revoke_time().seconds(), when, 1);
  const v1::LifecycleEvent told =
      AwaitPhase("one", v1::LifecycleEvent::PHASE_REVOKING);
  EXPECT_EQ(told.lease_name(), lease.name());
  EXPECT_NEAR(told.deadline().seconds(), when, 1);

  // A later end does not put the first off; an earlier one brings it forward.
  const auto later = Revoke(lease.name(), "notice { seconds: 7200 }");
  ASSERT_TRUE(later.ok()) << later.status();
  EXPECT_NEAR(later->lease().revoke_time().seconds(), when, 1);
  const auto now = Revoke(lease.name(), "notice {}");
  ASSERT_TRUE(now.ok()) << now.status();
  EXPECT_NEAR(now->lease().revoke_time().seconds(), when - 3600, 60);
  EXPECT_EQ(client.AwaitExited().reason(), v1::EXIT_REASON_REVOKED);
  EXPECT_THAT(client.received(), Contains("REVOKING"));
}

TEST_F(AdminActsTest, ARevocationHasThePolicysNoticeUnlessItSaysOtherwise) {
  const v1::Lease lease = Hold("notice");
  const auto revoked = Revoke(lease.name());
  ASSERT_TRUE(revoked.ok()) << revoked.status();
  EXPECT_EQ(revoked->lease().state(), v1::Lease::STATE_HELD);
  EXPECT_NEAR(revoked->lease().revoke_time().seconds(),
              absl::ToUnixSeconds(absl::Now()) + 3600, 60);
  ASSERT_TRUE(Release(lease.lease_id()).ok());

  const v1::Lease other = Hold("one");  // whose policy grants none
  ASSERT_TRUE(Revoke(other.name()).ok());
  const auto receipt = Release(other.lease_id());
  ASSERT_TRUE(receipt.ok()) << receipt.status();
  EXPECT_EQ(receipt->reason(), v1::EXIT_REASON_REVOKED);
}

TEST_F(AdminActsTest, ALeaseThatIsExitingIsAnsweredAsItIs) {
  const v1::Lease lease = Hold("long-exit");
  const auto first = Revoke(lease.name(), "notice {}");
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_EQ(first->lease().state(), v1::Lease::STATE_EXITING);
  EXPECT_TRUE(first->lease().has_revoke_time());
  for (const char* const notice : {"", "notice {}", "notice { seconds: 60 }"}) {
    const auto again = Revoke(lease.name(), notice);
    ASSERT_TRUE(again.ok()) << again.status();
    EXPECT_EQ(again->lease().state(), v1::Lease::STATE_EXITING);
    EXPECT_FALSE(again->lease().has_revoke_time());
  }
  EXPECT_THAT(Leases("long-exit"), SizeIs(1));
  ASSERT_TRUE(Release(lease.lease_id()).ok());  // joins the exit
  EXPECT_THAT(Revoke(lease.name()).status(),
              Fails(StatusCode::kNotFound, Reason::kLeaseNotFound));
  EXPECT_THAT(Leases("long-exit"), IsEmpty());
}

TEST_F(AdminActsTest, WhoWaitsForALeaseThatIsTakenIsToldSo) {
  Hold("one");
  ScopeClient queued(*stub_);
  queued.SendAcquire("one");
  AwaitPhase("one", v1::LifecycleEvent::PHASE_WAITING);
  const std::vector<v1::Lease> leases = Leases("one");
  ASSERT_EQ(leases.at(0).state(), v1::Lease::STATE_WAITING);
  ASSERT_TRUE(Revoke(leases.at(0).name(), "notice { seconds: 60 }").ok());
  const absl::Status told = queued.Finish();
  EXPECT_THAT(told,
              Fails(StatusCode::kFailedPrecondition, Reason::kLeaseEnded));
  EXPECT_THAT(DetailOf(told).metadata,
              Contains(std::pair("exit_reason", "REVOKED")));
  EXPECT_THAT(Leases("one"), SizeIs(1));

  ScopeClient entering(*stub_);
  entering.SendAcquire("endless-enter");
  AwaitPhase("endless-enter", v1::LifecycleEvent::PHASE_INITIALIZING);
  const std::vector<v1::Lease> bound = Leases("endless-enter");
  ASSERT_EQ(bound.at(0).state(), v1::Lease::STATE_ENTERING);
  ASSERT_TRUE(Revoke(bound.at(0).name(), "notice { seconds: 60 }").ok());
  EXPECT_THAT(entering.Finish(),
              Fails(StatusCode::kFailedPrecondition, Reason::kLeaseEnded));
}

TEST_F(AdminActsTest, ARevocationThatCannotBeIsRefused) {
  EXPECT_THAT(StatusOf(&Stub::RevokeLease), RefusesField("name"));
  for (const char* const name : {"one/1", "none/1", "one", "/", "one/"}) {
    EXPECT_THAT(Revoke(name).status(),
                Fails(StatusCode::kNotFound, Reason::kLeaseNotFound))
        << name;
  }
  const v1::Lease lease = Hold("one");
  EXPECT_THAT(Revoke(lease.name(), "notice { seconds: -1 }").status(),
              RefusesField("notice"));
  EXPECT_THAT(Revoke(lease.lease_id()).status(),
              Fails(StatusCode::kNotFound, Reason::kLeaseNotFound));
  EXPECT_TRUE(Renew(lease.lease_id()).ok());
}

// ---- EvictInstance ----

TEST_F(AdminActsTest, AnIdleInstanceIsEvictedAtOnce) {
  const v1::Lease lease = Hold("kept");
  ASSERT_TRUE(Release(lease.lease_id()).ok());
  const auto evicted = Evict(lease.instance_id());
  ASSERT_TRUE(evicted.ok()) << evicted.status();
  EXPECT_EQ(evicted->instance().instance_id(), lease.instance_id());
  EXPECT_EQ(evicted->instance().state(), v1::Instance::STATE_CLOSING);
  AwaitPhase("kept", v1::LifecycleEvent::PHASE_CLOSED);
  EXPECT_THAT(Evict(lease.instance_id()).status(),
              Fails(StatusCode::kNotFound, Reason::kInstanceNotFound));
  EXPECT_NE(Hold("kept").instance_id(), lease.instance_id());
}

TEST_F(AdminActsTest, AHeldInstanceIsEvictedAfterItsLastExit) {
  const v1::Lease lease = Hold("kept");
  for (int i = 0; i < 2; ++i) {
    const auto evicted = Evict(lease.instance_id());
    ASSERT_TRUE(evicted.ok()) << evicted.status();
    EXPECT_EQ(evicted->instance().state(), v1::Instance::STATE_HELD);
    EXPECT_EQ(evicted->instance().holders(), 1);
  }
  EXPECT_TRUE(Use(lease.lease_id(), "a_method").ok());
  const auto receipt = Release(lease.lease_id());
  ASSERT_TRUE(receipt.ok()) << receipt.status();
  EXPECT_EQ(receipt->reason(), v1::EXIT_REASON_RELEASED);
  AwaitPhase("kept", v1::LifecycleEvent::PHASE_CLOSED);
}

TEST_F(AdminActsTest, AnInitThatNobodyHoldsTheInstanceForIsCancelled) {
  ScopeClient waiting(*stub_);
  waiting.SendAcquire("endless-init");
  AwaitPhase("endless-init", v1::LifecycleEvent::PHASE_INITIALIZING);
  const std::string first = Instances("endless-init").at(0).instance_id();
  ASSERT_TRUE(Evict(first).ok());
  AwaitPhase("endless-init", v1::LifecycleEvent::PHASE_CLOSED);
  // Who waits gets another.
  AwaitPhases("endless-init", v1::LifecycleEvent::PHASE_INITIALIZING, 2);
  const std::vector<v1::Instance> now = Instances("endless-init");
  ASSERT_THAT(now, SizeIs(1));
  EXPECT_NE(now[0].instance_id(), first);
  EXPECT_THAT(Leases("endless-init"), SizeIs(1));
}

TEST_F(AdminActsTest, AnInstanceThatIsInitializingForAHolderIsHeldOnceMore) {
  std::future<absl::StatusOr<v1::Lease>> holder =
      std::async(std::launch::async, [this] { return Acquire("gradual"); });
  AwaitPhase("gradual", v1::LifecycleEvent::PHASE_INITIALIZING);
  const auto evicted = Evict("gradual#1");
  ASSERT_TRUE(evicted.ok()) << evicted.status();
  EXPECT_EQ(evicted->instance().state(), v1::Instance::STATE_INITIALIZING);
  const absl::StatusOr<v1::Lease> lease = holder.get();
  ASSERT_TRUE(lease.ok()) << lease.status();
  EXPECT_EQ(lease->instance_id(), "gradual#1");
  ASSERT_TRUE(Release(lease->lease_id()).ok());
  AwaitPhase("gradual", v1::LifecycleEvent::PHASE_CLOSED);
}

TEST_F(AdminActsTest, AnInstanceThatIsNotThereIsNotFound) {
  EXPECT_THAT(StatusOf(&Stub::EvictInstance), RefusesField("instance_id"));
  for (const char* const id : {"one#1", "none#1", "one", "#", "one#x"}) {
    EXPECT_THAT(Evict(id).status(),
                Fails(StatusCode::kNotFound, Reason::kInstanceNotFound))
        << id;
  }
}

// ---- Drain ----

TEST_F(AdminActsTest, OneResourceDrainsWhileAnotherGoesOn) {
  const v1::Lease drained = Hold("kept");
  const v1::Lease other = Hold("one");
  EXPECT_THAT(DrainOf("resource: 'kept' timeout { seconds: 20 }"),
              ::testing::Eq(absl::StatusOr<bool>(false)));
  EXPECT_THAT(Instances("kept"), IsEmpty());
  EXPECT_THAT(Leases("kept"), IsEmpty());
  const auto receipt = Release(drained.lease_id());
  ASSERT_TRUE(receipt.ok()) << receipt.status();
  EXPECT_EQ(receipt->reason(), v1::EXIT_REASON_DRAINED);
  EXPECT_THAT(Acquire("kept").status(),
              Fails(StatusCode::kUnavailable, Reason::kDraining));

  EXPECT_TRUE(Use(other.lease_id(), "a_method").ok());
  ASSERT_TRUE(Release(other.lease_id()).ok());
  Hold("one");
  EXPECT_EQ(Health(), std::string("\x08\x01"));
}

TEST_F(AdminActsTest, ASecondDrainJoinsTheFirst) {
  ScopeClient client(*stub_);
  Enter(client, "notice");
  const auto drain = [this] {
    return DrainOf("resource: 'notice' timeout { seconds: 20 }");
  };
  std::future<absl::StatusOr<bool>> first =
      std::async(std::launch::async, drain);
  std::future<absl::StatusOr<bool>> second =
      std::async(std::launch::async, drain);
  AwaitPhase("notice", v1::LifecycleEvent::PHASE_REVOKING);
  client.SendRelease();
  EXPECT_EQ(client.AwaitExited().reason(), v1::EXIT_REASON_RELEASED);
  EXPECT_EQ(first.get(), absl::StatusOr<bool>(false));
  EXPECT_EQ(second.get(), absl::StatusOr<bool>(false));
  EXPECT_EQ(drain(), absl::StatusOr<bool>(false)) << "and once it is over";
}

TEST_F(AdminActsTest, ADrainIsForcedAtItsTimeoutWhateverAHookDoes) {
  const v1::Lease lease = Hold("long-exit");
  EXPECT_EQ(DrainOf("resource: 'long-exit' timeout { nanos: 50000000 }"),
            absl::StatusOr<bool>(true));
  EXPECT_EQ(Leases("long-exit").at(0).state(), v1::Lease::STATE_EXITING);
  EXPECT_EQ(DrainOf("resource: 'long-exit' timeout {}"),
            absl::StatusOr<bool>(true));
  const auto receipt = Release(lease.lease_id());
  ASSERT_TRUE(receipt.ok()) << receipt.status();
  EXPECT_EQ(receipt->reason(), v1::EXIT_REASON_DRAINED);
  EXPECT_EQ(DrainOf("resource: 'long-exit' timeout { seconds: 20 }"),
            absl::StatusOr<bool>(true))
      << "it is one drain";
}

TEST_F(AdminActsTest, ADrainHasTheConfiguredTimeoutUnlessItSaysOtherwise) {
  ScopeClient client(*stub_);
  Enter(client, "notice");  // of an hour
  EXPECT_EQ(DrainOf("resource: 'notice'"), absl::StatusOr<bool>(true));
  EXPECT_EQ(client.AwaitExited().reason(), v1::EXIT_REASON_DRAINED);
}

TEST_F(AdminActsTest, TheEndOfTheCallEndsTheWaitAndNotTheDrain) {
  ScopeClient client(*stub_);
  Enter(client, "notice");  // of an hour
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() +
                       std::chrono::milliseconds(100));
  v1::DrainRequest request;
  request.set_resource("notice");
  request.mutable_timeout()->set_nanos(300'000'000);
  v1::DrainResponse response;
  EXPECT_EQ(admin_->Drain(&context, request, &response).error_code(),
            grpc::StatusCode::DEADLINE_EXCEEDED);
  EXPECT_THAT(Acquire("notice").status(),
              Fails(StatusCode::kUnavailable, Reason::kDraining));
  // Its own timeout still holds.
  EXPECT_EQ(client.AwaitExited().reason(), v1::EXIT_REASON_DRAINED);
}

TEST_F(AdminActsTest, ADrainedServerSaysSoAndGoesOnAnswering) {
  const v1::Lease lease = Hold("one");
  EXPECT_EQ(Health(), std::string("\x08\x01"));
  EXPECT_EQ(DrainOf("timeout { seconds: 20 }"), absl::StatusOr<bool>(false));
  EXPECT_EQ(Health(), std::string("\x08\x02"));
  for (const std::string& resource : resources_) {
    EXPECT_THAT(Acquire(resource).status(),
                Fails(StatusCode::kUnavailable, Reason::kDraining))
        << resource;
  }
  EXPECT_THAT(Leases(""), IsEmpty());
  EXPECT_THAT(Instances(""), IsEmpty());
  const auto ended = GetLease(lease.lease_id());
  ASSERT_TRUE(ended.ok()) << ended.status();
  EXPECT_EQ(ended->receipt().reason(), v1::EXIT_REASON_DRAINED);
  EXPECT_EQ(DrainOf(""), absl::StatusOr<bool>(false));
}

TEST_F(AdminActsTest, ADrainThatCannotBeIsRefused) {
  EXPECT_THAT(DrainOf("resource: 'none'").status(),
              Fails(StatusCode::kNotFound, Reason::kResourceNotFound));
  EXPECT_THAT(DrainOf("timeout { seconds: -1 }").status(),
              RefusesField("timeout"));
  EXPECT_EQ(Health(), std::string("\x08\x01"));
  Hold("one");
}

}  // namespace
}  // namespace anteroom::service
