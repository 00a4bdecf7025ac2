// Kind `hello` as a holder meets it: through the lifecycle, in a world whose
// time stands still.
#include "server/kinds/hello/hello.h"

#include <deque>
#include <memory>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/error/error.h"
#include "server/lifecycle/anteroom.h"
#include "tests/lifecycle/lifecycle_test.h"
#include "tests/support/fake_channel.h"
#include "tests/support/manual_runtime.h"

namespace anteroom::kinds {
namespace {

using lifecycle::AcquireOutcome;
using lifecycle::AwaitInit;
using lifecycle::ExitCause;
using lifecycle::ExitReason;
using lifecycle::FailsWith;
using lifecycle::LeasePtr;
using lifecycle::Payload;
using lifecycle::Policy;
using lifecycle::Receipt;
using lifecycle::RecordingSink;
using lifecycle::ReleaseOutcome;
using lifecycle::UseOutcome;
using ::testing::HasSubstr;

constexpr absl::Duration kInstant = absl::Nanoseconds(1);

// The resource "hello", of the kind that Serve() configures.
class HelloTest : public ::testing::Test {
 protected:
  ~HelloTest() override {
    world_.RunAdvancing(anteroom_.Drain());
    world_.RunAdvancing(calls_.Join());
    EXPECT_EQ(instances(), 0u);
    EXPECT_EQ(world_.timers().pending(), 0u) << "a timer is left";
  }

  // To be called once, before all else.
  void Serve(const HelloParameters& parameters, const Policy& policy = {}) {
    const absl::Status added = anteroom_.AddResource(
        "hello", policy, std::make_unique<Hello>(world_.runtime(), parameters));
    ASSERT_TRUE(added.ok()) << added;
  }

  AcquireOutcome StartAcquire(std::stop_token stop = {}) {
    lifecycle::AcquireOptions options;
    options.stream_bound = true;  // no time to live
    options.sink = sink_;
    return {calls_, anteroom_.Acquire("hello", std::move(options),
                                      absl::InfiniteDuration(), std::move(stop),
                                      coro::kNever)};
  }

  UseOutcome StartUse(const LeasePtr& lease, std::string method,
                      std::string json = "", std::stop_token stop = {}) {
    arguments_.push_back(Payload{lifecycle::kJson, std::move(json)});
    return {calls_,
            anteroom_.Use(lease->id(), methods_.emplace_back(std::move(method)),
                          arguments_.back(), 0, std::move(stop), coro::kNever)};
  }

  ReleaseOutcome StartRelease(const LeasePtr& lease, ExitCause cause = {}) {
    return {calls_,
            anteroom_.Release(lease->id(), std::move(cause), {}, coro::kNever)};
  }

  // The same three, to their end, which must come without time passing.
  absl::StatusOr<LeasePtr> Acquire() { return Now(StartAcquire()); }
  absl::StatusOr<Payload> Use(const LeasePtr& lease, std::string method,
                              std::string json = "") {
    return Now(StartUse(lease, std::move(method), std::move(json)));
  }
  Receipt Release(const LeasePtr& lease, ExitCause cause = {}) {
    return Now(StartRelease(lease, std::move(cause))).value();
  }

  template <typename T>
  T Now(const testing::Outcome<T>& outcome) {
    world_.RunUntilIdle();
    return outcome.value();
  }

  // `outcome` comes when `takes` has passed from now on, and no sooner.
  template <typename T>
  void ExpectTakes(absl::Duration takes, const testing::Outcome<T>& outcome) {
    world_.Advance(takes - kInstant);
    EXPECT_FALSE(outcome.done()) << "too soon";
    world_.Advance(kInstant);
    ASSERT_TRUE(outcome.done()) << "too late";
  }

  std::size_t instances() {
    return (*anteroom_.FindPool("hello"))->counts().instances;
  }

