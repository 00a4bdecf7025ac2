// Providers that hang, talk nonsense and fail: a clear error, nothing left
// behind, nobody else the worse.
#include <cmath>
#include <future>
#include <memory>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "tests/kinds/provider/provider_test.h"

namespace anteroom::kinds {
namespace {

using coro::Task;
using lifecycle::Phase;
using rpc::CallContext;
using ::testing::AllOf;
using ::testing::HasSubstr;
using EnterStream = rpc::ServerStream<pb::EnterResponse>;
using InitStream = rpc::ServerStream<pb::InitResponse>;
using Enters = std::vector<pb::EnterResponse>;
using Inits = std::vector<pb::InitResponse>;

class BrokenTest : public ProviderTest {
 protected:
  // What an acquire of a resource of its own, "r1", "r2", ..., comes to.
  absl::Status AcquireFrom(FakeProvider& provider,
                           const std::string& kind = "thing") {
    const std::string name = absl::StrCat("r", ++resources_);
    AddResource(name, provider.address(), {}, kind);
    return Acquire(name).status();
  }

  int resources_ = 0;
};

// ---- hanging ----

TEST_F(BrokenTest, AnInitThatHangsTimesOutIsCancelledAndLeavesNothing) {
  ProviderScript script;
  script.hooks = {pb::HOOK_INIT, pb::HOOK_CLOSE};
  script.init = [this](InitStream& stream, const auto&) {
    return Hang(provider(), stream.stop_token());
  };
  Serve(std::move(script));
  auto acquire = StartAcquire();
  provider().Await("Init");
  time_.Skip(Policy().init_timeout);
  EXPECT_THAT(acquire.get().status(), Fails(absl::StatusCode::kDeadlineExceeded,
                                            Reason::kInitTimedOut));
  provider().AwaitCancelled();
  AwaitEvent(Phase::kClosed);
  EXPECT_EQ(provider().Trace(), "Construct Init Close");
}

// Says that it awaits its init, and does so for ever.
// Its progress tells that the init's bound has begun.
Task<absl::Status> HangInInit(FakeProvider& provider, EnterStream& stream) {
  Task<bool> write = stream.Write(SaysInitializing());
  co_await std::move(write);
  Task<bool> report =
      stream.Write(SaysProgress<pb::EnterResponse>(0.5, "half of it"));
  co_await std::move(report);
  Task<absl::Status> hang = Hang(provider, stream.stop_token());
  co_return co_await std::move(hang);
}

TEST_F(BrokenTest, AnInitThatHangsInsideAnEnterTimesOutAsWell) {
  ProviderScript script;
  script.enter = [this](EnterStream& stream, const auto&) {
    return HangInInit(provider(), stream);
  };
  Serve(std::move(script));
  auto acquire = StartAcquire();
  AwaitEvent(Phase::kProgress);
  time_.Skip(Policy().init_timeout);
  EXPECT_THAT(acquire.get().status(), Fails(absl::StatusCode::kDeadlineExceeded,
                                            Reason::kInitTimedOut));
  provider().AwaitCancelled();
  AwaitEvent(Phase::kClosed);
  EXPECT_EQ(provider().Trace(), "Construct Enter Close");
}

TEST_F(BrokenTest, AConstructorThatHangsTimesOutAndWhatItMayHaveMadeIsClosed) {
  ProviderScript script;
  script.construct = [this](CallContext& call, const auto&, auto&) {
    return Hang(provider(), call.stop_token());
  };
  Serve(std::move(script));
  auto acquire = StartAcquire();
  provider().Await("Construct");
  time_.Skip(Policy().init_timeout);
  EXPECT_THAT(acquire.get().status(), Fails(absl::StatusCode::kDeadlineExceeded,
                                            Reason::kInitTimedOut));
  EXPECT_EQ(provider().Trace(), "Construct Close");
}

TEST_F(BrokenTest, ADescribeThatHangsTimesOut) {
  ProviderScript script;
  script.describe = [this](CallContext& call, const auto&, auto&) {
    return Hang(provider(), call.stop_token());
  };
  Serve(std::move(script));
  auto acquire = StartAcquire();
  provider().Await("Describe");
  time_.Skip(Policy().init_timeout);
  EXPECT_THAT(acquire.get().status(), Fails(absl::StatusCode::kDeadlineExceeded,
                                            Reason::kInitTimedOut));
  EXPECT_EQ(provider().Trace(), "");
}

TEST_F(BrokenTest, AnEnterAnExitAndACloseThatHangTimeOut) {
  ProviderScript script;
  script.hooks = {pb::HOOK_ENTER, pb::HOOK_EXIT, pb::HOOK_CLOSE};
  script.enter = [this, first = std::make_shared<bool>(true)](
                     EnterStream& stream, const auto&) {
    return std::exchange(*first, false) ? Hang(provider(), stream.stop_token())
                                        : Tell(stream, {SaysEntered()});
  };
  script.exit = [this](CallContext& call, const auto&, auto&) {
    return Hang(provider(), call.stop_token());
  };
  script.close = [this](CallContext& call, const auto&, auto&) {
    return Hang(provider(), call.stop_token());
  };
  Serve(std::move(script));
  auto acquire = StartAcquire();
  provider().Await("Enter");
  time_.Skip(Policy().enter_timeout);
  EXPECT_THAT(acquire.get().status(), Fails(absl::StatusCode::kDeadlineExceeded,
                                            Reason::kEnterTimedOut));
  provider().Await("Close");
  time_.Skip(Policy().close_timeout);
  const auto lease = Acquire();
  ASSERT_TRUE(lease.ok()) << lease.status();
  auto release = StartRelease(*lease);
  provider().Await("Exit");
  time_.Skip(Policy().exit_timeout);
  EXPECT_TRUE(absl::IsDeadlineExceeded(release.get()->exit_status));
  provider().Await("Close", 2);
  time_.Skip(Policy().close_timeout);
  AwaitEvent(Phase::kClosed, 2);
  provider().AwaitCancelled(4);
  EXPECT_EQ(provider().Trace(),
            "Construct Enter Close Construct Enter Exit Close");
}

TEST_F(BrokenTest, OtherResourcesOfAProviderThatHangsAreUnaffected) {
  ProviderScript script;
  script.enter = [this](EnterStream& stream, const auto& request) {
    if (request.object().resource() == "thing") {
      return HangInInit(provider(), stream);
    }
    return Tell(stream, {SaysInitializing(),
                         SaysInitialized<pb::EnterResponse>(), SaysEntered()});
  };
  Serve(std::move(script));
  AddResource("other", provider().address());
  std::vector<std::future<absl::StatusOr<LeasePtr>>> stuck;
  std::stop_source stop;
  for (int i = 0; i < 4; ++i) {
    stuck.push_back(StartAcquire("thing", stop.get_token()));
  }
  AwaitEvent(Phase::kInitializing);
  for (int i = 0; i < 20; ++i) {
    const auto lease = Acquire("other");
    ASSERT_TRUE(lease.ok()) << lease.status();
    EXPECT_EQ(Use(*lease, "echo", "1")->data, "1");
    EXPECT_TRUE(Release(*lease)->exit_status.ok());
  }
  stop.request_stop();
  for (auto& acquire : stuck) {
    EXPECT_TRUE(absl::IsCancelled(acquire.get().status()));
  }
}

// ---- nonsense ----

TEST_F(BrokenTest, AnEnterThatBreaksTheOrderIsAnErrorThatSaysHow) {
  const struct {
    Enters updates;
    std::string how;
    Reason reason;
  } rows[] = {
      {{SaysEntered(), SaysEntered()},
       "goes on after it has entered",
       Reason::kEnterFailed},
      {{SaysInitializing(), SaysInitializing()},
       "begins an init twice",
       Reason::kInitFailed},
      {{SaysInitializing(), SaysInitialized<pb::EnterResponse>(),
        SaysInitialized<pb::EnterResponse>()},
       "ends an init that it has not begun",
       Reason::kEnterFailed},
      {{SaysInitialized<pb::EnterResponse>()},
       "ends an init that it has not begun",
       Reason::kEnterFailed},
      {{SaysProgress<pb::EnterResponse>(0.5, "?")},
       "tells the progress of no init",
       Reason::kEnterFailed},
      {{SaysInitializing(), SaysEntered()},
       "has entered in the middle of an init",
       Reason::kInitFailed},
      {{pb::EnterResponse()},
       "has an update that is empty or unknown",
       Reason::kEnterFailed},
      {{}, "ended before it had entered", Reason::kEnterFailed},
      {{SaysInitializing()},
       "ended before it had entered",
       Reason::kInitFailed},
      {{SaysInitializing(), SaysInitialized<pb::EnterResponse>()},
       "ended before it had entered",
       Reason::kEnterFailed},
      {{SaysInitializing(),
        SaysInitialized<pb::EnterResponse>(std::string(65537, 'x'))},
       "has a handle of 65537 bytes",
       Reason::kInitFailed},
  };
  for (const auto& row : rows) {
    ProviderScript script;
    script.enter = [&row](EnterStream& stream, const auto&) {
      return Tell(stream, row.updates);
    };
    FakeProvider provider(std::move(script));
    const absl::Status status = AcquireFrom(provider);
    EXPECT_THAT(status, Fails(absl::StatusCode::kInternal, row.reason))
        << row.how;
    EXPECT_THAT(std::string(status.message()),
                AllOf(HasSubstr(row.how), HasSubstr(provider.address())));
    AwaitEvent(Phase::kClosed, 1, absl::StrCat("r", resources_));
    EXPECT_EQ(provider.Trace(), "Construct Enter Close") << row.how;
  }
}

TEST_F(BrokenTest, AnInitThatBreaksTheOrderIsAnErrorThatSaysHow) {
  const struct {
    Inits updates;
    std::string how;
  } rows[] = {
      {{SaysInitialized<pb::InitResponse>(),
        SaysInitialized<pb::InitResponse>()},
       "goes on after it has initialized"},
      {{SaysInitialized<pb::InitResponse>(),
        SaysProgress<pb::InitResponse>(1, "?")},
       "goes on after it has initialized"},
      {{pb::InitResponse()}, "has an update that is empty or unknown"},
      {{}, "ended before it had initialized"},
      {{SaysProgress<pb::InitResponse>(std::nan(""), "?")},
       "ended before it had initialized"},
  };
  for (const auto& row : rows) {
    ProviderScript script;
    script.hooks = {pb::HOOK_INIT, pb::HOOK_CLOSE};
    script.init = [&row](InitStream& stream, const auto&) {
      return Tell(stream, row.updates);
    };
    FakeProvider provider(std::move(script));
    const absl::Status status = AcquireFrom(provider);
    EXPECT_THAT(status,
                Fails(absl::StatusCode::kInternal, Reason::kInitFailed));
    EXPECT_THAT(std::string(status.message()),
                AllOf(HasSubstr(row.how), HasSubstr(provider.address())));
    AwaitEvent(Phase::kClosed, 1, absl::StrCat("r", resources_));
    EXPECT_EQ(provider.Trace(), "Construct Init Close") << row.how;
  }
}

// Answers with what is no UTF-8 where the contract has text.
pb::EnterResponse SaysNonsense() {
  pb::EnterResponse update = SaysEntered();
  update.mutable_entered()->mutable_value()->set_content_type("\xff");
  return update;
}

TEST_F(BrokenTest, AnswersThatDoNotParseAreErrorsAndNotEmpty) {
  ProviderScript script;
  script.enter = [first = std::make_shared<bool>(true)](EnterStream& stream,
                                                        const auto&) {
    return std::exchange(*first, false) ? Tell(stream, {SaysNonsense()})
                                        : Tell(stream, {SaysEntered()});
  };
  script.use = [](CallContext&, const auto&, auto& response) {
    response.mutable_result()->set_content_type("\xff");
    return End(absl::OkStatus());
  };
  Serve(std::move(script));
  const absl::Status entered = Acquire().status();
  EXPECT_THAT(entered,
              Fails(absl::StatusCode::kInternal, Reason::kEnterFailed));
  EXPECT_THAT(std::string(entered.message()), HasSubstr("does not parse"));
  const absl::Status used = Use(*Acquire(), "a").status();
  EXPECT_THAT(used, Fails(absl::StatusCode::kInternal, Reason::kUseFailed));
  EXPECT_THAT(std::string(used.message()), HasSubstr("does not parse"));
}

TEST_F(BrokenTest, AnAnswerThatIsTooLargeIsRefused) {
  ProviderScript script;
  script.enter = [](EnterStream& stream, const auto& request) {
    return Tell(stream,
                {SaysEntered(std::string(
                    request.lease().fencing_token() > 0 ? 5 << 20 : 0, 'x'))});
  };
  Serve(std::move(script));
  EXPECT_THAT(Acquire().status(), Fails(absl::StatusCode::kResourceExhausted,
                                        Reason::kEnterFailed));
  AwaitEvent(Phase::kClosed);
  EXPECT_EQ(provider().Trace(), "Construct Enter Close");
}

TEST_F(BrokenTest, AHandleThatIsTooLargeIsRefused) {
  ProviderScript script;
  script.construct = [](CallContext&, const auto&, auto& response) {
    response.set_handle(std::string(65537, 'x'));
    return End(absl::OkStatus());
  };
  Serve(std::move(script));
  EXPECT_THAT(Acquire().status(),
              Fails(absl::StatusCode::kInternal, Reason::kInitFailed));
  EXPECT_EQ(provider().Trace(), "Construct Close");
}

TEST_F(BrokenTest, AKindThatTheProviderDoesNotHaveIsNamedWithThoseThatItHas) {
  FakeProvider provider;
  const absl::Status status = AcquireFrom(provider, "nothing");
  EXPECT_THAT(status, Fails(absl::StatusCode::kFailedPrecondition,
                            Reason::kInitFailed));
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr("\"nothing\""), HasSubstr("thing"),
                    HasSubstr(provider.address())));
  EXPECT_EQ(provider.Trace(), "");
}

