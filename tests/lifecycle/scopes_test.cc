// Which scope a stream finds, and how many are kept.
#include "server/lifecycle/scopes.h"

#include "tests/lifecycle/lifecycle_test.h"

namespace anteroom::lifecycle {
namespace {

// What a stream was told, as words joined by spaces.
class RecordingStream : public ScopeStream {
 public:
  void SendEvent(const Event& event) override { Say(PhaseName(event.phase)); }
  void SendEntered(const LeasePtr& lease) override {
    lease_id = lease->id();
    Say("entered");
  }
  void SendUsed(std::uint64_t, absl::StatusOr<Payload>&& result) override {
    Say(result.ok() ? "used" : "failed");
  }
  void SendExited(const Receipt& receipt) override {
    Say("exited:" + std::string(ExitReasonName(receipt.reason)));
  }
  void Flush() override {
    unflushed = 0;
    ++flushes;
  }
  void Finish(const absl::Status& status) override {
    Say("finish");
    finished = status;
    unflushed = 0;
  }
  coro::Instant deadline() const override { return coro::kNever; }

  std::string lease_id;
  std::string words;
  std::optional<absl::Status> finished;
  int unflushed = 0;  // words that are not on their way yet
  int flushes = 0;

 private:
  void Say(const std::string& word) {
    words += (words.empty() ? "" : " ") + word;
    ++unflushed;
  }
};

class ScopesTest : public LifecycleTest {
 protected:
  using Stream = std::shared_ptr<RecordingStream>;

