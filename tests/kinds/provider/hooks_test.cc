// The hooks of kind `provider`: which are called, when, and with what.
#include <unistd.h>

#include <deque>
#include <future>
#include <memory>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/cord.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "google/rpc/error_details.pb.h"
#include "server/coro/event.h"
#include "server/coro/sync_wait.h"
#include "server/kinds/provider/object.h"
#include "tests/kinds/provider/provider_test.h"
#include "tests/support/fake_channel.h"

namespace anteroom::kinds {
namespace {

using coro::Task;
using lifecycle::ExitReason;
using lifecycle::Phase;
using rpc::CallContext;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;
using EnterStream = rpc::ServerStream<pb::EnterResponse>;
using InitStream = rpc::ServerStream<pb::InitResponse>;

class HooksTest : public ProviderTest {
 protected:
  // Hears of no loss.
  class Instance : public lifecycle::InstanceContext {
   public:
    void Lost(absl::Status) override {}
  };
  Instance instance_;
};

template <typename Request>
const Request& As(const FakeProvider::Call& call) {
  return dynamic_cast<const Request&>(*call.request);
}

ProviderScript WithHooks(std::vector<pb::Hook> hooks) {
  ProviderScript script;
  script.hooks = std::move(hooks);
  return script;
}

// ---- which, and in which order ----

TEST_F(HooksTest, AHoldGoesThroughTheHooksAsInTheArticle) {
  Serve();
  const auto lease = Acquire();
  ASSERT_TRUE(lease.ok()) << lease.status();
  EXPECT_EQ(Use(*lease, "a_method", "\"h\"")->data, "\"h\"");
  const auto receipt = Release(*lease);
  EXPECT_TRUE(receipt->exit_status.ok()) << receipt->exit_status;
  EXPECT_EQ(PhasesUntil(Phase::kClosed),
            "CONSTRUCTED ENTERING INITIALIZING READY ENTERED EXITING EXITED "
            "CLOSING CLOSED");
  EXPECT_EQ(provider().Trace(), "Construct Enter Use Exit Close");
}

TEST_F(HooksTest, AUnixSocketServesAsWell) {
  const std::string address =
      absl::StrCat("unix:", ::testing::TempDir(), "/provider-", getpid());
  provider_ = std::make_unique<FakeProvider>(ProviderScript(), address);
  AddResource("thing", address);
  const auto lease = Acquire();
  ASSERT_TRUE(lease.ok()) << lease.status();
  EXPECT_EQ(Use(*lease, "echo", "1")->data, "1");
}

TEST_F(HooksTest, AnObjectIsCalledForTheHooksThatDescribeSays) {
  const struct {
    std::vector<pb::Hook> hooks;
    std::string calls;
    std::string phases;
  } rows[] = {
      {{}, "Construct Use", "CONSTRUCTED ENTERED EXITED CLOSED"},
      {{pb::HOOK_INIT},
       "Construct Init Use",
       "CONSTRUCTED INITIALIZING READY ENTERED EXITED CLOSED"},
      {{pb::HOOK_EXIT},
       "Construct Use Exit",
       "CONSTRUCTED ENTERED EXITING EXITED CLOSED"},
      {{pb::HOOK_CLOSE},
       "Construct Use Close",
       "CONSTRUCTED ENTERED EXITED CLOSING CLOSED"},
  };
  int number = 0;
  std::deque<FakeProvider> providers;
  for (const auto& row : rows) {
    const std::string name = absl::StrCat("thing", ++number);
    FakeProvider& provider = providers.emplace_back(WithHooks(row.hooks));
    AddResource(name, provider.address());
    const auto lease = Acquire(name);
    ASSERT_TRUE(lease.ok()) << lease.status();
    EXPECT_TRUE(Use(*lease, "a_method").ok());
    EXPECT_TRUE(Release(*lease).ok());
    EXPECT_EQ(PhasesUntil(Phase::kClosed, 1, name), row.phases);
    EXPECT_EQ(provider.Trace(), row.calls);
  }
  Drain();
}

TEST_F(HooksTest, TheNextObjectHasTheHooksThatAreDescribedThen) {
  ProviderScript script = WithHooks({});
  script.describe = [](CallContext&, const auto& request, auto& response) {
    if (absl::StrContains(request.idempotency_key(), "/describe/2")) {
      response.mutable_kinds(0)->add_hooks(pb::HOOK_EXIT);
    }
    return End(absl::OkStatus());
  };
  Serve(std::move(script));
  Release(*Acquire()).IgnoreError();
  AwaitEvent(Phase::kClosed);
  Release(*Acquire()).IgnoreError();
  EXPECT_EQ(PhasesUntil(Phase::kClosed, 2),
            "CONSTRUCTED ENTERED EXITED CLOSED "
            "CONSTRUCTED ENTERED EXITING EXITED CLOSED");
}

TEST_F(HooksTest, AnInitThatEnterDoesNotAwaitIsCalledByItself) {
  ProviderScript script;
  script.enter = [](EnterStream& stream, const auto&) {
    return Tell(stream, {SaysEntered()});
  };
  Serve(std::move(script));
  ASSERT_TRUE(Acquire().ok());
  EXPECT_EQ(provider().Trace(), "Construct Enter Init");
}

TEST_F(HooksTest, AWarmObjectIsInitializedByItself) {
  Policy policy;
  policy.min_idle = 1;
  policy.idle_timeout = absl::Hours(1);
  Serve({}, policy);
  AwaitEvent(Phase::kReady);
  EXPECT_EQ(provider().Trace(), "Construct Init");
}

TEST_F(HooksTest, AnIdleObjectIsCheckedAndOneThatFailsIsClosed) {
  ProviderScript script;
  script.check = [](CallContext&, const auto&, auto&) {
    return End(absl::InternalError("worn out"));
  };
  Policy policy;
  policy.idle_timeout = absl::Hours(1);
  policy.check_interval = absl::Milliseconds(10);
  Serve(std::move(script), policy);
  Release(*Acquire()).IgnoreError();
  EXPECT_EQ(AwaitEvent(Phase::kFailed).status().message(), "worn out");
  AwaitEvent(Phase::kClosed);
  EXPECT_EQ(provider().Trace(), "Construct Enter Exit Check Close");
}

// ---- init, wherever it is awaited ----

TEST_F(HooksTest, TheProgressOfAnInitReachesWhoWaits) {
  ProviderScript script;
  script.enter = [](EnterStream& stream, const auto&) {
    return Tell(stream, {SaysInitializing(),
                         SaysProgress<pb::EnterResponse>(0.25, "in enter"),
                         SaysInitialized<pb::EnterResponse>(), SaysEntered()});
  };
  Serve(std::move(script));
  ProviderScript alone = WithHooks({pb::HOOK_INIT});
  alone.init = [](InitStream& stream, const auto&) {
    return Tell(stream, {SaysProgress<pb::InitResponse>(7, "too much"),
                         SaysInitialized<pb::InitResponse>()});
  };
  FakeProvider other(std::move(alone));
  AddResource("alone", other.address());
  ASSERT_TRUE(Acquire().ok());
  ASSERT_TRUE(Acquire("alone").ok());
  const lifecycle::Event in_enter = AwaitEvent(Phase::kProgress);
  EXPECT_EQ(in_enter.progress(), 0.25);
  EXPECT_EQ(in_enter.message(), "in enter");
  const lifecycle::Event by_itself = AwaitEvent(Phase::kProgress, 1, "alone");
  EXPECT_EQ(by_itself.progress(), 1);
  EXPECT_EQ(by_itself.message(), "too much");
  Drain();
}

TEST_F(HooksTest, TheSecondHoldOfAnObjectAwaitsNoInit) {
  Policy policy;
  policy.idle_timeout = absl::Hours(1);
  Serve({}, policy);
  Release(*Acquire()).IgnoreError();
  Release(*Acquire()).IgnoreError();
  EXPECT_EQ(provider().Trace(), "Construct Enter Exit Enter Exit");
}

// Says `before`, and the rest once the gate is open.
Task<absl::Status> TellAtGate(EnterStream& stream,
                              std::vector<pb::EnterResponse> before,
                              std::shared_ptr<coro::Event> gate,
                              std::vector<pb::EnterResponse> after) {
  for (pb::EnterResponse& update : before) {
    Task<bool> write = stream.Write(std::move(update));
    if (!co_await std::move(write)) co_return absl::CancelledError("broken");
  }
  Task<coro::Wake> wait = gate->Wait(stream.stop_token());
  if (co_await std::move(wait) != coro::Wake::kSignalled) {
    co_return absl::CancelledError("it was cancelled");
  }
  Task<absl::Status> rest = Tell(stream, std::move(after));
  co_return co_await std::move(rest);
}

Policy SharedByTwo() {
  Policy policy;
  policy.max_holders = 2;
  return policy;
}

// The first to enter awaits the init until `gate` opens; the second finds it
// awaited.
ProviderScript OneInit(std::shared_ptr<coro::Event>& gate) {
  ProviderScript script;
  script.enter = [&gate, first = std::make_shared<bool>(true)](
                     EnterStream& stream, const auto&) {
    if (std::exchange(*first, false)) {
      return TellAtGate(
          stream, {SaysInitializing()}, gate,
          {SaysInitialized<pb::EnterResponse>(), SaysEntered("1")});
    }
    return TellAtGate(stream, {}, gate, {SaysEntered("2")});
  };
  return script;
}

TEST_F(HooksTest, TwoThatEnterOneObjectShareTheInitThatOneOfThemAwaits) {
  auto gate = std::make_shared<coro::Event>(runtime());
  Serve(OneInit(gate), SharedByTwo());
  auto first = StartAcquire();
  provider().Await("Enter", 1);
  AwaitEvent(Phase::kInitializing);
  auto second = StartAcquire();
  provider().Await("Enter", 2);
  gate->Set();
  const auto one = first.get();
  const auto two = second.get();
  ASSERT_TRUE(one.ok()) << one.status();
  ASSERT_TRUE(two.ok()) << two.status();
  EXPECT_EQ((*one)->View().value.data, "1");
  EXPECT_EQ((*two)->View().value.data, "2");
  EXPECT_EQ(provider().Trace(), "Construct Enter Enter");
}

// Awaits the init until the gate opens, and then something that never comes.
Task<absl::Status> InitAtGateThenHang(FakeProvider& provider,
                                      EnterStream& stream,
                                      std::shared_ptr<coro::Event> gate) {
  Task<absl::Status> init =
      TellAtGate(stream, {SaysInitializing()}, std::move(gate),
                 {SaysInitialized<pb::EnterResponse>()});
  const absl::Status told = co_await std::move(init);
  if (!told.ok()) co_return told;
  Task<absl::Status> hang = Hang(provider, stream.stop_token());
  co_return co_await std::move(hang);
}

TEST_F(HooksTest, WhoLeavesTheInitThatItsEnterAwaitsLeavesItToTheOther) {
  auto gate = std::make_shared<coro::Event>(runtime());
  ProviderScript script;
  script.enter = [this, &gate, first = std::make_shared<bool>(true)](
                     EnterStream& stream, const auto&) {
    if (std::exchange(*first, false)) {
      return InitAtGateThenHang(provider(), stream, gate);
    }
    return TellAtGate(stream, {}, gate, {SaysEntered("2")});
  };
  Serve(std::move(script), SharedByTwo());
  std::stop_source stop;
  auto first = StartAcquire("thing", stop.get_token());
  AwaitEvent(Phase::kInitializing);
  auto second = StartAcquire();
  provider().Await("Enter", 2);
  stop.request_stop();
  EXPECT_TRUE(absl::IsCancelled(first.get().status()));
  gate->Set();
  const auto two = second.get();
  ASSERT_TRUE(two.ok()) << two.status();
  EXPECT_EQ((*two)->View().value.data, "2");
  EXPECT_EQ(provider().Trace(), "Construct Enter Enter");
  provider().AwaitCancelled();  // what was left of the first
}

TEST_F(HooksTest, AnInitThatFailsInsideAnEnterIsTriedAgainByItself) {
  ProviderScript script;
  script.enter = [first = std::make_shared<bool>(true)](EnterStream& stream,
                                                        const auto&) {
    return std::exchange(*first, false)
               ? Tell(stream, {SaysInitializing()},
                      absl::UnavailableError("not yet"))
               : Tell(stream, {SaysEntered("2")});
  };
  Policy policy;
  policy.init_retry.attempts = 2;
  policy.init_retry.initial_backoff = absl::ZeroDuration();
  Serve(std::move(script), policy);
  const auto lease = Acquire();
  ASSERT_TRUE(lease.ok()) << lease.status();
  EXPECT_EQ((*lease)->View().value.data, "2");
  EXPECT_EQ(provider().Trace(), "Construct Enter Init Enter");
}

TEST_F(HooksTest, AnInitThatFailsInsideAnEnterIsAnInitFailure) {
  ProviderScript script;
  script.enter = [](EnterStream& stream, const auto&) {
    return Tell(stream, {SaysInitializing()},
                absl::NotFoundError("no such model"));
  };
  Serve(std::move(script));
  const absl::Status status = Acquire().status();
  EXPECT_THAT(status, Fails(absl::StatusCode::kNotFound, Reason::kInitFailed));
  EXPECT_EQ(status.message(), "no such model");
  AwaitEvent(Phase::kClosed);
  EXPECT_EQ(provider().Trace(), "Construct Enter Close");
}

// ---- with what ----

TEST_F(HooksTest, EachCallSaysWhichObjectAndWhichLease) {
  ProviderScript script;
  script.enter = [](EnterStream& stream, const auto&) {
    return Tell(stream,
                {SaysInitializing(),
                 SaysInitialized<pb::EnterResponse>("made and initialized"),
                 SaysEntered("\"h\"")});
  };
  Serve(std::move(script));
  const auto lease = Acquire();
  ASSERT_TRUE(lease.ok()) << lease.status();
  EXPECT_EQ((*lease)->View().value, (Payload{lifecycle::kJson, "\"h\""}));
  Use(*lease, "a_method", "1").IgnoreError();
  Release(*lease, {ExitReason::kBodyFailed, absl::DataLossError("body")})
      .IgnoreError();
  AwaitEvent(Phase::kClosed);

  const auto construct =
      As<pb::ConstructRequest>(provider().Await("Construct"));
  EXPECT_EQ(construct.object().kind(), "thing");
  EXPECT_EQ(construct.object().resource(), "thing");
  EXPECT_THAT(construct.object().instance_id(), StartsWith("thing#1@"));
  EXPECT_EQ(construct.object().handle(), "");
  EXPECT_EQ(construct.parameters().fields().at("size").number_value(), 7);

  const auto enter = As<pb::EnterRequest>(provider().Await("Enter"));
  EXPECT_EQ(enter.object().handle(), "made");
  EXPECT_EQ(enter.lease().name(), (*lease)->name());
  EXPECT_EQ(enter.lease().fencing_token(), (*lease)->fencing_token());
  EXPECT_EQ(enter.lease().holder(), "somebody");
  EXPECT_EQ(enter.lease().labels().at("job"), "7");
  EXPECT_EQ(enter.argument().data(), "1");

  const auto use = As<pb::UseRequest>(provider().Await("Use"));
  EXPECT_EQ(use.object().handle(), "made and initialized");
  EXPECT_EQ(use.lease().name(), (*lease)->name());
  EXPECT_EQ(use.method_name(), "a_method");
  EXPECT_EQ(use.argument().content_type(), lifecycle::kJson);

  const auto exit = As<pb::ExitRequest>(provider().Await("Exit"));
  EXPECT_EQ(exit.reason(), v1::EXIT_REASON_BODY_FAILED);
  EXPECT_EQ(exit.error().message(), "body");
  EXPECT_EQ(exit.error().code(), static_cast<int>(absl::StatusCode::kDataLoss));
  EXPECT_EQ(exit.attempt(), 1);
  EXPECT_EQ(exit.object().instance_id(), construct.object().instance_id());

  const auto close = As<pb::CloseRequest>(provider().Await("Close"));
  EXPECT_EQ(close.object().instance_id(), construct.object().instance_id());
  EXPECT_EQ(close.reason(), "no longer needed");
}

TEST_F(HooksTest, NoTwoCallsHaveTheSameKeyNorTwoObjectsTheSameName) {
  Serve();
  AddResource("other", provider().address());
  for (int i = 0; i < 2; ++i) {
    for (const char* const resource : {"thing", "other"}) {
      const auto lease = Acquire(resource);
      ASSERT_TRUE(lease.ok()) << lease.status();
      Use(*lease, "a").IgnoreError();
      Use(*lease, "a").IgnoreError();
      Release(*lease).IgnoreError();
    }
  }
  Drain();
  std::set<std::string> keys;
  std::set<std::string> objects;
  for (const FakeProvider::Call& call : provider().calls()) {
    const auto* const key =
        call.request->GetDescriptor()->FindFieldByName("idempotency_key");
    EXPECT_TRUE(keys.insert(call.request->GetReflection()->GetString(
                                *call.request, key))
                    .second)
        << call.request->DebugString();
    if (call.method == "Construct") {
      objects.insert(As<pb::ConstructRequest>(call).object().instance_id());
    }
  }
  EXPECT_EQ(keys.size(), 4 * 6);
  EXPECT_EQ(objects.size(), 4);
}

TEST_F(HooksTest, AnotherStartOfTheServerNamesItsObjectsDifferently) {
  Serve();
  ASSERT_TRUE(Acquire().ok());
  lifecycle::Anteroom restarted(runtime(), lifecycle::Anteroom::Options{});
  ASSERT_TRUE(
      restarted
          .AddResource("thing", Policy(),
                       std::make_unique<Provider>(
                           runtime(),
                           ProviderParameters{
                               provider().address(), "thing", {}, false, {}}))
          .ok());
  const auto lease = coro::SyncWait(restarted.Acquire(
      "thing", {}, absl::InfiniteDuration(), {}, coro::kNever));
  ASSERT_TRUE(lease.ok()) << lease.status();
  EXPECT_EQ((*lease)->View().instance_id, "thing#1");
  coro::SyncWait(restarted.Drain());
  EXPECT_NE(As<pb::ConstructRequest>(provider().Await("Construct", 1))
                .object()
                .instance_id(),
            As<pb::ConstructRequest>(provider().Await("Construct", 2))
                .object()
                .instance_id());
}

TEST_F(HooksTest, WhatExitAnswersIsTheReceipts) {
  ProviderScript script;
  script.exit = [](CallContext&, const auto&, auto& response) {
    response.set_suppress(true);
    response.set_tainted(true);
    return End(absl::OkStatus());
  };
  Policy policy;
  policy.idle_timeout = absl::Hours(1);
  Serve(std::move(script), policy);
  const auto receipt = Release(
      *Acquire(), {ExitReason::kBodyFailed, absl::DataLossError("body")});
  EXPECT_TRUE(receipt->error_suppressed);
  AwaitEvent(Phase::kClosed);  // tainted
}

// ---- bounds ----

TEST_F(HooksTest, EachCallBearsTheBoundOfItsHook) {
  Policy policy;
  policy.init_timeout = absl::Seconds(1000);
  policy.enter_timeout = absl::Seconds(2000);
  policy.use_timeout = absl::Seconds(3000);
  policy.exit_timeout = absl::Seconds(4000);
  policy.close_timeout = absl::Seconds(5000);
  policy.idle_timeout = absl::Hours(1);
  const coro::Instant begin = time_.Now();
  Serve({}, policy);
  for (int i = 0; i < 2; ++i) {
    const auto lease = Acquire();
    Use(*lease, "a").IgnoreError();
    Release(*lease).IgnoreError();
  }
  Drain();
  const struct {
    const char* method;
    int number;
    absl::Duration bound;
  } rows[] = {
      {"Construct", 1, policy.init_timeout},
      // The first awaits the init inside.
      {"Enter", 1, policy.init_timeout + policy.enter_timeout},
      {"Enter", 2, policy.enter_timeout},
      {"Use", 1, policy.use_timeout},
      {"Exit", 1, policy.exit_timeout},
      {"Close", 1, policy.close_timeout},
  };
  const absl::Duration took = coro::Between(begin, time_.Now());
  for (const auto& row : rows) {
    const absl::Duration bound =
        coro::Between(begin, provider().Await(row.method, row.number).deadline);
    // A second for two clocks; gRPC rounds what it sends up, by 1 % at most.
    EXPECT_GE(bound, row.bound - absl::Seconds(1)) << row.method;
    EXPECT_LE(bound, row.bound * 1.01 + took + absl::Seconds(1)) << row.method;
  }
}

TEST_F(HooksTest, NoCallIsWithoutABound) {
  Policy policy;
  policy.use_timeout = absl::InfiniteDuration();
  Serve({}, policy);
  Use(*Acquire(), "a").IgnoreError();
  EXPECT_NE(provider().Await("Use").deadline, coro::kNever);
}

TEST_F(HooksTest, WhoLeavesHasItsCallCancelled) {
  ProviderScript script;
  script.enter = [this](EnterStream& stream, const auto&) {
    return Hang(provider(), stream.stop_token());
  };
  Serve(std::move(script));
  std::stop_source stop;
  auto acquire = StartAcquire("thing", stop.get_token());
  provider().Await("Enter");
  stop.request_stop();
  EXPECT_TRUE(absl::IsCancelled(acquire.get().status()));
  provider().AwaitCancelled();
}

TEST_F(HooksTest, TheEndOfItsLeaseCancelsACall) {
  ProviderScript script;
  script.use = [this](CallContext& call, const auto&, auto&) {
    return Hang(provider(), call.stop_token());
  };
  Policy policy;
  policy.use_grace = absl::ZeroDuration();
  Serve(std::move(script), policy);
  const auto lease = Acquire();
  auto use = StartUse(*lease, "slow");
  provider().Await("Use");
  Release(*lease).IgnoreError();
  EXPECT_THAT(use.get().status(),
              Fails(absl::StatusCode::kAborted, Reason::kUseCancelled));
  provider().AwaitCancelled();
}

// ---- errors ----

TEST_F(HooksTest, AnErrorKeepsItsCodeItsMessageAndItsDetails) {
  ProviderScript script;
  script.use = [](CallContext&, const auto&, auto&) {
    google::rpc::ErrorInfo info;
    info.set_domain("example.com");
    info.set_reason("OUT_OF_PAPER");
    absl::Status status = absl::OutOfRangeError("no paper");
    status.SetPayload("type.googleapis.com/google.rpc.ErrorInfo",
                      absl::Cord(absl::string_view(info.SerializeAsString())));
    return End(WithRetryDelay(std::move(status), absl::Seconds(3)));
  };
  Serve(std::move(script));
  const absl::Status status = Use(*Acquire(), "print").status();
  EXPECT_THAT(status, Fails(absl::StatusCode::kOutOfRange, Reason::kUseFailed));
  EXPECT_EQ(status.message(), "no paper");
  const ErrorDetail detail = DetailOf(status);
  EXPECT_EQ(detail.retry_delay, absl::Seconds(3));
  ASSERT_EQ(detail.foreign.size(), 1);
  EXPECT_THAT(detail.foreign.front().second, HasSubstr("OUT_OF_PAPER"));
}

TEST_F(HooksTest, AReasonOfOursThatAProviderPassesOnIsNotTheHolders) {
  ProviderScript script;
  script.use = [](CallContext&, const auto&, auto&) {
    return End(Error(Reason::kLeaseEnded, "a lease of its own"));
  };
  Serve(std::move(script));
  EXPECT_THAT(Use(*Acquire(), "borrow").status(),
              Fails(absl::StatusCode::kFailedPrecondition, Reason::kUseFailed));
}

TEST_F(HooksTest, AMethodThatAnObjectDoesNotHaveIsNotFound) {
  ProviderScript script;
  script.use = [](CallContext&, const auto&, auto&) {
    return End(absl::UnimplementedError("no such method: dance"));
  };
  Serve(std::move(script));
  const absl::Status status = Use(*Acquire(), "dance").status();
  EXPECT_THAT(status,
              Fails(absl::StatusCode::kUnimplemented, Reason::kMethodNotFound));
  EXPECT_EQ(status.message(), "no such method: dance");
}

// ---- streams ----

using UseStream = rpc::BidiStream<pb::UseStreamRequest, pb::UseStreamResponse>;

// Answers each message with itself and the method's name; then with `status`.
Task<absl::Status> EchoAll(UseStream& stream, absl::Status status) {
  std::string method;
  while (true) {
    auto read = stream.Read();
    const auto request = co_await std::move(read);
    if (!request.ok()) co_return request.status();
    if (!request->has_value()) co_return status;
    if (method.empty()) method = (*request)->method_name();
    pb::UseStreamResponse response;
    response.mutable_result()->set_data(
        absl::StrCat(method, " ", (*request)->argument().data()));
    stream.Send(response);
  }
}

TEST_F(HooksTest, AStreamingMethodHearsAndTellsInOrderToItsStatus) {
  ProviderScript script;
  script.use_stream = [](UseStream& stream) {
    return EchoAll(stream, absl::DataLossError("enough"));
  };
  Serve(std::move(script));
  const auto lease = Acquire();
  testing::FakeChannel channel;
  channel.incoming = {{"text/plain", "b"}, {"text/plain", "c"}};
  const Payload argument{"text/plain", "a"};
  const absl::Status status = coro::SyncWait(anteroom_->UseStream(
      (*lease)->id(), "echo", argument, channel, 0, {}, coro::kNever));
  EXPECT_THAT(status, Fails(absl::StatusCode::kDataLoss, Reason::kUseFailed));
  EXPECT_THAT(channel.outgoing, ElementsAre("echo a", "echo b", "echo c"));
}

// Ends though the caller would say more.
Task<absl::Status> EndAtOnce(UseStream& stream) {
  auto read = stream.Read();
  (void)co_await std::move(read);
  co_return absl::OkStatus();
}

// A caller that says nothing, and goes when it is told to.
class SilentChannel : public lifecycle::UseChannel {
 public:
  explicit SilentChannel(coro::Runtime runtime) : never_(runtime) {}
  Task<absl::StatusOr<std::optional<Payload>>> Read(
      std::stop_token stop) override {
    Task<coro::Wake> wait = never_.Wait(std::move(stop));
    co_await std::move(wait);
    co_return absl::CancelledError("stopped");
  }
  Task<absl::Status> Write(Payload, std::stop_token) override {
    co_return absl::OkStatus();
  }