TEST_F(BrokenTest, ADescriptionThatContradictsItselfIsRefused) {
  ProviderScript twice;
  twice.describe = [](CallContext&, const auto&, auto& response) {
    response.add_kinds()->set_name("thing");
    return End(absl::OkStatus());
  };
  ProviderScript unknown;
  unknown.hooks = {static_cast<pb::Hook>(77)};
  ProviderScript unsaid;
  unsaid.hooks = {pb::HOOK_UNSPECIFIED};
  for (const ProviderScript& script : {twice, unknown, unsaid}) {
    FakeProvider provider(script);
    const absl::Status status = AcquireFrom(provider);
    EXPECT_THAT(status,
                Fails(absl::StatusCode::kInternal, Reason::kInitFailed));
    EXPECT_THAT(std::string(status.message()), HasSubstr("Describe"));
  }
}

// ---- failing ----

TEST_F(BrokenTest, AConstructorThatFailsIsNotClosed) {
  ProviderScript script;
  script.construct = [](CallContext&, const auto&, auto&) {
    return End(absl::InvalidArgumentError("size must be less than 7"));
  };
  Serve(std::move(script));
  const absl::Status status = Acquire().status();
  EXPECT_THAT(status,
              Fails(absl::StatusCode::kInvalidArgument, Reason::kInitFailed));
  EXPECT_EQ(status.message(), "size must be less than 7");
  EXPECT_EQ(provider().Trace(), "Construct");
}

