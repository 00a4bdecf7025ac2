// Batches: several requests, and several responses, in one message of a With
// stream.
#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/error/error.h"
#include "server/rpc/status.h"
#include "tests/service/scope_client.h"
#include "tests/service/service_test.h"

namespace anteroom::service {
namespace {

using absl::StatusCode;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::IsSupersetOf;

constexpr char kConfig[] = R"pb(
  resources {
    name: "hello"
    hello {}
  }
  resources {
    name: "kept"
    policy { idle_timeout { seconds: 3600 } }
    hello { style: STYLE_AWAITABLE }
  }
  resources {
    name: "never"
    hello { init_takes { seconds: 3600 } }
  }
)pb";

class BatchTest : public ServiceTest {
 protected:
  BatchTest() : ServiceTest(kConfig) {}

  static void SendAcquireWithoutEvents(ScopeClient& scope,
                                       const std::string& resource) {
    v1::WithRequest request;
    request.mutable_acquire()->set_resource(resource);
    request.mutable_acquire()->set_events(v1::AcquireRequest::EVENTS_NONE);
    scope.Send(request);
  }
  // A whole scope in one batch.
  static void SendScope(ScopeClient& scope, const std::string& resource) {
    scope.BeginBatch();
    SendAcquireWithoutEvents(scope, resource);
    scope.SendUse(1, "echo", "\"said\"");
    scope.SendRelease();
    scope.SendBatch();
  }
  static std::string FieldOf(const absl::Status& status) {
    EXPECT_THAT(status,
                Fails(StatusCode::kInvalidArgument, Reason::kInvalidRequest));
    const ErrorDetail detail = DetailOf(status);
    return detail.field_violations.empty()
               ? ""
               : detail.field_violations.front().first;
  }
  // Which request of a batch the error is of; empty: it does not say.
  static std::string IndexOf(const absl::Status& status) {
    for (const auto& [key, value] : DetailOf(status).metadata) {
      if (key == "batch_index") return value;
    }
    return "";
  }
};

TEST_F(BatchTest, AWholeScopeIsOneMessageEachWay) {
  {
    ScopeClient first(*stub_);  // its object is made, and kept
    SendScope(first, "kept");
    EXPECT_TRUE(first.Finish().ok());
  }
  ScopeClient scope(*stub_);
  SendScope(scope, "kept");
  EXPECT_EQ(scope.AwaitUsed().result().data(), "\"said\"");
  EXPECT_EQ(scope.AwaitExited().reason(), v1::EXIT_REASON_RELEASED);
  EXPECT_TRUE(scope.Finish().ok());
  EXPECT_THAT(scope.received(), ElementsAre("entered", "used 1", "exited"));
  EXPECT_EQ(scope.messages(), 1);
}

TEST_F(BatchTest, ItsEventsAreInOrderWithItsReplies) {
  ScopeClient scope(*stub_);
  scope.BeginBatch();
  scope.SendAcquire("hello");
  scope.SendUse(7, "a_method");
  scope.SendRelease();
  scope.SendBatch();
  EXPECT_TRUE(scope.Finish().ok());
  EXPECT_THAT(
      scope.received(),
      ElementsAre("CONSTRUCTED", "ENTERING", "INITIALIZING", "READY", "ENTERED",
                  "entered", "USED", "used 7", "EXITING", "EXITED", "exited"));
  EXPECT_GT(scope.batches(), 0);
}

TEST_F(BatchTest, WhoSendsNoneReceivesNone) {
  ScopeClient scope(*stub_);
  scope.SendAcquire("hello");
  scope.SendUse(1, "a_method");
  scope.SendRelease();
  EXPECT_TRUE(scope.Finish().ok());
  EXPECT_EQ(scope.batches(), 0);
}

TEST_F(BatchTest, BatchesOfUsesAreAllAnsweredInOrder) {
  constexpr int kUses = 1000;
  ScopeClient scope(*stub_);
  SendAcquireWithoutEvents(scope, "hello");
  scope.AwaitEntered();
  for (int i = 1; i <= kUses; ++i) {
    if (i % 100 == 1) scope.BeginBatch();
    scope.SendUse(i, "echo", absl::StrCat(i));
    if (i % 100 == 0) scope.SendBatch();
  }
  for (int i = 1; i <= kUses; ++i) {
    const v1::UseReply used = scope.AwaitUsed();
    ASSERT_EQ(used.call_id(), i);
    ASSERT_EQ(used.result().data(), absl::StrCat(i));
  }
  scope.SendRelease();
  EXPECT_EQ(scope.AwaitExited().reason(), v1::EXIT_REASON_RELEASED);
  EXPECT_TRUE(scope.Finish().ok());
  EXPECT_LT(scope.messages(), kUses / 2);
}

TEST_F(BatchTest, WhatIsLargeComesByItself) {
  const std::string large(40'000, 'x');  // two exceed a batch
  ScopeClient scope(*stub_);
  SendAcquireWithoutEvents(scope, "hello");
  scope.AwaitEntered();
  scope.BeginBatch();
  scope.SendUse(1, "echo", large);
  scope.SendUse(2, "echo", large);
  scope.SendBatch();
  EXPECT_EQ(scope.AwaitUsed().result().data(), large);
  EXPECT_EQ(scope.AwaitUsed().result().data(), large);
  EXPECT_EQ(scope.batches(), 0);
}

TEST_F(BatchTest, WhatIsLargeComesAfterThoseBeforeItAndBeforeThoseAfterIt) {
  const std::string larger(100'000, 'x');
  ScopeClient scope(*stub_);
  SendAcquireWithoutEvents(scope, "kept");
  scope.AwaitEntered();
  scope.BeginBatch();
  for (int i = 1; i <= 5; ++i) {
    scope.SendUse(i, "echo", i == 3 ? larger : absl::StrCat(i));
  }
  scope.SendBatch();
  for (int i = 1; i <= 5; ++i) EXPECT_EQ(scope.AwaitUsed().call_id(), i);
  EXPECT_EQ(scope.batches(), 2);
}

TEST_F(BatchTest, ItMayCancelAndAcknowledgeAndBeTheLast) {
  ScopeClient scope(*stub_);
  scope.SendAcquire("kept", absl::Seconds(60));
  scope.AwaitEntered();
  scope.SendUse(1, "sleep", "3600");
  scope.SendUse(2, "echo", "2");
  EXPECT_EQ(scope.AwaitUsed().call_id(), 2);
  scope.BeginBatch();
  scope.SendCancel(1);
  scope.SendAck(2);
  scope.SendUse(3, "echo", "3");
  scope.SendRelease();
  scope.SendBatch();
  scope.HalfClose();
  EXPECT_EQ(scope.AwaitExited().reason(), v1::EXIT_REASON_RELEASED);
  EXPECT_TRUE(scope.Finish().ok());
  EXPECT_THAT(scope.received(), IsSupersetOf({"used 1", "used 3", "exited"}));
}

TEST_F(BatchTest, AHalfCloseBehindOneWithoutReleaseIsADisconnect) {
  ScopeClient scope(*stub_);
  scope.BeginBatch();
  SendAcquireWithoutEvents(scope, "hello");
  scope.SendUse(1, "echo", "1");
  scope.SendBatch();
  scope.HalfClose();
  EXPECT_EQ(scope.AwaitUsed().result().data(), "1");
  EXPECT_EQ(scope.AwaitExited().reason(), v1::EXIT_REASON_DISCONNECTED);
}

TEST_F(BatchTest, AnAcquireThatJoinsItsScopeBringsItsCallsAlong) {
  const std::string request_id = "0123456789abcdef";
  ScopeClient first(*stub_);
  first.SendAcquire("kept", absl::Seconds(60), request_id);
  const v1::Lease lease = first.AwaitEntered();
  ScopeClient second(*stub_);
  second.BeginBatch();
  second.SendAcquire("kept", absl::Seconds(60), request_id);
  second.SendUse(1, "echo", "1");
  second.SendRelease();
  second.SendBatch();
  EXPECT_EQ(second.AwaitEntered().lease_id(), lease.lease_id());
  EXPECT_EQ(second.AwaitUsed().result().data(), "1");
  EXPECT_EQ(second.AwaitExited().reason(), v1::EXIT_REASON_RELEASED);
  EXPECT_TRUE(second.Finish().ok());
}

TEST_F(BatchTest, AReleaseInItDoesNotWaitForADeferredInit) {
  ScopeClient scope(*stub_);
  scope.BeginBatch();
  v1::WithRequest request;
  request.mutable_acquire()->set_resource("never");
  request.mutable_acquire()->set_readiness(
      v1::AcquireRequest::READINESS_DEFERRED);
  scope.Send(request);
  scope.SendUse(1, "a_method");
  scope.SendRelease();
  scope.SendBatch();
  EXPECT_THAT(rpc::FromProto(scope.AwaitUsed().error()),
              Fails(StatusCode::kFailedPrecondition, Reason::kLeaseEnded));
  EXPECT_EQ(scope.AwaitExited().reason(), v1::EXIT_REASON_RELEASED);
}

TEST_F(BatchTest, WithARefusedResumeItIsForgotten) {
  ScopeClient scope(*stub_);
  scope.BeginBatch();
  scope.SendResume("0123456789abcdef0123456789abcdef", 0, {});
  scope.SendUse(1, "a_method");
  scope.SendBatch();
  EXPECT_THAT(scope.Finish(),
              Fails(StatusCode::kNotFound, Reason::kLeaseNotFound));
  EXPECT_THAT(scope.received(), IsEmpty());
}

TEST_F(BatchTest, AResumeBringsItsCallsAlong) {
  ScopeClient first(*stub_);
  first.SendAcquire("hello", absl::Seconds(60));
  const v1::Lease lease = first.AwaitEntered();
  ScopeClient second(*stub_);
  second.BeginBatch();
  second.SendResume(lease.lease_id(), first.last_sequence(), {});
  second.SendUse(1, "a_method");
  second.SendRelease();
  second.SendBatch();
  EXPECT_THAT(first.Finish(), Fails(StatusCode::kAborted, Reason::kSuperseded));
  EXPECT_EQ(second.AwaitEntered().lease_id(), lease.lease_id());
  EXPECT_EQ(second.AwaitUsed().result().data(), "\"a_method\"");
  EXPECT_EQ(second.AwaitExited().reason(), v1::EXIT_REASON_RELEASED);
  EXPECT_TRUE(second.Finish().ok());
}

TEST_F(BatchTest, WhatIsNoRequestEndsTheScopeForThoseAfterIt) {
  ScopeClient scope(*stub_);
  SendAcquireWithoutEvents(scope, "kept");
  const v1::Lease lease = scope.AwaitEntered();
  scope.BeginBatch();
  scope.SendUse(1, "echo", "1");
  scope.Send(v1::WithRequest());
  scope.SendUse(2, "echo", "2");
  scope.SendBatch();
  std::map<std::uint64_t, v1::UseReply> used;
  for (int i = 0; i < 2; ++i) {
    v1::UseReply reply = scope.AwaitUsed();
    used[reply.call_id()] = std::move(reply);
  }
  EXPECT_EQ(used[1].result().data(), "1");
  EXPECT_THAT(rpc::FromProto(used[2].error()),
              Fails(StatusCode::kFailedPrecondition, Reason::kLeaseEnded));
  const absl::Status status = scope.Finish();
  EXPECT_EQ(FieldOf(status), "request");
  EXPECT_EQ(IndexOf(status), "1");
  const auto ended = GetLease(lease.lease_id());
  ASSERT_TRUE(ended.ok()) << ended.status();
  EXPECT_EQ(ended->state(), v1::Lease::STATE_ENDED);
}

TEST_F(BatchTest, AnEmptyOneIsRefused) {
  v1::WithRequest empty;
  empty.mutable_batch();
  ScopeClient first(*stub_);
  first.Send(empty);
  EXPECT_EQ(FieldOf(first.Finish()), "batch.requests");
  EXPECT_THAT(first.received(), IsEmpty());
  ScopeClient later(*stub_);
  SendAcquireWithoutEvents(later, "hello");
  later.AwaitEntered();
  later.Send(empty);
  EXPECT_EQ(FieldOf(later.Finish()), "batch.requests");
}

TEST_F(BatchTest, MoreThanAHundredRequestsAreRefused) {
  ScopeClient scope(*stub_);
  scope.BeginBatch();
  SendAcquireWithoutEvents(scope, "hello");
  for (int i = 1; i <= 100; ++i) scope.SendUse(i, "echo");
  scope.SendBatch();
  EXPECT_EQ(FieldOf(scope.Finish()), "batch.requests");
  EXPECT_THAT(scope.received(), IsEmpty());
}

TEST_F(BatchTest, ABatchInABatchIsRefused) {
  v1::WithRequest nested;
  nested.mutable_batch()->add_requests()->mutable_batch();
  ScopeClient first(*stub_);
  first.Send(nested);
  EXPECT_EQ(FieldOf(first.Finish()), "request");
  ScopeClient later(*stub_);
  SendAcquireWithoutEvents(later, "hello");
  later.AwaitEntered();
  later.Send(nested);
  const absl::Status status = later.Finish();
  EXPECT_EQ(FieldOf(status), "batch.requests");
  EXPECT_EQ(IndexOf(status), "0");
}

TEST_F(BatchTest, OneThatDoesNotBeginWithAcquireOrResumeIsRefused) {
  ScopeClient scope(*stub_);
  scope.BeginBatch();
  scope.SendUse(1, "echo");
  SendAcquireWithoutEvents(scope, "hello");
  scope.SendBatch();
  const absl::Status status = scope.Finish();
  EXPECT_EQ(FieldOf(status), "request");
  EXPECT_EQ(IndexOf(status), "0");
  EXPECT_THAT(scope.received(), IsEmpty());
}

}  // namespace
}  // namespace anteroom::service