 private:
  coro::Event never_;
};

TEST_F(HooksTest, AStreamingMethodMayEndWhileItsCallerIsSilent) {
  ProviderScript script;
  script.use_stream = EndAtOnce;
  Serve(std::move(script));
  const auto lease = Acquire();
  SilentChannel channel(runtime());
  const absl::Status status = coro::SyncWait(anteroom_->UseStream(
      (*lease)->id(), "s", Payload(), channel, 0, {}, coro::kNever));
  EXPECT_TRUE(status.ok()) << status;
}

TEST_F(HooksTest, AStoppedStreamIsCancelled) {
  ProviderScript script;
  script.use_stream = [this](UseStream& stream) {
    return Hang(provider(), stream.stop_token());
  };
  Serve(std::move(script));
  const auto lease = Acquire();
  SilentChannel channel(runtime());
  std::stop_source stop;
  auto use = std::async(std::launch::async, [&] {
    return coro::SyncWait(anteroom_->UseStream((*lease)->id(), "s", Payload(),
                                               channel, 0, stop.get_token(),
                                               coro::kNever));
  });
  provider().Await("UseStream");
  stop.request_stop();
  EXPECT_TRUE(absl::IsCancelled(use.get()));
  provider().AwaitCancelled();
}

// A caller whose second message is none.
class RubbishChannel : public SilentChannel {
 public:
  using SilentChannel::SilentChannel;
  Task<absl::StatusOr<std::optional<Payload>>> Read(std::stop_token) override {
    co_return InvalidField("argument", "is no message");
  }
};

TEST_F(HooksTest, ACallerThatTalksRubbishIsToldSoAndItsCallIsCancelled) {
  ProviderScript script;
  script.use_stream = [this](UseStream& stream) {
    return Hang(provider(), stream.stop_token());
  };
  Serve(std::move(script));
  const auto lease = Acquire();
  RubbishChannel channel(runtime());
  EXPECT_THAT(
      coro::SyncWait(anteroom_->UseStream((*lease)->id(), "s", Payload(),
                                          channel, 0, {}, coro::kNever)),
      Fails(absl::StatusCode::kInvalidArgument, Reason::kInvalidRequest));
  provider().AwaitCancelled();
}

// ---- endpoints ----

TEST_F(HooksTest, AnEndpointIsWhatEnterSaysOrTheProviderItself) {
  const auto endpoint_of = [this](bool proxy, const std::string& value) {
    Provider kind(runtime(), {"127.0.0.1:1", "thing", {}, proxy, {}});
    const lifecycle::InstanceInfo info;
    return ProviderObject(kind, info, "thing#1@x", {}, instance_)
        .Endpoint({lifecycle::kJson, value});
  };
  EXPECT_EQ(endpoint_of(true, R"({"endpoint": "127.0.0.1:2"})").value(),
            "127.0.0.1:2");
  EXPECT_EQ(endpoint_of(true, R"({"endpoint": 2})").value(), "127.0.0.1:1");
  EXPECT_EQ(endpoint_of(true, "\"h\"").value(), "127.0.0.1:1");
  EXPECT_EQ(endpoint_of(true, "no json").value(), "127.0.0.1:1");
  EXPECT_TRUE(
      HasReason(endpoint_of(false, "").status(), Reason::kMethodNotFound));
}

}  // namespace
}  // namespace anteroom::kinds
