// A scope with a disconnect_grace outlives its stream, and answers the next.
#include "tests/lifecycle/scope_test.h"

namespace anteroom::lifecycle {
namespace {

constexpr absl::Duration kGrace = absl::Seconds(10);

class ResumeTest : public ScopeTest {
 protected:
  std::string Resume(std::vector<std::uint64_t> unanswered,
                     std::uint64_t after = 0) {
    return Do(Scope::Resumed{after, std::move(unanswered), false});
  }
  std::string ResumeByAcquire() { return Do(Scope::Resumed{0, {}, true}); }
  void Enter() {
    AcquireIt(kGrace);
    Entered();
  }
};

TEST_F(ResumeTest, ABrokenStreamBeginsTheGraceAndStopsNothing) {
  Enter();
  Use(1);
  EXPECT_EQ(Do(Scope::Broken{}), "finish:CANCELLED grace:1");
  EXPECT_EQ(Do(Scope::Broken{}), "");
}

TEST_F(ResumeTest, TheGraceOverEndsTheLeaseAndStopsItsUses) {
  Enter();
  Use(1);
  Do(Scope::Broken{});
  EXPECT_EQ(Do(Scope::GraceOver{1}), "end:DISCONNECTED stop-use:1");
  EXPECT_EQ(Used(1), "");
  EXPECT_EQ(Ended(ExitReason::kDisconnected), "");
  EXPECT_TRUE(scope_.done());
}

TEST_F(ResumeTest, AGraceThatAStreamCutShortChangesNothingMore) {
  Enter();
  Do(Scope::Broken{});
  Resume({});
  EXPECT_EQ(Do(Scope::GraceOver{1}), "");
  Do(Scope::Broken{});
  EXPECT_EQ(Do(Scope::GraceOver{1}), "");
  EXPECT_EQ(Do(Scope::GraceOver{2}), "end:DISCONNECTED");
}

TEST_F(ResumeTest, AStreamWhoseDeadlinePassedHasNoGrace) {
  Enter();
  EXPECT_EQ(Do(Scope::Broken{absl::ZeroDuration()}),
            "finish:CANCELLED end:DISCONNECTED");
}

TEST_F(ResumeTest, TheGraceEndsWithTheDeadlineOfTheStream) {
  Enter();
  const auto effects = scope_.Handle(Scope::Broken{absl::Seconds(3)});
  ASSERT_EQ(effects.size(), 2);
  EXPECT_EQ(std::get<Scope::StartGrace>(effects[1]).grace, absl::Seconds(3));
}

TEST_F(ResumeTest, AHalfCloseWithoutReleaseHasTheGraceToo) {
  Enter();
  EXPECT_EQ(Do(Scope::HalfClosed{}), "grace:1");
  EXPECT_EQ(Do(Scope::GraceOver{1}), "end:DISCONNECTED");
  EXPECT_EQ(Ended(ExitReason::kDisconnected), "exited:DISCONNECTED finish:OK");
}

TEST_F(ResumeTest, AReplyThatCameMeanwhileAnswersTheStreamThatResumes) {
  Enter();
  Use(1);
  Do(Scope::Broken{});
  EXPECT_EQ(Used(1), "");
  EXPECT_EQ(Resume({1}), "entered used:1:OK");
}

TEST_F(ResumeTest, AUseThatStillRunsGoesOnAndAnswersTheNewStream) {
  Enter();
  Use(1);
  Do(Scope::Broken{});
  EXPECT_EQ(Resume({1}), "entered");
  EXPECT_EQ(Used(1), "used:1:OK");
}

TEST_F(ResumeTest, AReplyLostOnItsWayIsSentAgain) {
  Enter();
  Use(1);
  EXPECT_EQ(Used(1), "used:1:OK");
  Do(Scope::Broken{});
  EXPECT_EQ(Resume({1}), "entered used:1:OK");
  Do(Scope::Broken{});
  EXPECT_EQ(Resume({1}), "entered used:1:OK");
}

TEST_F(ResumeTest, AReplyIsKeptUntilItIsAcknowledged) {
  Enter();
  Use(1);
  Used(1);
  Do(Scope::Acknowledged{{1}});
  Do(Scope::Broken{});
  EXPECT_EQ(Resume({1}), "entered used:1:CALL_NOT_RECEIVED");
}

TEST_F(ResumeTest, ARepliedCallThatTheNewStreamDoesNotAskForIsAcknowledged) {
  Enter();
  Use(1);
  Used(1);
  Do(Scope::Broken{});
  EXPECT_EQ(Resume({}), "entered");
  Do(Scope::Broken{});
  EXPECT_EQ(Resume({1}), "entered used:1:CALL_NOT_RECEIVED");
}

TEST_F(ResumeTest, ACallThatNeverArrivedSaysSoAndMayBeSentAgain) {
  Enter();
  Do(Scope::Broken{});
  EXPECT_EQ(Resume({7}), "entered used:7:CALL_NOT_RECEIVED");
  EXPECT_EQ(Use(7), "use:7");
}

TEST_F(ResumeTest, EventsAfterTheSequenceAreToldAgainAmongTheReplies) {
  Enter();
  Event(Phase::kEntered, 10);
  Event(Phase::kUsed, 11);
  Use(1);
  Used(1);
  Do(Scope::Broken{});
  EXPECT_EQ(Event(Phase::kRevoking, 12), "");
  EXPECT_EQ(Resume({1}, /*after=*/10), "entered USED used:1:OK REVOKING");
}

TEST_F(ResumeTest, AnEndWithoutAStreamIsToldToTheOneThatResumes) {
  Enter();
  Use(1);
  Do(Scope::Broken{});
  Event(Phase::kExited, 5);
  Ended(ExitReason::kRevoked);
  Used(1);
  EXPECT_FALSE(scope_.done());
  EXPECT_EQ(Resume({1}),
            "entered used:1:OK EXITED exited:REVOKED finish:OK grace:2");
}

TEST_F(ResumeTest, AnEndLostOnItsWayIsToldAgainUntilTheGraceIsOver) {
  Enter();
  ReleaseIt();
  EXPECT_EQ(Ended(ExitReason::kReleased), "exited:RELEASED finish:OK grace:1");
  EXPECT_EQ(Resume({}), "entered exited:RELEASED finish:OK grace:2");
  EXPECT_FALSE(scope_.done());
  Do(Scope::GraceOver{2});
  EXPECT_TRUE(scope_.done());
}

TEST_F(ResumeTest, ClosingEndsWhatOnlyWaitsForAStream) {
  Enter();
  ReleaseIt();
  Ended(ExitReason::kReleased);
  Do(Scope::Closing{});
  EXPECT_TRUE(scope_.done());
}

TEST_F(ResumeTest, ClosingLeavesAScopeWithAStreamItsEnd) {
  Enter();
  EXPECT_EQ(Do(Scope::Closing{}), "");
  EXPECT_EQ(Ended(ExitReason::kDrained), "exited:DRAINED finish:OK");
  EXPECT_TRUE(scope_.done());
}

TEST_F(ResumeTest, BeforeEnteredOnlyARequestIdKeepsThePlace) {
  AcquireIt(kGrace);
  EXPECT_EQ(Do(Scope::Broken{}), "finish:CANCELLED stop-acquire");
}

TEST_F(ResumeTest, TheSameAcquireResumesAScopeThatStillWaits) {
  AcquireIt(kGrace, "request");
  EXPECT_EQ(Event(Phase::kWaiting, 3), "WAITING");
  EXPECT_EQ(Do(Scope::Broken{}), "finish:CANCELLED grace:1");
  EXPECT_EQ(ResumeByAcquire(), "WAITING");
  EXPECT_EQ(Entered(), "entered");
}

TEST_F(ResumeTest, TheSameAcquireResumesAScopeEnteredMeanwhile) {
  AcquireIt(kGrace, "request");
  Do(Scope::Broken{});
  EXPECT_EQ(Entered(), "");
  EXPECT_EQ(ResumeByAcquire(), "entered");
}

TEST_F(ResumeTest, CallsSentAgainAfterTheSameAcquireAreNotRunAgain) {
  AcquireIt(kGrace, "request");
  Use(1);
  Use(2);
  Do(Scope::Broken{});
  EXPECT_EQ(Entered(), "use:1 use:2");
  Used(1);
  EXPECT_EQ(ResumeByAcquire(), "entered used:1:OK");
  EXPECT_EQ(Use(1), "");
  EXPECT_EQ(Use(2), "");
  EXPECT_EQ(Use(3), "use:3");
  EXPECT_EQ(Used(2), "used:2:OK");
}

TEST_F(ResumeTest, AnAcknowledgedCallsIdIsAnothersAfterTheSameAcquireToo) {
  AcquireIt(kGrace, "request");
  Entered();
  Use(1);
  Used(1);
  EXPECT_EQ(ResumeByAcquire(), "entered used:1:OK");
  Do(Scope::Acknowledged{{1}});
  EXPECT_EQ(Use(1), "use:1");
}

TEST_F(ResumeTest, ALostReplyIsSaidToBeLostAfterTheSameAcquireToo) {
  AcquireIt(kGrace, "request");
  Use(1);
  Entered();
  Used(1, Payload{"", std::string(Kept::kMaxReplyBytes + 1, 'x')});
  Do(Scope::Broken{});
  EXPECT_EQ(ResumeByAcquire(), "entered used:1:REPLY_LOST");
  EXPECT_EQ(Use(1), "");  // it has run
  EXPECT_EQ(Use(2), "use:2");
}

TEST_F(ResumeTest, AnAcquireThatFailedMeanwhileIsNotRemembered) {
  AcquireIt(kGrace, "request");
  Do(Scope::Broken{});
  EXPECT_EQ(Do(Scope::Acquired{Error(Reason::kInitFailed, "x")}), "");
  EXPECT_TRUE(scope_.done());
}

TEST_F(ResumeTest, RepliesBeyondTheirNumberAreLostAndSaySo) {
  Enter();
  for (std::uint64_t id = 1; id <= Kept::kMaxReplies + 1; ++id) {
    Use(id);
    Used(id);
  }
  Do(Scope::Broken{});
  EXPECT_EQ(Resume({1, 2}), "entered used:2:OK used:1:REPLY_LOST");
}

TEST_F(ResumeTest, RepliesBeyondTheirBytesAreLostAndSaySo) {
  Enter();
  for (std::uint64_t id = 1; id <= 3; ++id) {
    Use(id);
    Used(id, Payload{"", std::string(Kept::kMaxReplyBytes / 2, 'x')});
  }
  Do(Scope::Broken{});
  EXPECT_EQ(Resume({1, 2, 3}), "entered used:2:OK used:3:OK used:1:REPLY_LOST");
}

TEST_F(ResumeTest, OnceEvenLostCallsAreForgottenNoCallIsSaidNotToHaveRun) {
  Enter();
  const std::uint64_t many = Kept::kMaxReplies + Kept::kMaxLost + 1;
  for (std::uint64_t id = 1; id <= many; ++id) {
    Use(id);
    Used(id);
  }
  Do(Scope::Broken{});
  EXPECT_EQ(Resume({1}), "entered used:1:REPLY_LOST");
}

TEST_F(ResumeTest, OfManyEventsTheNewestAreKept) {
  Enter();
  for (std::uint64_t i = 1; i <= Kept::kMaxEvents + 5; ++i) {
    Event(Phase::kProgress, i);
  }
  Do(Scope::Broken{});
  EXPECT_EQ(scope_.Handle(Scope::Resumed{}).size(), 1 + Kept::kMaxEvents);
}

TEST_F(ResumeTest, ACallIdUsedAgainForgetsItsFirstReply) {
  Enter();
  Use(1);
  Used(1);
  EXPECT_EQ(Use(1), "use:1");
  Do(Scope::Broken{});
  EXPECT_EQ(Resume({1}), "entered");
}

TEST_F(ResumeTest, AfterTheGraceNoCallIsSaidNotToHaveRun) {
  Enter();
  Use(1);
  Do(Scope::HalfClosed{});
  EXPECT_EQ(Do(Scope::GraceOver{1}), "end:DISCONNECTED");
  EXPECT_EQ(Used(1), "used:1:OK");
  EXPECT_EQ(Resume({1}), "entered used:1:REPLY_LOST");
}

TEST_F(ResumeTest, TheRefusalOfALiveCallIdIsNotKeptAsTheCallsReply) {
  Enter();
  Use(1);
  EXPECT_EQ(Use(1), "used:1:INVALID_REQUEST");
  Do(Scope::Broken{});
  EXPECT_EQ(Resume({1}), "entered");
  EXPECT_EQ(Used(1), "used:1:OK");
}

TEST_F(ResumeTest, ARequestIdAloneKeepsRepliesForTheSameAcquire) {
  AcquireIt(absl::ZeroDuration(), "request");
  Entered();
  Use(1);
  Used(1);
  EXPECT_EQ(ResumeByAcquire(), "entered used:1:OK");
  EXPECT_EQ(Use(1), "");
}

TEST_F(ResumeTest, AMalformedRequestHasNoGrace) {
  Enter();
  EXPECT_EQ(Do(Scope::Malformed{Error(Reason::kInvalidRequest, "x")}),
            "end:DISCONNECTED");
  EXPECT_EQ(Do(Scope::Broken{}), "finish:CANCELLED");
}

TEST_F(ResumeTest, AScopeWithoutGraceKeepsNothing) {
  AcquireIt();
  Entered();
  Use(1);
  Used(1);
  Event(Phase::kRevoking, 7);
  EXPECT_EQ(Resume({}), "entered");
}

}  // namespace
}  // namespace anteroom::lifecycle
