// Providers that are down, die and come back.
#include <unistd.h>

#include <memory>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "google/protobuf/text_format.h"
#include "server/coro/sync_wait.h"
#include "tests/kinds/provider/provider_process.h"
#include "tests/kinds/provider/provider_test.h"

namespace anteroom::kinds {
namespace {

using lifecycle::ExitReason;
using lifecycle::Phase;
using rpc::CallContext;
using ::testing::AllOf;
using ::testing::HasSubstr;

// An address that nobody else listens on, now or later, as a port may be.
std::string OwnAddress() {
  static int last = 0;
  return absl::StrCat("unix:", ::testing::TempDir(), "/anteroom-", getpid(),
                      "-", ++last);
}

class LostTest : public ProviderTest {
 protected:
  // A provider that may be restarted, and its resource "thing".
  void ServeRestartable(ProviderScript script = {}, const Policy& policy = {}) {
    provider_ = std::make_unique<FakeProvider>(std::move(script), OwnAddress());
    AddResource("thing", provider_->address(), policy);
  }
  // Another provider where the last one was, as after a restart.
  void Restart(ProviderScript script = {}) {
    const std::string address = provider_->address();
    provider_->Stop();
    earlier_ = std::exchange(
        provider_, std::make_unique<FakeProvider>(std::move(script), address));
  }
  // Who goes away is not waited for.
  void NoRestarts() { watch_.restart_grace = absl::Milliseconds(1); }
  // Has the connection looked at.
  void SkipToLook() { time_.Skip(watch_.interval); }

