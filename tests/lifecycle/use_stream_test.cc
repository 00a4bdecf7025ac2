// Streaming methods: what they say, and that they hold the lease like any call.
#include <optional>
#include <utility>

#include "tests/lifecycle/lifecycle_test.h"
#include "tests/support/fake_channel.h"

namespace anteroom::lifecycle {
namespace {

using ::testing::ElementsAre;
using StreamOutcome = testing::Outcome<absl::Status>;

coro::Task<absl::Status> EchoAll(UseContext& context, UseChannel& channel) {
  while (true) {
    auto read = channel.Read(context.stop());
    absl::StatusOr<std::optional<Payload>> next = co_await std::move(read);
    if (!next.ok()) co_return next.status();
    if (!next->has_value()) co_return absl::OkStatus();
    coro::Task<absl::Status> write =
        channel.Write(**std::move(next), context.stop());
    const absl::Status written = co_await std::move(write);
    if (!written.ok()) co_return written;
  }
}

class UseStreamTest : public LifecycleTest {
 protected:
  void StreamWaitsForGate() {
    script_.use_stream = [this](UseContext& context, UseChannel&,
                                absl::string_view) {
      return WaitFor(gate_, context.stop());
    };
  }
  StreamOutcome Start(const LeasePtr& lease, std::uint64_t fencing_token = 0,
                      std::stop_token stop = {},
                      coro::Instant deadline = coro::kNever) {
    return {*calls_,
            anteroom_->UseStream(lease->id(), "stream", argument_, channel_,
                                 fencing_token, std::move(stop), deadline)};
  }

  testing::FakeChannel channel_;
};

TEST_F(UseStreamTest, AMethodReadsAndWritesUntilItReturns) {
  script_.use_stream = [](UseContext& context, UseChannel& channel,
                          absl::string_view) {
    return EchoAll(context, channel);
  };
  channel_.incoming = {{"", "a"}, {"", "b"}};
  Serve(kAllHooks);
  const StreamOutcome stream = Start(Acquire());
  world_.RunUntilIdle();
  ASSERT_TRUE(stream.done());
  EXPECT_TRUE(stream.value().ok()) << stream.value();
  EXPECT_THAT(channel_.outgoing, ElementsAre("a", "b"));
  EXPECT_EQ(script_.Count("use_stream r#1 stream"), 1);
}

TEST_F(UseStreamTest, AMethodThatTheObjectHasNotIsNotFound) {
  Serve(kNoHooks);
  const StreamOutcome stream = Start(Acquire());
  EXPECT_THAT(stream.value(), FailsWith(Reason::kMethodNotFound));
}

TEST_F(UseStreamTest, AMethodsErrorKeepsItsCode) {
  script_.use_stream = [](UseContext&, UseChannel&, absl::string_view) {
    return Return(absl::DataLossError("torn"));
  };
  Serve(kNoHooks);
  const StreamOutcome stream = Start(Acquire());
  EXPECT_THAT(stream.value(), FailsWith(Reason::kUseFailed));
  EXPECT_TRUE(absl::IsDataLoss(stream.value()));
}

TEST_F(UseStreamTest, ExitStartsAfterTheStreamHasEnded) {
  StreamWaitsForGate();
  Serve(kAllHooks);
  const LeasePtr lease = Acquire();
  const StreamOutcome stream = Start(lease);
  const ReleaseOutcome release = StartRelease(lease);
  world_.RunUntilIdle();
  EXPECT_FALSE(release.done());
  EXPECT_EQ(script_.Count("exit"), 0);
  OpenGate();
  world_.RunUntilIdle();
  EXPECT_TRUE(stream.value().ok());
  EXPECT_TRUE(release.done());
}

TEST_F(UseStreamTest, AReleaseCancelsAStreamOnceUseGraceIsOver) {
  StreamWaitsForGate();
  Policy policy;
  policy.use_grace = absl::Seconds(2);
  Serve(kAllHooks, policy);
  const LeasePtr lease = Acquire();
  const StreamOutcome stream = Start(lease);
  const ReleaseOutcome release = StartRelease(lease);
  world_.Advance(absl::Seconds(2));
  EXPECT_THAT(stream.value(), FailsWith(Reason::kUseCancelled));
  EXPECT_TRUE(release.done());
}

TEST_F(UseStreamTest, AStreamThatRunsPinsItsLease) {
  StreamWaitsForGate();
  Serve(kNoHooks);
  const LeasePtr lease = Acquire();
  const StreamOutcome stream = Start(lease);
  world_.Advance(absl::Minutes(5));
  EXPECT_EQ(lease->state(), LeaseState::kHeld);
  OpenGate();
  world_.RunUntilIdle();
  EXPECT_TRUE(stream.value().ok());
  EXPECT_EQ(lease->state(), LeaseState::kEnded);
}

TEST_F(UseStreamTest, UseTimeoutBoundsAStreamToo) {
  StreamWaitsForGate();
  Policy policy;
  policy.use_timeout = absl::Seconds(3);
  Serve(kNoHooks, policy);
  const LeasePtr lease = Acquire();
  const StreamOutcome stream = Start(lease);
  world_.Advance(absl::Seconds(3));
  EXPECT_THAT(stream.value(), FailsWith(Reason::kUseTimedOut));
  EXPECT_EQ(lease->state(), LeaseState::kHeld);
}

TEST_F(UseStreamTest, AStreamWhoseCallerLeavesIsStopped) {
  StreamWaitsForGate();
  Serve(kNoHooks);
  std::stop_source caller;
  const StreamOutcome stream = Start(Acquire(), 0, caller.get_token());
  caller.request_stop();
  world_.RunUntilIdle();
  EXPECT_TRUE(absl::IsCancelled(stream.value()));
}

TEST_F(UseStreamTest, NoStreamStartsAfterTheEndOrWithAnothersToken) {
  Serve(kNoHooks);
  const LeasePtr lease = Acquire();
  const StreamOutcome stale = Start(lease, lease->fencing_token() + 1);
  EXPECT_THAT(stale.value(), FailsWith(Reason::kStaleFencingToken));
  Release(lease);
  EXPECT_THAT(Start(lease).value(), FailsWith(Reason::kLeaseEnded));
  EXPECT_EQ(script_.Count("use_stream"), 0);
}

TEST_F(UseStreamTest, AStreamOfADeferredLeaseAwaitsItsEnter) {
  StreamWaitsForGate();
  InitWaitsForGate();
  Serve(kAllHooks);
  AcquireOptions options;
  options.deferred = true;
  const LeasePtr lease = Acquire(options);
  const StreamOutcome stream = Start(lease);
  world_.RunUntilIdle();
  EXPECT_EQ(script_.Count("use_stream"), 0);
  OpenGate();
  world_.RunUntilIdle();
  EXPECT_TRUE(stream.value().ok()) << stream.value();
}

}  // namespace
}  // namespace anteroom::lifecycle