  testing::ManualRuntime world_;
  lifecycle::Anteroom anteroom_{world_.runtime(), {}};
  coro::TaskGroup calls_{world_.runtime()};
  const std::shared_ptr<RecordingSink> sink_ =
      std::make_shared<RecordingSink>();
  // Of the calls so far, which look at them.
  std::deque<std::string> methods_;
  std::deque<Payload> arguments_;
};

HelloParameters OfStyle(HelloStyle style) {
  HelloParameters parameters;
  parameters.style = style;
  return parameters;
}

Policy NeverAwaited() {
  Policy policy;
  policy.await_init = AwaitInit::kNever;
  return policy;
}

// ---- Styles ----

TEST(HelloHooksTest, AStyleHasTheHooksOfItsProgramAndNoOthers) {
  testing::ManualRuntime world;
  const struct {
    HelloStyle style;
    bool init;
    bool context;  // enter and exit
  } styles[] = {
      {HelloStyle::kPlain, false, false},
      {HelloStyle::kAwaitable, true, false},
      {HelloStyle::kContext, true, true},
      {HelloStyle::kEnterAwaitsInit, true, true},
  };
  for (const auto& row : styles) {
    const lifecycle::Hooks hooks =
        Hello(world.runtime(), OfStyle(row.style)).hooks();
    EXPECT_EQ(hooks.init, row.init);
    EXPECT_EQ(hooks.enter, row.context);
    EXPECT_EQ(hooks.exit, row.context);
    EXPECT_FALSE(hooks.close);
  }
}

TEST(HelloHooksTest, CloseTakesGivesEveryStyleACloseHook) {
  testing::ManualRuntime world;
  for (const HelloStyle style :
       {HelloStyle::kPlain, HelloStyle::kAwaitable, HelloStyle::kContext,
        HelloStyle::kEnterAwaitsInit}) {
    HelloParameters parameters = OfStyle(style);
    parameters.close_takes = kInstant;
    EXPECT_TRUE(Hello(world.runtime(), parameters).hooks().close);
  }
}

TEST(HelloHooksTest, TheDefaultStyleIsTheFourthProgram) {
  EXPECT_EQ(HelloParameters().style, HelloStyle::kEnterAwaitsInit);
}

class HelloArticleTest : public HelloTest {
 protected:
  std::string TraceOfOneHold() {
    const LeasePtr lease = Acquire().value();
    EXPECT_TRUE(Use(lease, "a_method").ok());
    Release(lease);
    return sink_->Trace();
  }
};

TEST_F(HelloArticleTest, Program1IsUsableOnceConstructed) {
  Serve(OfStyle(HelloStyle::kPlain));
  EXPECT_EQ(TraceOfOneHold(), "CONSTRUCTED ENTERED USED EXITED");
}

TEST_F(HelloArticleTest, Program2IsAwaited) {
  Serve(OfStyle(HelloStyle::kAwaitable));
  EXPECT_EQ(TraceOfOneHold(),
            "CONSTRUCTED INITIALIZING READY ENTERED USED EXITED");
}

TEST_F(HelloArticleTest, Program3IsEnteredAndNeverAwaited) {
  Serve(OfStyle(HelloStyle::kContext), NeverAwaited());
  EXPECT_EQ(TraceOfOneHold(),
            "CONSTRUCTED ENTERING ENTERED USED EXITING EXITED");
}

TEST_F(HelloArticleTest, Program4AwaitsItsInitWhileItEnters) {
  Serve(OfStyle(HelloStyle::kEnterAwaitsInit));
  EXPECT_EQ(TraceOfOneHold(),
            "CONSTRUCTED ENTERING INITIALIZING READY ENTERED USED EXITING "
            "EXITED");
}

TEST_F(HelloArticleTest, TheEnterOfTheThirdProgramDoesNotAwaitTheInit) {
  HelloParameters parameters = OfStyle(HelloStyle::kContext);
  parameters.enter_takes = absl::Seconds(5);
  Serve(parameters);  // which has the server await it, after enter
  StartAcquire();
  world_.Advance(absl::Seconds(5) - kInstant);
  EXPECT_EQ(sink_->Trace(), "CONSTRUCTED ENTERING");
  world_.Advance(kInstant);
  EXPECT_EQ(sink_->Trace(), "CONSTRUCTED ENTERING INITIALIZING READY ENTERED");
}

// ---- Time ----

TEST_F(HelloTest, WithoutKnobsNothingTakesTime) {
  Serve({});
  const LeasePtr lease = Acquire().value();
  EXPECT_TRUE(Use(lease, "a_method").ok());
  Release(lease);
  EXPECT_EQ(instances(), 0u);
}

TEST_F(HelloTest, InitTakesInitTakes) {
  HelloParameters parameters = OfStyle(HelloStyle::kAwaitable);
  parameters.init_takes = absl::Milliseconds(1500);
  Serve(parameters);
  const AcquireOutcome acquire = StartAcquire();
  ExpectTakes(absl::Milliseconds(1500), acquire);
  EXPECT_TRUE(acquire.value().ok());
}

TEST_F(HelloTest, EnterTakesEnterTakesAfterTheInit) {
  HelloParameters parameters;
  parameters.init_takes = absl::Seconds(3);
  parameters.enter_takes = absl::Seconds(2);
  Serve(parameters);
  const AcquireOutcome acquire = StartAcquire();
  ExpectTakes(absl::Seconds(5), acquire);
  EXPECT_TRUE(acquire.value().ok());
}

TEST_F(HelloTest, EveryMethodTakesUseTakes) {
  HelloParameters parameters;
  parameters.use_takes = absl::Seconds(2);
  Serve(parameters);
  const LeasePtr lease = Acquire().value();
  for (const char* const method : {"a_method", "echo"}) {
    const UseOutcome use = StartUse(lease, method);
    ExpectTakes(absl::Seconds(2), use);
    EXPECT_TRUE(use.value().ok()) << method;
  }
  const UseOutcome fail = StartUse(lease, "fail", "\"ABORTED\"");
  ExpectTakes(absl::Seconds(2), fail);
  EXPECT_EQ(fail.value().status().code(), absl::StatusCode::kAborted);
  const UseOutcome sleep = StartUse(lease, "sleep", "0.25");
  ExpectTakes(absl::Milliseconds(2250), sleep);
  EXPECT_TRUE(sleep.value().ok());
}

TEST_F(HelloTest, ExitTakesExitTakes) {
  HelloParameters parameters;
  parameters.exit_takes = absl::Seconds(4);
  Serve(parameters);
  const ReleaseOutcome release = StartRelease(Acquire().value());
  ExpectTakes(absl::Seconds(4), release);
  EXPECT_TRUE(release.value()->exit_status.ok());
  EXPECT_EQ(release.value()->exited, absl::Seconds(4));
}

TEST_F(HelloTest, CloseTakesCloseTakes) {
  HelloParameters parameters;
  parameters.close_takes = absl::Seconds(6);
  Serve(parameters);
  Release(Acquire().value());  // the last exit closes it
  world_.Advance(absl::Seconds(6) - kInstant);
  EXPECT_EQ(instances(), 1u);
  world_.Advance(kInstant);
  EXPECT_EQ(instances(), 0u);
}

// ---- Stopping: a hook that takes longer than its bound ends at the bound ----

TEST_F(HelloTest, InitEndsWhenItsTimeoutPasses) {
  HelloParameters parameters;
  parameters.init_takes = absl::Hours(1);
  Policy policy;
  policy.init_timeout = absl::Seconds(7);
  Serve(parameters, policy);
  const AcquireOutcome acquire = StartAcquire();
  ExpectTakes(absl::Seconds(7), acquire);
  EXPECT_THAT(acquire.value().status(), FailsWith(Reason::kInitTimedOut));
}

TEST_F(HelloTest, InitEndsWhenItsCallerLeaves) {
  HelloParameters parameters;
  parameters.init_takes = absl::Seconds(20);
  Serve(parameters);
  std::stop_source caller;
  const AcquireOutcome acquire = StartAcquire(caller.get_token());
  world_.RunUntilIdle();
  EXPECT_EQ(instances(), 1u);
  caller.request_stop();
  EXPECT_EQ(Now(acquire).status().code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(instances(), 0u);
}

TEST_F(HelloTest, EnterEndsWhenItsTimeoutPasses) {
  HelloParameters parameters;
  parameters.enter_takes = absl::Hours(1);
  Policy policy;
  policy.enter_timeout = absl::Seconds(7);
  Serve(parameters, policy);
  const AcquireOutcome acquire = StartAcquire();
  ExpectTakes(absl::Seconds(7), acquire);
  EXPECT_THAT(acquire.value().status(), FailsWith(Reason::kEnterTimedOut));
}

TEST_F(HelloTest, ExitEndsWhenItsTimeoutPasses) {
  HelloParameters parameters;
  parameters.exit_takes = absl::Hours(1);
  Policy policy;
  policy.exit_timeout = absl::Seconds(7);
  Serve(parameters, policy);
  const ReleaseOutcome release = StartRelease(Acquire().value());
  ExpectTakes(absl::Seconds(7), release);
  EXPECT_EQ(release.value()->exit_status.code(),
            absl::StatusCode::kDeadlineExceeded);
}

TEST_F(HelloTest, CloseEndsWhenItsTimeoutPasses) {
  HelloParameters parameters;
  parameters.close_takes = absl::Hours(1);
  Policy policy;
  policy.close_timeout = absl::Seconds(7);
  Serve(parameters, policy);
  Release(Acquire().value());
  world_.Advance(absl::Seconds(7) - kInstant);
  EXPECT_EQ(instances(), 1u);
  world_.Advance(kInstant);
  EXPECT_EQ(instances(), 0u);
}

// ---- Failures ----

TEST_F(HelloTest, TheFirstInitsFailWithUnavailable) {
  HelloParameters parameters;
  parameters.init_fails = 2;
  Serve(parameters);
  for (int i = 0; i < 2; ++i) {
    const absl::Status failed = Acquire().status();
    EXPECT_EQ(failed.code(), absl::StatusCode::kUnavailable);
    EXPECT_THAT(failed, FailsWith(Reason::kInitFailed));
  }
  EXPECT_TRUE(Acquire().ok());
}

TEST_F(HelloTest, AnInitFailsOnlyAfterItsTime) {
  HelloParameters parameters;
  parameters.init_takes = absl::Seconds(3);
  parameters.init_fails = 1;
  Serve(parameters);
  const AcquireOutcome acquire = StartAcquire();
  ExpectTakes(absl::Seconds(3), acquire);
  EXPECT_EQ(acquire.value().status().code(), absl::StatusCode::kUnavailable);
}

TEST_F(HelloTest, TheFirstEntersFailWithInternal) {
  HelloParameters parameters;
  parameters.enter_fails = 2;
  Serve(parameters);
  for (int i = 0; i < 2; ++i) {
    const absl::Status failed = Acquire().status();
    EXPECT_EQ(failed.code(), absl::StatusCode::kInternal);
    EXPECT_THAT(failed, FailsWith(Reason::kEnterFailed));
  }
  EXPECT_TRUE(Acquire().ok());
}

TEST_F(HelloTest, TheFirstExitsFailWithInternal) {
  HelloParameters parameters;
  parameters.exit_fails = 2;
  Serve(parameters);
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(Release(Acquire().value()).exit_status.code(),
              absl::StatusCode::kInternal);
  }
  EXPECT_TRUE(Release(Acquire().value()).exit_status.ok());
}

// ---- Suppressing ----

TEST_F(HelloTest, SuppressTakesTheBodysErrorUponItself) {
  HelloParameters parameters;
  parameters.suppress = true;
  Serve(parameters);
  const Receipt receipt = Release(
      Acquire().value(),
      {ExitReason::kBodyFailed, absl::UnknownError("ValueError"), false});
  EXPECT_EQ(receipt.reason, ExitReason::kBodyFailed);
  EXPECT_TRUE(receipt.error_suppressed);
  EXPECT_FALSE(Release(Acquire().value()).error_suppressed)
      << "there was no error";
}

TEST_F(HelloTest, WithoutSuppressTheBodysErrorStays) {
  Serve({});
  const Receipt receipt = Release(
      Acquire().value(),
      {ExitReason::kBodyFailed, absl::UnknownError("ValueError"), false});
  EXPECT_FALSE(receipt.error_suppressed);
}

// ---- Progress ----

TEST_F(HelloTest, InitReportsItsProgressInEqualSteps) {
  HelloParameters parameters;
  parameters.init_takes = absl::Seconds(8);
  parameters.progress_steps = 4;
  Serve(parameters);
  const absl::Time began = world_.clock().WallNow();
  const AcquireOutcome acquire = StartAcquire();
  ExpectTakes(absl::Seconds(8), acquire);
  ASSERT_EQ(sink_->Trace(),
            "CONSTRUCTED ENTERING INITIALIZING PROGRESS PROGRESS PROGRESS "
            "PROGRESS READY ENTERED");
  for (int step = 1; step <= 4; ++step) {
    const lifecycle::Event& event = sink_->events[2 + step];
    EXPECT_EQ(event.progress(), step / 4.0);
    EXPECT_EQ(event.message(), absl::StrCat("step ", step, " of 4"));
    EXPECT_EQ(event.time - began, absl::Seconds(2 * step));
  }
}

TEST_F(HelloTest, ProgressNeedsNoTime) {
  HelloParameters parameters;
  parameters.progress_steps = 1;
  Serve(parameters);
  ASSERT_TRUE(Acquire().ok());
  ASSERT_EQ(sink_->Trace(),
            "CONSTRUCTED ENTERING INITIALIZING PROGRESS READY ENTERED");
  EXPECT_EQ(sink_->events[3].progress(), 1.0);
}

// ---- Methods ----

class HelloMethodTest : public HelloTest {
 protected:
  HelloMethodTest() {
    Serve({});
    lease_ = Acquire().value();
  }

