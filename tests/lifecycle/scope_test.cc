#include "tests/lifecycle/scope_test.h"

namespace anteroom::lifecycle {
namespace {

TEST_F(ScopeTest, AWholeScopeGoesStepByStep) {
  EXPECT_EQ(AcquireIt(), "acquire");
  EXPECT_EQ(Event(Phase::kEntered), "ENTERED");
  EXPECT_EQ(Entered(), "entered");
  EXPECT_EQ(Use(1), "use:1");
  EXPECT_EQ(Used(1), "used:1:OK");
  EXPECT_EQ(ReleaseIt(), "end:RELEASED");
  EXPECT_EQ(Event(Phase::kExited), "EXITED");
  EXPECT_EQ(Ended(ExitReason::kReleased), "exited:RELEASED finish:OK");
  EXPECT_TRUE(scope_.done());
}

TEST_F(ScopeTest, UsesAndReleaseBeforeEnteredQueueUpInOrder) {
  AcquireIt();
  EXPECT_EQ(Use(1), "");
  EXPECT_EQ(Use(2), "");
  EXPECT_EQ(ReleaseIt(), "");
  EXPECT_EQ(Entered(), "entered use:1 use:2 end:RELEASED");
}

TEST_F(ScopeTest, AUseThatIsNoneIsRefusedInItsReply) {
  AcquireIt();
  Entered();
  EXPECT_EQ(Do(std::make_unique<Scope::Use>(
                1, "", Payload(), InvalidField("use.method_name", "is empty"))),
            "used:1:INVALID_REQUEST");
  EXPECT_EQ(Use(1), "use:1");
}

TEST_F(ScopeTest, UsesBeyondAThousandAreRefusedAndTheReleaseIsHeard) {
  AcquireIt();
  Entered();
  for (int i = 0; i < 1000; ++i) Use(i);
  EXPECT_EQ(Use(1000), "used:1000:QUOTA_EXCEEDED");
  Used(7);
  EXPECT_EQ(Use(1000), "use:1000");
  EXPECT_EQ(ReleaseIt(), "end:RELEASED");
}

TEST_F(ScopeTest, UsesAreBoundedInTheBytesOfTheirArguments) {
  AcquireIt();
  const auto big = [this](std::uint64_t id) {
    Payload argument;
    argument.data = std::string(std::size_t{9} << 20, 'x');
    return Do(std::make_unique<Scope::Use>(id, "m", argument));
  };
  EXPECT_EQ(big(1), "");  // queued: not entered yet
  EXPECT_EQ(big(2), "used:2:QUOTA_EXCEEDED");
  EXPECT_EQ(Do(Scope::CancelRequested{1}), "used:1:CANCELLED");
  EXPECT_EQ(big(3), "");
  Entered();
  EXPECT_EQ(big(4), "used:4:QUOTA_EXCEEDED");
  Used(3);
  EXPECT_EQ(big(4), "use:4");
}

TEST_F(ScopeTest, TheExitIsToldAfterTheRepliesToTheUsesItWaitedFor) {
  AcquireIt();
  Entered();
  Use(1);
  ReleaseIt();
  EXPECT_EQ(Event(Phase::kExiting), "");
  EXPECT_EQ(Event(Phase::kExited), "");
  EXPECT_EQ(Used(1), "used:1:OK EXITING EXITED");
}

TEST_F(ScopeTest, TheFirstRequestMustBeAnAcquire) {
  EXPECT_EQ(Use(1), "finish:INVALID_REQUEST");
}

TEST_F(ScopeTest, AHalfCloseWithoutAnyRequestIsInvalid) {
  EXPECT_EQ(Do(Scope::HalfClosed{}), "finish:INVALID_REQUEST");
}

TEST_F(ScopeTest, AReleaseOrCancelAsFirstRequestIsInvalid) {
  EXPECT_EQ(ReleaseIt(), "finish:INVALID_REQUEST");
  Scope other;
  EXPECT_EQ(other.Handle(Scope::CancelRequested{1}).size(), 1u);
  EXPECT_TRUE(other.done());
}

TEST_F(ScopeTest, ASecondAcquireEndsTheScopeAsInvalid) {
  AcquireIt();
  Entered();
  EXPECT_EQ(AcquireIt(), "end:DISCONNECTED");
  EXPECT_EQ(Ended(ExitReason::kDisconnected),
            "exited:DISCONNECTED finish:INVALID_REQUEST");
}

TEST_F(ScopeTest, ALiveCallIdAgainIsInvalidInItsReply) {
  AcquireIt();
  Entered();
  Use(1);
  EXPECT_EQ(Use(1), "used:1:INVALID_REQUEST");
  EXPECT_EQ(Used(1), "used:1:OK");
  EXPECT_EQ(Use(1), "use:1");
}

TEST_F(ScopeTest, AQueuedCallIdAgainIsInvalidInItsReply) {
  AcquireIt();
  Use(1);
  EXPECT_EQ(Use(1), "used:1:INVALID_REQUEST");
}

TEST_F(ScopeTest, AUseAfterReleaseIsLeaseEndedInItsReply) {
  AcquireIt();
  Entered();
  ReleaseIt();
  EXPECT_EQ(Use(1), "used:1:LEASE_ENDED");
}

TEST_F(ScopeTest, AHalfCloseWithoutReleaseEndsWithDisconnected) {
  AcquireIt();
  Entered();
  Use(1);
  EXPECT_EQ(Do(Scope::HalfClosed{}), "end:DISCONNECTED");
  EXPECT_EQ(Used(1), "used:1:OK");
  EXPECT_EQ(Ended(ExitReason::kDisconnected), "exited:DISCONNECTED finish:OK");
}

TEST_F(ScopeTest, AHalfCloseAfterReleaseChangesNothing) {
  AcquireIt();
  Entered();
  ReleaseIt();
  EXPECT_EQ(Do(Scope::HalfClosed{}), "");
}

TEST_F(ScopeTest, ABrokenStreamEndsTheLeaseAndStopsItsUses) {
  AcquireIt();
  Entered();
  Use(1);
  Use(2);
  EXPECT_EQ(Do(Scope::Broken{}),
            "finish:CANCELLED end:DISCONNECTED stop-use:1 stop-use:2");
  EXPECT_EQ(Do(Scope::Broken{}), "");
}

TEST_F(ScopeTest, ABrokenStreamAfterReleaseStopsTheUsesThatStillRun) {
  AcquireIt();
  Entered();
  Use(1);
  ReleaseIt();
  EXPECT_EQ(Do(Scope::Broken{}), "finish:CANCELLED stop-use:1");
}

TEST_F(ScopeTest, LeavingBeforeEnteredStopsTheAcquire) {
  AcquireIt();
  EXPECT_EQ(Do(Scope::Broken{}), "finish:CANCELLED stop-acquire");
  EXPECT_EQ(Do(Scope::Acquired{absl::CancelledError("left")}), "");
  EXPECT_TRUE(scope_.done());
}

TEST_F(ScopeTest, AReleaseAsCancelledBeforeEnteredStopsTheAcquire) {
  AcquireIt(absl::Seconds(10), "request");
  const ExitCause cancelled{ExitReason::kCancelled, absl::CancelledError("x"),
                            false};
  EXPECT_EQ(Do(Scope::ReleaseRequested{cancelled}), "stop-acquire");
  EXPECT_EQ(Do(Scope::ReleaseRequested{cancelled}), "");
  EXPECT_EQ(Do(Scope::Acquired{absl::CancelledError("left")}),
            "finish:CANCELLED");
  EXPECT_TRUE(scope_.done());
}

TEST_F(ScopeTest, AReleaseAsCancelledThatCameTooLateToLeaveExits) {
  AcquireIt();
  Do(Scope::ReleaseRequested{
      {ExitReason::kCancelled, absl::CancelledError("x"), false}});
  EXPECT_EQ(Entered(), "entered end:CANCELLED");
}

TEST_F(ScopeTest, ALeaseGrantedToAScopeThatBrokeIsEndedAtOnceUnused) {
  AcquireIt();
  Use(1);
  Do(Scope::Broken{});
  EXPECT_EQ(Entered(), "end:DISCONNECTED");
}

TEST_F(ScopeTest, AFailedAcquireIsTheStreamsStatus) {
  AcquireIt();
  Use(1);
  EXPECT_EQ(Do(Scope::Acquired{Error(Reason::kInitFailed, "x")}),
            "finish:INIT_FAILED");
}

TEST_F(ScopeTest, CancellingAQueuedUseAnswersItAtOnce) {
  AcquireIt();
  Use(1);
  EXPECT_EQ(Do(Scope::CancelRequested{1}), "used:1:CANCELLED");
  EXPECT_EQ(Entered(), "entered");
}

TEST_F(ScopeTest, CancellingARunningUseStopsItOnceAndItStillAnswers) {
  AcquireIt();
  Entered();
  Use(1);
  EXPECT_EQ(Do(Scope::CancelRequested{1}), "stop-use:1");
  EXPECT_EQ(Do(Scope::CancelRequested{1}), "");
  EXPECT_EQ(Used(1, absl::CancelledError()), "used:1:CANCELLED");
  EXPECT_EQ(Do(Scope::CancelRequested{1}), "");
}

TEST_F(ScopeTest, ExitedIsTheLastReplyAfterEveryLiveUse) {
  AcquireIt();
  Entered();
  Use(1);
  ReleaseIt();
  EXPECT_EQ(Event(Phase::kExited), "");
  EXPECT_EQ(Ended(ExitReason::kReleased), "");
  EXPECT_EQ(Used(1), "used:1:OK EXITED exited:RELEASED finish:OK");
}

TEST_F(ScopeTest, ALeaseThatOthersEndedEndsTheScope) {
  AcquireIt();
  Entered();
  EXPECT_EQ(Ended(ExitReason::kDrained), "exited:DRAINED finish:OK");
}

TEST_F(ScopeTest, AMalformedRequestEndsTheScopeWithItsStatus) {
  AcquireIt();
  Entered();
  EXPECT_EQ(Do(Scope::Malformed{Error(Reason::kInvalidRequest, "x")}),
            "end:DISCONNECTED");
  EXPECT_EQ(Ended(ExitReason::kDisconnected),
            "exited:DISCONNECTED finish:INVALID_REQUEST");
}

TEST_F(ScopeTest, NothingFollowsFinish) {
  Use(1);
  EXPECT_EQ(AcquireIt(), "");
  EXPECT_EQ(Do(Scope::Broken{}), "");
}

}  // namespace
}  // namespace anteroom::lifecycle