  static Scope::AcquireRequested Asking(absl::Duration grace) {
    Scope::AcquireRequested request;
    request.resource = "r";
    request.options.stream_bound = true;
    request.disconnect_grace = grace;
    request.events = false;
    return request;
  }
  // A scope that is entered, and its stream.
  std::pair<std::shared_ptr<ScopeRunner>, Stream> Enter(absl::Duration grace) {
    auto stream = std::make_shared<RecordingStream>();
    const auto runner = anteroom_->scopes().Acquire(Asking(grace), stream);
    EXPECT_TRUE(runner.ok()) << runner.status();
    world_.RunUntilIdle();
    return {*runner, stream};
  }
  absl::Status Resume(const std::string& lease_id, const Stream& stream) {
    const auto runner = anteroom_->scopes().Resume(lease_id, {}, stream);
    world_.RunUntilIdle();
    return runner.status();
  }
};

TEST_F(ScopesTest, MaxDisconnectGraceClampsWhatIsAskedFor) {
  Policy policy;
  policy.max_disconnect_grace = absl::Seconds(5);
  Serve(kAllHooks, policy);
  const auto [runner, stream] = Enter(absl::Hours(1));
  runner->Feed(stream, Scope::Broken{});
  world_.Advance(absl::Seconds(4));
  EXPECT_EQ(pool().counts().leases, 1);
  world_.Advance(absl::Seconds(1));
  EXPECT_EQ(pool().counts().leases, 0);
  EXPECT_EQ(anteroom_->scopes().size(), 0);
}

TEST_F(ScopesTest, WhatIsSaidAtOnceIsFlushedOnce) {
  Serve(kNoHooks);
  const auto [runner, stream] = Enter(absl::ZeroDuration());
  EXPECT_EQ(stream->unflushed, 0);
  const int before = stream->flushes;
  // Both while the pump is at work: a use's end is an input of its own.
  runner->Feed(stream, std::make_unique<Scope::Use>(1, "echo"));
  world_.RunUntilIdle();
  EXPECT_EQ(stream->unflushed, 0);
  EXPECT_EQ(stream->flushes, before + 1);
  runner->Feed(stream, Scope::ReleaseRequested{});
  world_.RunUntilIdle();
  EXPECT_EQ(stream->unflushed, 0);
  // The end of the stream carries its last word.
  EXPECT_EQ(stream->flushes, before + 1);
}

TEST_F(ScopesTest, WhatIsSaidTogetherIsAnsweredTogether) {
  Serve(kNoHooks);
  const auto stream = std::make_shared<RecordingStream>();
  std::vector<Scope::Input> rest;
  rest.emplace_back(std::make_unique<Scope::Use>(1, "echo"));
  rest.emplace_back(std::make_unique<Scope::Use>(2, "echo"));
  const auto runner = anteroom_->scopes().Acquire(Asking(absl::ZeroDuration()),
                                                  stream, std::move(rest));
  world_.RunUntilIdle();
  ASSERT_TRUE(runner.ok()) << runner.status();
  EXPECT_EQ(stream->words, "entered used used");
  EXPECT_EQ(stream->flushes, 1);
  std::vector<Scope::Input> more;
  more.emplace_back(std::make_unique<Scope::Use>(1, "echo"));
  more.emplace_back(std::make_unique<Scope::Use>(2, "echo"));
  (*runner)->Feed(stream, std::move(more));
  world_.RunUntilIdle();
  EXPECT_EQ(stream->words, "entered used used used used");
  EXPECT_EQ(stream->flushes, 2);
}

TEST_F(ScopesTest, AScopeWithoutGraceIsFoundByNoStream) {
  Serve(kAllHooks);
  const auto [runner, stream] = Enter(absl::ZeroDuration());
  EXPECT_THAT(Resume(stream->lease_id, std::make_shared<RecordingStream>()),
              FailsWith(Reason::kInvalidRequest));
}

TEST_F(ScopesTest, WhatASupersededStreamSaysIsNotHeard) {
  Serve(kAllHooks);
  const auto [runner, first] = Enter(absl::Minutes(1));
  const auto second = std::make_shared<RecordingStream>();
  EXPECT_TRUE(Resume(first->lease_id, second).ok());
  EXPECT_THAT(*first->finished, FailsWith(Reason::kSuperseded));
  runner->Feed(first, Scope::ReleaseRequested{});
  world_.RunUntilIdle();
  EXPECT_EQ(pool().counts().leases, 1);
  runner->Feed(second, Scope::ReleaseRequested{});
  world_.RunUntilIdle();
  EXPECT_EQ(second->words, "entered exited:RELEASED finish");
  EXPECT_EQ(first->words, "entered finish");
}

TEST_F(ScopesTest, OfEndedScopesTheNewestThousandWaitForTheirClients) {
  Serve(kNoHooks);
  std::vector<std::string> ids;
  for (std::size_t i = 0; i < Scopes::kMaxLingering + 2; ++i) {
    const auto [runner, stream] = Enter(absl::Minutes(1));
    runner->Feed(stream, Scope::ReleaseRequested{});
    world_.RunUntilIdle();
    ids.push_back(stream->lease_id);
  }
  EXPECT_EQ(anteroom_->scopes().size(), Scopes::kMaxLingering);
  EXPECT_THAT(Resume(ids[1], std::make_shared<RecordingStream>()),
              FailsWith(Reason::kLeaseEnded));
  const auto stream = std::make_shared<RecordingStream>();
  EXPECT_TRUE(Resume(ids[2], stream).ok());
  EXPECT_EQ(stream->words, "entered exited:RELEASED finish");
}

TEST_F(ScopesTest, OfEndedScopesOnlySoManyBytesOfRepliesAreKept) {
  constexpr std::size_t kReply = Kept::kMaxReplyBytes;
  script_.use = [](UseContext&, absl::string_view) {
    return ReturnPayload(Payload{"", std::string(kReply, 'x')});
  };
  Serve(kNoHooks);
  for (std::size_t i = 0; i < Scopes::kMaxLingeringBytes / kReply + 2; ++i) {
    const auto [runner, stream] = Enter(absl::Minutes(1));
    runner->Feed(stream, std::make_unique<Scope::Use>(1, "m"));
    runner->Feed(stream, Scope::ReleaseRequested{});
    world_.RunUntilIdle();
  }
  EXPECT_EQ(anteroom_->scopes().size(), Scopes::kMaxLingeringBytes / kReply);
}

TEST_F(ScopesTest, AScopeWhoseStreamBrokeWithoutGraceIsJoinedByNoAcquire) {
  script_.exit = [gate = gate_](ExitContext&) { return ExitWaitsFor(gate); };
  Serve(kAllHooks);
  Scope::AcquireRequested request = Asking(absl::ZeroDuration());
  request.options.request = "request";
  const auto first = std::make_shared<RecordingStream>();
  const auto runner = anteroom_->scopes().Acquire(request, first);
  world_.RunUntilIdle();
  (*runner)->Feed(first, Scope::Broken{});  // its exit hook runs
  const auto second = std::make_shared<RecordingStream>();
  EXPECT_TRUE(anteroom_->scopes().Acquire(request, second).ok());
  world_.RunUntilIdle();
  ASSERT_TRUE(second->finished.has_value());
  EXPECT_THAT(*second->finished, FailsWith(Reason::kLeaseEnded));
  OpenGate();
}

TEST_F(ScopesTest, AScopeEnteredWhileTheServerClosesHasNoGrace) {
  Serve(kAllHooks);
  auto stream = std::make_shared<RecordingStream>();
  anteroom_->scopes().Close();
  const auto runner =
      anteroom_->scopes().Acquire(Asking(absl::Minutes(1)), stream);
  world_.RunUntilIdle();
  (*runner)->Feed(stream, Scope::Broken{});
  world_.RunUntilIdle();
  EXPECT_EQ(anteroom_->scopes().size(), 0);
  EXPECT_EQ(pool().counts().leases, 0);
}

TEST_F(ScopesTest, ADrainLeavesNoScopeBehind) {
  Serve(kAllHooks);
  const auto [lost, first] = Enter(absl::Minutes(1));
  lost->Feed(first, Scope::Broken{});
  DrainAndCheck();
  EXPECT_EQ(anteroom_->scopes().size(), 0);
}

}  // namespace
}  // namespace anteroom::lifecycle