  absl::StatusOr<Payload> Call(std::string method, std::string json = "") {
    return Use(lease_, std::move(method), std::move(json));
  }

  absl::Status Stream(std::string method, std::string json,
                      testing::FakeChannel& channel) {
    const Payload argument{"application/json", std::move(json)};
    return world_.Run(anteroom_.UseStream(lease_->id(), std::move(method),
                                          argument, channel, 0, {},
                                          coro::kNever));
  }

  LeasePtr lease_;
};

TEST_F(HelloMethodTest, AMethodAnswersItsName) {
  EXPECT_EQ(Call("a_method").value(),
            (Payload{"application/json", "\"a_method\""}));
}

TEST_F(HelloMethodTest, EchoAnswersItsArgumentByteForByte) {
  for (const Payload& argument :
       {Payload{"application/json", "{\"a\": [1, 2]}"}, Payload{},
        Payload{"image/png", std::string("\0\xff\n", 3)}}) {
    const UseOutcome use(calls_, anteroom_.Use(lease_->id(), "echo", argument,
                                               0, {}, coro::kNever));
    EXPECT_EQ(Now(use).value(), argument);
  }
}

TEST_F(HelloMethodTest, CountAnswersTheNumbersBelowItsArgument) {
  for (const auto& [argument, said] :
       {std::pair<std::string, std::vector<std::string>>{"3", {"0", "1", "2"}},
        {"0", {}}}) {
    testing::FakeChannel channel;
    EXPECT_TRUE(Stream("count", argument, channel).ok());
    EXPECT_EQ(channel.outgoing, said);
  }
}

TEST_F(HelloMethodTest, CountRefusesWhatIsNoWholeNumber) {
  for (const char* const argument :
       {"", "-1", "1.5", "\"1\"", "null", "true", "[1]", "{}", "1 2", "1e3"}) {
    testing::FakeChannel channel;
    const absl::Status refused = Stream("count", argument, channel);
    EXPECT_TRUE(absl::IsInvalidArgument(refused)) << argument;
    EXPECT_TRUE(channel.outgoing.empty());
  }
}

TEST_F(HelloMethodTest, WhatIsNoStreamIsNotFoundAsOneNorTheOtherWayRound) {
  testing::FakeChannel channel;
  EXPECT_TRUE(
      HasReason(Stream("a_method", "", channel), Reason::kMethodNotFound));
  EXPECT_TRUE(HasReason(Call("count", "1").status(), Reason::kMethodNotFound));
}

TEST_F(HelloMethodTest, SleepTakesItsSecondsAndAnswersNothing) {
  const UseOutcome sleep = StartUse(lease_, "sleep", "1.5");
  ExpectTakes(absl::Milliseconds(1500), sleep);
  EXPECT_EQ(sleep.value().value(), Payload());
  EXPECT_EQ(Call("sleep", "0").value(), Payload());
}

TEST_F(HelloMethodTest, SleepRefusesWhatIsNoNumberOfSeconds) {
  for (const char* const argument :
       {"", "-1", "-0.001", "\"1\"", "null", "true", "[1]", "{}", "1 2", "NaN",
        "1e999", "one"}) {
    const absl::Status refused = Call("sleep", argument).status();
    EXPECT_EQ(refused.code(), absl::StatusCode::kInvalidArgument) << argument;
    EXPECT_THAT(refused, FailsWith(Reason::kUseFailed)) << argument;
    EXPECT_THAT(refused.message(), HasSubstr("seconds")) << argument;
  }
}

TEST_F(HelloMethodTest, SleepEndsWhenItsCallerLeaves) {
  std::stop_source caller;
  const UseOutcome sleep =
      StartUse(lease_, "sleep", "3600", caller.get_token());
  world_.RunUntilIdle();
  EXPECT_FALSE(sleep.done());
  caller.request_stop();
  EXPECT_EQ(Now(sleep).status().code(), absl::StatusCode::kCancelled);
}

TEST_F(HelloMethodTest, ASleepForEverEndsWhenItsCallerLeaves) {
  std::stop_source caller;
  const UseOutcome sleep =
      StartUse(lease_, "sleep", "1e300", caller.get_token());
  world_.Advance(absl::Hours(24));
  EXPECT_FALSE(sleep.done());
  caller.request_stop();
  EXPECT_EQ(Now(sleep).status().code(), absl::StatusCode::kCancelled);
}

TEST_F(HelloMethodTest, SleepIsCancelledByAReleaseOnceUseGraceIsOver) {
  const UseOutcome sleep = StartUse(lease_, "sleep", "3600");
  const ReleaseOutcome release = StartRelease(lease_);
  ExpectTakes(Policy().use_grace, sleep);
  EXPECT_THAT(sleep.value().status(), FailsWith(Reason::kUseCancelled));
  EXPECT_TRUE(release.done());
}

TEST_F(HelloMethodTest, FailFailsWithEachCanonicalCode) {
  using Code = absl::StatusCode;
  const struct {
    const char* name;
    Code code;
  } codes[] = {
      {"CANCELLED", Code::kCancelled},
      {"UNKNOWN", Code::kUnknown},
      {"INVALID_ARGUMENT", Code::kInvalidArgument},
      {"DEADLINE_EXCEEDED", Code::kDeadlineExceeded},
      {"NOT_FOUND", Code::kNotFound},
      {"ALREADY_EXISTS", Code::kAlreadyExists},
      {"PERMISSION_DENIED", Code::kPermissionDenied},
      {"RESOURCE_EXHAUSTED", Code::kResourceExhausted},
      {"FAILED_PRECONDITION", Code::kFailedPrecondition},
      {"ABORTED", Code::kAborted},
      {"OUT_OF_RANGE", Code::kOutOfRange},
      {"UNIMPLEMENTED", Code::kUnimplemented},
      {"INTERNAL", Code::kInternal},
      {"UNAVAILABLE", Code::kUnavailable},
      {"DATA_LOSS", Code::kDataLoss},
      {"UNAUTHENTICATED", Code::kUnauthenticated},
  };
  for (const auto& row : codes) {
    const absl::Status failed =
        Call("fail", absl::StrCat("\"", row.name, "\"")).status();
    EXPECT_EQ(failed.code(), row.code) << row.name;
    EXPECT_EQ(failed.message(), "failed as asked") << row.name;
    EXPECT_THAT(failed, FailsWith(Reason::kUseFailed)) << row.name;
  }
}

TEST_F(HelloMethodTest, FailRefusesWhatIsNoNameOfACode) {
  for (const char* const argument :
       {"", "\"OK\"", "\"\"", "\"not_found\"", "\"NOT FOUND\"", "5", "null",
        "[\"ABORTED\"]", "ABORTED"}) {
    const absl::Status refused = Call("fail", argument).status();
    EXPECT_EQ(refused.code(), absl::StatusCode::kInvalidArgument) << argument;
    EXPECT_THAT(refused.message(), HasSubstr("canonical code")) << argument;
  }
}

TEST_F(HelloMethodTest, AnUnknownMethodIsNotFoundByItsName) {
  for (const char* const method : {"b_method", "", "A_METHOD", "a_method "}) {
    const absl::Status refused = Call(method).status();
    EXPECT_THAT(refused, FailsWith(Reason::kMethodNotFound)) << method;
    EXPECT_EQ(refused.code(), absl::StatusCode::kUnimplemented) << method;
    EXPECT_THAT(refused.message(), HasSubstr(method)) << method;
  }
}

TEST_F(HelloMethodTest, AnObjectIsStillGoodAfterAMethodHasFailed) {
  EXPECT_FALSE(Call("fail", "\"DATA_LOSS\"").ok());
  EXPECT_TRUE(Call("a_method").ok());
}

}  // namespace
}  // namespace anteroom::kinds
