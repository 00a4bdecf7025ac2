// With: the scope is the stream.
#include <future>
#include <string>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/rpc/status.h"
#include "tests/service/scope_client.h"
#include "tests/service/service_test.h"

namespace anteroom::service {
namespace {

using absl::StatusCode;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Not;

constexpr char kConfig[] = R"pb(
  resources {
    name: "brief-grace"
    policy { use_grace { nanos: 1000000 } }
    hello {}
  }
  resources {
    name: "hello"
    hello {}
  }
  resources {
    name: "slow"
    hello { init_takes { nanos: 50000000 } }
  }
  resources {
    name: "progress"
    hello {
      init_takes { nanos: 4000000 }
      progress_steps: 2
    }
  }
  resources {
    name: "fails"
    hello { init_fails: 1 }
  }
  resources {
    name: "suppresses"
    hello { suppress: true }
  }
  resources {
    name: "never"
    hello { init_takes { seconds: 3600 } }
  }
)pb";

class WithTest : public ServiceTest {
 protected:
  WithTest() : ServiceTest(kConfig) {}

  v1::ExitReason ReasonOf(const std::string& lease_id) {
    const auto lease = GetLease(lease_id);
    EXPECT_TRUE(lease.ok()) << lease.status();
    return lease.ok() ? lease->receipt().reason() : v1::EXIT_REASON_UNSPECIFIED;
  }
};

TEST_F(WithTest, WhatIsSentBeforeEnteredQueuesUp) {
  ScopeClient scope(*stub_);
  scope.SendAcquire("slow");
  scope.SendUse(7, "a_method");
  scope.SendRelease();
  EXPECT_EQ(scope.AwaitUsed().result().data(), "\"a_method\"");
  EXPECT_EQ(scope.AwaitExited().reason(), v1::EXIT_REASON_RELEASED);
  EXPECT_TRUE(scope.Finish().ok());
  EXPECT_THAT(
      scope.received(),
      ElementsAre("CONSTRUCTED", "ENTERING", "INITIALIZING", "READY", "ENTERED",
                  "entered", "USED", "used 7", "EXITING", "EXITED", "exited"));
}

TEST_F(WithTest, UsesRunSideBySide) {
  ScopeClient scope(*stub_);
  scope.SendAcquire("hello");
  scope.AwaitEntered();
  scope.SendUse(1, "sleep", "3600");
  scope.SendUse(2, "a_method");
  EXPECT_EQ(scope.AwaitUsed().call_id(), 2);
  scope.SendCancel(1);
  const v1::UseReply cancelled = scope.AwaitUsed();
  EXPECT_EQ(cancelled.call_id(), 1);
  EXPECT_EQ(cancelled.error().code(), 1);  // CANCELLED
}

TEST_F(WithTest, ALiveCallIdAgainIsInvalid) {
  ScopeClient scope(*stub_);
  scope.SendAcquire("hello");
  scope.AwaitEntered();
  scope.SendUse(1, "sleep", "3600");
  scope.SendUse(1, "a_method");
  EXPECT_THAT(rpc::FromProto(scope.AwaitUsed().error()),
              Fails(StatusCode::kInvalidArgument, Reason::kInvalidRequest));
}

TEST_F(WithTest, AMethodsErrorIsItsReplyAndTheScopeGoesOn) {
  ScopeClient scope(*stub_);
  scope.SendAcquire("hello");
  scope.AwaitEntered();
  scope.SendUse(1, "fail", "\"NOT_FOUND\"");
  EXPECT_THAT(rpc::FromProto(scope.AwaitUsed().error()),
              Fails(StatusCode::kNotFound, Reason::kUseFailed));
  scope.SendUse(2, "dance");
  EXPECT_THAT(rpc::FromProto(scope.AwaitUsed().error()),
              Fails(StatusCode::kUnimplemented, Reason::kMethodNotFound));
  scope.SendUse(3, "a_method");
  EXPECT_TRUE(scope.AwaitUsed().has_result());
}

TEST_F(WithTest, ThousandsOfUsesAreAllAnsweredInOrder) {
  ScopeClient scope(*stub_);
  scope.SendAcquire("hello");
  for (int i = 1; i <= 3000; ++i) {
    scope.SendUse(i, "echo", std::to_string(i));
    // Not all sent before any is read: both ends have bounded windows.
    if (i > 500) ASSERT_EQ(scope.AwaitUsed().call_id(), i - 500);
  }
  for (int i = 2501; i <= 3000; ++i) {
    ASSERT_EQ(scope.AwaitUsed().result().data(), std::to_string(i));
  }
}

TEST_F(WithTest, AReleaseIsHeardHoweverManyUsesRun) {
  ScopeClient scope(*stub_);
  scope.SendAcquire("brief-grace");
  scope.AwaitEntered();
  for (int i = 1; i <= 1000; ++i) scope.SendUse(i, "sleep", "3600");
  scope.SendUse(1001, "a_method");
  const v1::UseReply refused = scope.AwaitUsed();
  EXPECT_EQ(refused.call_id(), 1001);
  EXPECT_THAT(rpc::FromProto(refused.error()),
              Fails(StatusCode::kResourceExhausted, Reason::kQuotaExceeded));
  scope.SendCancel(7);
  EXPECT_EQ(scope.AwaitUsed().call_id(), 7);
  scope.SendRelease();
  EXPECT_EQ(scope.AwaitExited().reason(), v1::EXIT_REASON_RELEASED);
}

TEST_F(WithTest, MoreThanTheBoundsIsServedToAClientThatReads) {
  ScopeClient scope(*stub_);
  scope.SendAcquire("hello");
  scope.AwaitEntered();
  const std::string megabyte(1 << 20, 'x');
  std::future<void> writer = std::async(std::launch::async, [&] {
    for (int i = 1; i <= 100; ++i) scope.SendUse(i, "echo", megabyte);
  });
  for (int i = 1; i <= 100; ++i) {
    ASSERT_EQ(scope.AwaitUsed().result().data().size(), megabyte.size());
  }
  writer.get();
}

TEST_F(WithTest, UnaryCallsMayUseItsLease) {
  ScopeClient scope(*stub_);
  scope.SendAcquire("hello");
  const v1::Lease lease = scope.AwaitEntered();
  EXPECT_FALSE(lease.has_ttl());
  EXPECT_FALSE(lease.has_expire_time());
  EXPECT_EQ(*Use(lease.lease_id(), "a_method"), "\"a_method\"");
  ASSERT_TRUE(Release(lease.lease_id()).ok());
  // The scope hears that others ended it.
  EXPECT_EQ(scope.AwaitExited().reason(), v1::EXIT_REASON_RELEASED);
  EXPECT_TRUE(scope.Finish().ok());
}

TEST_F(WithTest, AUseAfterReleaseIsLeaseEnded) {
  ScopeClient scope(*stub_);
  scope.SendAcquire("hello");
  scope.AwaitEntered();
  scope.SendUse(1, "sleep", "0.05");  // keeps the scope open
  scope.SendRelease();
  scope.SendUse(2, "a_method");
  const v1::UseReply refused = scope.AwaitUsed();
  EXPECT_EQ(refused.call_id(), 2);
  EXPECT_THAT(rpc::FromProto(refused.error()),
              Fails(StatusCode::kFailedPrecondition, Reason::kLeaseEnded));
}

TEST_F(WithTest, TheBodysErrorReachesExit) {
  ScopeClient scope(*stub_);
  scope.SendAcquire("suppresses");
  scope.AwaitEntered();
  v1::ReleaseRequest release;
  release.set_outcome(v1::ReleaseRequest::OUTCOME_ERROR);
  release.mutable_error()->set_code(2);
  release.mutable_error()->set_message("ValueError: x");
  scope.SendRelease(release);
  const v1::Receipt receipt = scope.AwaitExited();
  EXPECT_EQ(receipt.reason(), v1::EXIT_REASON_BODY_FAILED);
  EXPECT_TRUE(receipt.error_suppressed());
}

TEST_F(WithTest, AHalfCloseWithoutReleaseIsADisconnect) {
  ScopeClient scope(*stub_);
  scope.SendAcquire("hello");
  const v1::Lease lease = scope.AwaitEntered();
  scope.HalfClose();
  EXPECT_EQ(scope.AwaitExited().reason(), v1::EXIT_REASON_DISCONNECTED);
  EXPECT_TRUE(scope.Finish().ok());
}

TEST_F(WithTest, ACancelledStreamIsADisconnectThatCancelsItsUses) {
  ScopeClient scope(*stub_);
  scope.SendAcquire("hello");
  const v1::Lease lease = scope.AwaitEntered();
  scope.SendUse(1, "sleep", "3600");
  AwaitPhase("hello", v1::LifecycleEvent::PHASE_ENTERED);
  scope.Cancel();
  AwaitPhase("hello", v1::LifecycleEvent::PHASE_CLOSED);
  EXPECT_EQ(ReasonOf(lease.lease_id()), v1::EXIT_REASON_DISCONNECTED);
}

TEST_F(WithTest, ADeadlineBoundsTheWholeScope) {
  ScopeClient scope(*stub_, absl::Milliseconds(300));
  scope.SendAcquire("hello");
  const v1::Lease lease = scope.AwaitEntered();
  EXPECT_EQ(scope.Finish().code(), StatusCode::kDeadlineExceeded);
  AwaitPhase("hello", v1::LifecycleEvent::PHASE_CLOSED);
  EXPECT_EQ(ReasonOf(lease.lease_id()), v1::EXIT_REASON_DISCONNECTED);
}

TEST_F(WithTest, AStreamCancelledDuringInitLeavesNothing) {
  ScopeClient scope(*stub_);
  scope.SendAcquire("never");
  AwaitPhase("never", v1::LifecycleEvent::PHASE_INITIALIZING);
  scope.Cancel();
  AwaitPhase("never", v1::LifecycleEvent::PHASE_CLOSED);
}

TEST_F(WithTest, AFailedInitIsTheStreamsStatus) {
  ScopeClient scope(*stub_);
  scope.SendAcquire("fails");
  EXPECT_THAT(scope.Finish(),
              Fails(StatusCode::kUnavailable, Reason::kInitFailed));
  EXPECT_THAT(scope.received(), Contains("FAILED"));
  EXPECT_THAT(scope.received(), Not(Contains("entered")));
}

TEST_F(WithTest, ProgressIsToldToWhoWaitsForIt) {
  ScopeClient scope(*stub_);
  scope.SendAcquire("progress");
  scope.AwaitEntered();
  EXPECT_THAT(scope.received(),
              ElementsAre("CONSTRUCTED", "ENTERING", "INITIALIZING", "PROGRESS",
                          "PROGRESS", "READY", "ENTERED", "entered"));
}

TEST_F(WithTest, WhoQueuesIsToldItsPlace) {
  const auto held = Acquire("hello");
  ASSERT_TRUE(held.ok()) << held.status();
  ScopeClient scope(*stub_);
  scope.SendAcquire("hello");
  AwaitPhase("hello", v1::LifecycleEvent::PHASE_WAITING);
  ASSERT_TRUE(Release(held->lease_id()).ok());
  scope.AwaitEntered();
  EXPECT_EQ(scope.received().front(), "WAITING");
}

TEST_F(WithTest, WithoutEventsThereAreOnlyReplies) {
  ScopeClient scope(*stub_);
  v1::WithRequest request;
  request.mutable_acquire()->set_resource("hello");
  request.mutable_acquire()->set_events(v1::AcquireRequest::EVENTS_NONE);
  scope.Send(request);
  scope.SendUse(1, "a_method");
  scope.SendRelease();
  EXPECT_TRUE(scope.Finish().ok());
  EXPECT_THAT(scope.received(), ElementsAre("entered", "used 1", "exited"));
}

TEST_F(WithTest, AnotherHoldersEventsAreNotToldToIt) {
  ScopeClient scope(*stub_);
  scope.SendAcquire("hello");
  scope.AwaitEntered();
  const auto other = Acquire("slow");
  ASSERT_TRUE(other.ok()) << other.status();
  ASSERT_TRUE(Release(other->lease_id()).ok());
  scope.SendRelease();
  EXPECT_TRUE(scope.Finish().ok());
  EXPECT_THAT(scope.received(),
              ElementsAre("CONSTRUCTED", "ENTERING", "INITIALIZING", "READY",
                          "ENTERED", "entered", "EXITING", "EXITED", "exited"));
}

TEST_F(WithTest, ADrainEndsTheScopeWithDrained) {
  ScopeClient scope(*stub_);
  scope.SendAcquire("hello");
  scope.AwaitEntered();
  std::future<void> drain = std::async(std::launch::async, [this] { Drain(); });
  EXPECT_EQ(scope.AwaitExited().reason(), v1::EXIT_REASON_DRAINED);
  EXPECT_TRUE(scope.Finish().ok());
  drain.get();
}

}  // namespace
}  // namespace anteroom::service