TEST_F(BrokenTest, AnEnterThatFailsAfterItsInitIsAnEnterFailure) {
  ProviderScript script;
  script.enter = [](EnterStream& stream, const auto&) {
    return Tell(stream,
                {SaysInitializing(), SaysInitialized<pb::EnterResponse>()},
                absl::PermissionDeniedError("not you"));
  };
  Serve(std::move(script));
  const absl::Status status = Acquire().status();
  EXPECT_THAT(status,
              Fails(absl::StatusCode::kPermissionDenied, Reason::kEnterFailed));
  EXPECT_EQ(status.message(), "not you");
  AwaitEvent(Phase::kClosed);
  EXPECT_EQ(provider().Trace(), "Construct Enter Close");
}

TEST_F(BrokenTest, AnErrorWithoutAMessageNamesTheProvider) {
  ProviderScript script;
  script.construct = [](CallContext&, const auto&, auto&) {
    return End(absl::PermissionDeniedError(""));
  };
  Serve(std::move(script));
  EXPECT_THAT(std::string(Acquire().status().message()),
              HasSubstr(provider().address()));
}

TEST_F(BrokenTest, AnExitThatFailsIsTheReceiptsAndNotCalledAgain) {
  ProviderScript script;
  script.exit = [](CallContext&, const auto&, auto&) {
    return End(absl::DataLossError("not flushed"));
  };
  Serve(std::move(script));
  const auto receipt = Release(*Acquire());
  EXPECT_EQ(receipt->exit_status, absl::DataLossError("not flushed"));
  AwaitEvent(Phase::kClosed);
  EXPECT_EQ(provider().Trace(), "Construct Enter Exit Close");
}

}  // namespace
}  // namespace anteroom::kinds