  std::unique_ptr<FakeProvider> earlier_;
};

// ---- down ----

TEST_F(LostTest, AProviderThatIsDownIsAnInitFailureThatNamesIt) {
  const std::string address = OwnAddress();
  AddResource("thing", address);
  const absl::Status status = Acquire().status();
  EXPECT_THAT(status,
              Fails(absl::StatusCode::kUnavailable, Reason::kInitFailed));
  EXPECT_THAT(std::string(status.message()), HasSubstr(address));
}

TEST_F(LostTest, AProviderThatIsDownIsTriedAgainAsThePolicySays) {
  const std::string address = OwnAddress();
  Policy policy;
  policy.init_retry.attempts = 1000;
  policy.init_retry.initial_backoff = absl::Milliseconds(10);
  policy.init_retry.max_backoff = absl::Milliseconds(10);
  AddResource("thing", address, policy);
  auto acquire = StartAcquire();
  EXPECT_THAT(AwaitEvent(Phase::kProgress).message(),
              AllOf(HasSubstr("attempt 1 of 1000"), HasSubstr(address)));
  FakeProvider started({}, address);
  const auto lease = acquire.get();
  ASSERT_TRUE(lease.ok()) << lease.status();
  Drain();
  EXPECT_EQ(started.Trace(), "Construct Enter Exit Close");
}

TEST_F(LostTest, AProviderThatIsDownIsNobodyElsesConcern) {
  Serve();
  AddResource("down", OwnAddress());
  EXPECT_TRUE(absl::IsUnavailable(Acquire("down").status()));
  const auto lease = Acquire();
  ASSERT_TRUE(lease.ok()) << lease.status();
  EXPECT_TRUE(absl::IsUnavailable(Acquire("down").status()));
  EXPECT_EQ(Use(*lease, "echo", "1")->data, "1");
}

// ---- dead ----

TEST_F(LostTest, AUseOfAProviderThatIsGoneSaysSo) {
  ServeRestartable();
  const auto lease = Acquire();
  provider().Stop();
  const absl::Status status = Use(*lease, "a").status();
  EXPECT_THAT(status,
              Fails(absl::StatusCode::kUnavailable, Reason::kUseFailed));
  EXPECT_THAT(std::string(status.message()), HasSubstr(provider().address()));
  Restart();
}

TEST_F(LostTest, AnObjectIsLostWhoseProviderStaysAway) {
  Policy policy;
  policy.exit_timeout = absl::Milliseconds(1);
  policy.close_timeout = absl::Milliseconds(1);
  NoRestarts();
  Serve({}, policy);
  const auto lease = Acquire();
  provider().Stop();
  SkipToLook();
  const auto failed = AwaitEvent(Phase::kFailed);
  EXPECT_THAT(failed.status(),
              Fails(absl::StatusCode::kUnavailable, Reason::kInstanceLost));
  EXPECT_THAT(std::string(failed.status().message()),
              HasSubstr(provider().address()));
  AwaitEvent(Phase::kClosed);
  EXPECT_EQ(Release(*lease)->reason, ExitReason::kInstanceLost);
}

TEST_F(LostTest, AnObjectGoesOnWhoseProviderComesBackInTime) {
  ServeRestartable();
  const auto lease = Acquire();
  Restart();
  SkipToLook();
  provider().Await("Describe");
  EXPECT_EQ(Use(*lease, "echo", "1")->data, "1");
  EXPECT_EQ(Release(*lease)->reason, ExitReason::kReleased);
  Drain();
  const auto use = std::dynamic_pointer_cast<pb::UseRequest>(
      provider().Await("Use").request);
  EXPECT_EQ(use->object().handle(), "made");
  EXPECT_EQ(provider().Trace(), "Use Exit Close");
}

TEST_F(LostTest, AnObjectIsLostThatItsProviderDoesNotKnowAnyMore) {
  ServeRestartable();
  const auto lease = Acquire();
  ProviderScript forgetful;
  forgetful.use = [](CallContext&, const auto&, auto&) {
    return End(Error(Reason::kInstanceLost, "thing#1 died with me"));
  };
  Restart(std::move(forgetful));
  SkipToLook();
  provider().Await("Describe");
  const absl::Status status = Use(*lease, "a").status();
  EXPECT_THAT(status,
              Fails(absl::StatusCode::kUnavailable, Reason::kInstanceLost));
  EXPECT_THAT(std::string(status.message()), HasSubstr("thing#1 died with me"));
  AwaitEvent(Phase::kFailed);
  AwaitEvent(Phase::kExited);
  EXPECT_EQ(Release(*lease)->reason, ExitReason::kInstanceLost);
}

TEST_F(LostTest, OfManyObjectsOnlyThatIsLostWhichIsNotKnown) {
  Policy policy;
  policy.max_instances = 2;
  ProviderScript script;
  script.use = [](CallContext&, const auto& request, auto&) {
    return End(absl::StartsWith(request.object().instance_id(), "thing#1@")
                   ? Error(Reason::kInstanceLost, "not known")
                   : absl::OkStatus());
  };
  Serve(std::move(script), policy);
  const auto first = Acquire();
  const auto second = Acquire();
  EXPECT_FALSE(Use(*first, "a").ok());
  EXPECT_TRUE(Use(*second, "a").ok());
  AwaitEvent(Phase::kFailed);
  AwaitEvent(Phase::kExited);
  EXPECT_EQ(Release(*first)->reason, ExitReason::kInstanceLost);
  EXPECT_EQ(Release(*second)->reason, ExitReason::kReleased);
}

TEST_F(LostTest, AKilledProviderIsNoticedAndAnotherOneServesOn) {
  NoRestarts();
  ProviderProcess process(OwnAddress());
  AddResource("thing", process.address());
  const auto lease = Acquire();
  ASSERT_TRUE(lease.ok()) << lease.status();
  EXPECT_EQ(Use(*lease, "echo", "1")->data, "1");
  process.Kill();
  EXPECT_THAT(Use(*lease, "echo", "1").status(),
              Fails(absl::StatusCode::kUnavailable, Reason::kUseFailed));
  SkipToLook();
  AwaitEvent(Phase::kFailed);
  AwaitEvent(Phase::kExiting);
  FakeProvider again({}, process.address());
  EXPECT_EQ(Release(*lease)->reason, ExitReason::kInstanceLost);
  EXPECT_TRUE(Acquire().ok());
  Drain();
  EXPECT_EQ(again.Trace(), "Exit Close Construct Enter Exit Close");
}

// ---- dying in a hook ----

TEST_F(LostTest, AnInitThatItsProviderDiesInIsAnInitFailure) {
  ProviderProcess process("127.0.0.1:0", "Init");
  AddResource("thing", process.address());
  const absl::Status status = Acquire().status();
  EXPECT_THAT(status,
              Fails(absl::StatusCode::kUnavailable, Reason::kInitFailed));
  EXPECT_THAT(std::string(status.message()), HasSubstr(process.address()));
}

TEST_F(LostTest, AnExitThatItsProviderDiesInIsCalledAgainWithTheSameKey) {
  ProviderProcess process(OwnAddress(), "Exit");
  AddResource("thing", process.address());
  const auto lease = Acquire();
  ASSERT_TRUE(lease.ok()) << lease.status();
  auto release = StartRelease(*lease);
  process.Join();
  FakeProvider again({}, process.address());
  const auto receipt = release.get();
  EXPECT_TRUE(receipt->exit_status.ok()) << receipt->exit_status;
  EXPECT_EQ(receipt->reason, ExitReason::kReleased);
  Drain();
  EXPECT_EQ(again.Trace(), "Exit Close");
  const auto exit =
      std::dynamic_pointer_cast<pb::ExitRequest>(again.Await("Exit").request);
  EXPECT_GE(exit->attempt(), 2);
  EXPECT_THAT(exit->idempotency_key(),
              AllOf(HasSubstr(exit->object().instance_id()),
                    HasSubstr((*lease)->name())));
}

TEST_F(LostTest, AnExitThatItsProviderDiesInForGoodIsTheReceiptsError) {
  Policy policy;
  policy.exit_timeout = absl::Seconds(1);
  policy.close_timeout = absl::Milliseconds(1);
  ProviderProcess process("127.0.0.1:0", "Exit");
  AddResource("thing", process.address(), policy);
  provider_ = std::make_unique<FakeProvider>();
  AddResource("other", provider().address());
  const auto lease = Acquire();
  ASSERT_TRUE(lease.ok()) << lease.status();
  auto release = StartRelease(*lease);
  process.Join();
  EXPECT_TRUE(Acquire("other").ok());
  const auto receipt = release.get();
  EXPECT_TRUE(absl::IsUnavailable(receipt->exit_status))
      << receipt->exit_status;
  EXPECT_THAT(std::string(receipt->exit_status.message()),
              HasSubstr(process.address()));
  AwaitEvent(Phase::kClosed);
}

TEST_F(LostTest, ACloseThatItsProviderDiesInIsCalledAgain) {
  ProviderProcess process(OwnAddress(), "Close");
  AddResource("thing", process.address());
  EXPECT_TRUE(Release(*Acquire())->exit_status.ok());
  process.Join();
  FakeProvider again({}, process.address());
  AwaitEvent(Phase::kClosed);
  EXPECT_EQ(again.Trace(), "Close");
}

}  // namespace
}  // namespace anteroom::kinds
