// disconnect_grace: a scope outlives its stream, and another stream resumes it.
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/service/scope_client.h"
#include "tests/service/service_test.h"

namespace anteroom::service {
namespace {

using absl::StatusCode;
using ::testing::ElementsAre;

constexpr absl::Duration kGrace = absl::Minutes(1);
constexpr char kRequestId[] = "c0ffee00-0000-4000-8000-000000000002";

constexpr char kConfig[] = R"pb(
  resources {
    name: "hello"
    hello {}
  }
  resources {
    name: "brief"
    policy { max_disconnect_grace { nanos: 1000000 } }
    hello {}
  }
  resources {
    name: "never"
    hello { init_takes { seconds: 3600 } }
  }
)pb";

class ResumeTest : public ServiceTest {
 protected:
  ResumeTest() : ServiceTest(kConfig) {}

  // As a client whose connection broke: it hears nothing more.
  static void Break(ScopeClient& scope) {
    scope.Cancel();
    (void)scope.Finish();
  }
};

TEST_F(ResumeTest, AUseThatRanWhileNobodyWasThereAnswersTheNextStream) {
  ScopeClient first(*stub_);
  first.SendAcquire("hello", kGrace);
  const v1::Lease lease = first.AwaitEntered();
  first.SendUse(1, "sleep", "0.05");
  AwaitPhase("hello", v1::LifecycleEvent::PHASE_USED);
  Break(first);

  ScopeClient second(*stub_);
  second.SendResume(lease.lease_id(), first.last_sequence(), {1});
  EXPECT_EQ(second.AwaitEntered().lease_id(), lease.lease_id());
  EXPECT_EQ(second.AwaitUsed().call_id(), 1);
  second.SendUse(2, "a_method");
  EXPECT_EQ(second.AwaitUsed().result().data(), "\"a_method\"");
  second.SendRelease();
  EXPECT_EQ(second.AwaitExited().reason(), v1::EXIT_REASON_RELEASED);
  EXPECT_TRUE(second.Finish().ok());
}

TEST_F(ResumeTest, EventsThatTheFirstStreamHadAreNotToldAgain) {
  ScopeClient first(*stub_);
  first.SendAcquire("hello", kGrace);
  const v1::Lease lease = first.AwaitEntered();
  first.SendUse(1, "a_method");
  first.AwaitUsed();
  first.SendAck(1);
  Break(first);
  ScopeClient second(*stub_);
  second.SendResume(lease.lease_id(), first.last_sequence(), {});
  second.AwaitEntered();
  second.SendRelease();
  second.AwaitExited();
  EXPECT_THAT(second.received(),
              ElementsAre("entered", "EXITING", "EXITED", "exited"));
}

TEST_F(ResumeTest, MaxDisconnectGraceOverTheLeaseEndsWithDisconnected) {
  ScopeClient first(*stub_);
  first.SendAcquire("brief", kGrace);  // clamped to a millisecond
  const v1::Lease lease = first.AwaitEntered();
  Break(first);
  AwaitPhase("brief", v1::LifecycleEvent::PHASE_EXITED);
  ScopeClient second(*stub_);
  second.SendResume(lease.lease_id(), 0, {});
  const absl::Status late = second.Finish();
  EXPECT_THAT(late,
              Fails(StatusCode::kFailedPrecondition, Reason::kLeaseEnded));
}

TEST_F(ResumeTest, TheLaterOfTwoStreamsWinsAndTheEarlierIsSuperseded) {
  ScopeClient first(*stub_);
  first.SendAcquire("hello", kGrace);
  const v1::Lease lease = first.AwaitEntered();
  ScopeClient second(*stub_);
  second.SendResume(lease.lease_id(), 0, {});
  second.AwaitEntered();
  EXPECT_THAT(first.Finish(), Fails(StatusCode::kAborted, Reason::kSuperseded));
  second.SendRelease();
  EXPECT_EQ(second.AwaitExited().reason(), v1::EXIT_REASON_RELEASED);
}

TEST_F(ResumeTest, BeforeEnteredTheSameAcquireResumes) {
  ScopeClient first(*stub_);
  first.SendAcquire("never", kGrace, kRequestId);
  AwaitPhase("never", v1::LifecycleEvent::PHASE_INITIALIZING);
  Break(first);
  ScopeClient second(*stub_);
  second.SendAcquire("never", kGrace, kRequestId);
  second.AwaitEvent(v1::LifecycleEvent::PHASE_INITIALIZING);
  ScopeClient third(*stub_);
  third.SendAcquire("never", kGrace, kRequestId);
  EXPECT_THAT(second.Finish(),
              Fails(StatusCode::kAborted, Reason::kSuperseded));
  EXPECT_EQ(pool("never").counts().instances, 1);
}

TEST_F(ResumeTest, ARequestIdWithOtherArgumentsIsRefused) {
  ScopeClient first(*stub_);
  first.SendAcquire("hello", kGrace, kRequestId);
  first.AwaitEntered();
  ScopeClient second(*stub_);
  second.SendAcquire("hello", kGrace * 2, kRequestId);
  EXPECT_THAT(second.Finish(),
              Fails(StatusCode::kInvalidArgument, Reason::kRequestIdReused));
}

TEST_F(ResumeTest, ARequestIdOfAScopeIsNoneOfAUnaryAcquire) {
  ScopeClient first(*stub_);
  first.SendAcquire("hello", absl::ZeroDuration(), kRequestId);
  first.AwaitEntered();
  v1::AcquireRequest unary;
  unary.set_resource("hello");
  unary.set_request_id(kRequestId);
  EXPECT_THAT(Acquire(unary).status(),
              Fails(StatusCode::kInvalidArgument, Reason::kRequestIdReused));
}

TEST_F(ResumeTest, AnEndThatNobodyHeardIsToldToWhoResumes) {
  ScopeClient first(*stub_);
  first.SendAcquire("hello", kGrace);
  const v1::Lease lease = first.AwaitEntered();
  Break(first);
  ASSERT_TRUE(Release(lease.lease_id()).ok());  // by a unary call
  ScopeClient second(*stub_);
  second.SendResume(lease.lease_id(), first.last_sequence(), {});
  EXPECT_EQ(second.AwaitExited().reason(), v1::EXIT_REASON_RELEASED);
  EXPECT_TRUE(second.Finish().ok());
  EXPECT_THAT(second.received(),
              ElementsAre("entered", "EXITING", "EXITED", "exited"));
}

TEST_F(ResumeTest, BadResumes) {
  const auto resume = [&](const std::string& lease_id) {
    ScopeClient scope(*stub_);
    scope.SendResume(lease_id, 0, {});
    return scope.Finish();
  };
  EXPECT_THAT(resume(""),
              Fails(StatusCode::kInvalidArgument, Reason::kInvalidRequest));
  EXPECT_THAT(resume("garbage"),
              Fails(StatusCode::kNotFound, Reason::kLeaseNotFound));
  const auto unary = Acquire("hello");
  ASSERT_TRUE(unary.ok()) << unary.status();
  EXPECT_THAT(resume(unary->lease_id()),
              Fails(StatusCode::kInvalidArgument, Reason::kInvalidRequest));
}

TEST_F(ResumeTest, ADrainEndsAScopeThatWaitsForItsClient) {
  ScopeClient first(*stub_);
  first.SendAcquire("hello", kGrace);
  first.AwaitEntered();
  Break(first);
  Drain();  // and checks that nothing is left
  EXPECT_EQ(built_.anteroom->scopes().size(), 0);
}

TEST_F(ResumeTest, AUnaryAcquireHasNoGrace) {
  v1::AcquireRequest request;
  request.set_resource("hello");
  request.mutable_disconnect_grace()->set_seconds(1);
  EXPECT_THAT(Acquire(request).status(),
              Fails(StatusCode::kInvalidArgument, Reason::kInvalidRequest));
}

}  // namespace
}  // namespace anteroom::service
