// The methods of kind `process`.
#include <cstddef>
#include <future>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/coro/sync_wait.h"
#include "server/error/error.h"
#include "tests/kinds/process/process_test.h"
#include "tests/support/fake_channel.h"

namespace anteroom::kinds {
namespace {

using lifecycle::kJson;
using lifecycle::Payload;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class MethodsTest : public ProcessTest {
 protected:
  MethodsTest() {
    lifecycle::Policy policy;
    policy.use_grace = absl::ZeroDuration();
    Serve(Shell(), policy);
    lease_ = Acquire();
  }
  ~MethodsTest() override { lease_.reset(); }

  absl::StatusOr<Payload> Request(const Payload& argument) {
    return coro::SyncWait(
        anteroom_->Use(lease_->id(), "request", argument, 0, {}, Bound()));
  }

  LeasePtr lease_;
};

class EchoTest : public ProcessTest {
 protected:
  EchoTest() {
    ProcessParameters parameters;
    parameters.command = {"cat"};
    Serve(parameters);
  }
};

// ---- request ----

TEST_F(MethodsTest, ARequestIsOneLineInAndOneLineOut) {
  EXPECT_EQ(Request({kJson, "\"echo \\u00e4 b\""}).value(),
            (Payload{kJson, "\"\xc3\xa4 b\""}));
}

TEST_F(EchoTest, OtherJsonTravelsAsItsText) {
  EXPECT_EQ(Use(Acquire(), "request", {{"a", {1, "x"}}}).value(),
            (Payload{kJson, "\"{\\\"a\\\":[1,\\\"x\\\"]}\""}));
}

TEST_F(MethodsTest, WhatIsNotJsonIsAnsweredAsItIs) {
  EXPECT_EQ(Request({"text/plain", "printf '\\377\\000x\\n'"}).value(),
            (Payload{"text/plain", std::string("\xff\0x", 3)}));
}

TEST_F(MethodsTest, RequestsSideBySideGetTheirOwnAnswers) {
  std::vector<std::future<std::string>> answers;
  for (int i = 0; i < 20; ++i) {
    answers.push_back(std::async(std::launch::async, [this, i] {
      return Ask(lease_, absl::StrCat("echo ", i));
    }));
  }
  for (int i = 0; i < 20; ++i) EXPECT_EQ(answers[i].get(), absl::StrCat(i));
}

TEST_F(MethodsTest, WhatIsNoLineIsRefused) {
  for (const Payload& argument :
       {Payload(), Payload{kJson, ""}, Payload{kJson, "{"},
        Payload{kJson, "\"a\\nb\""}, Payload{"text/plain", "a\nb"}}) {
    EXPECT_TRUE(absl::IsInvalidArgument(Request(argument).status()))
        << argument.data;
  }
}

// ---- signal ----

TEST_F(MethodsTest, ASignalReachesTheProgram) {
  EXPECT_EQ(Ask(lease_,
                "trap 'echo caught >&2' HUP; echo trapped; "
                "while :; do sleep 1; done"),
            "trapped");
  EXPECT_TRUE(Use(lease_, "signal", "SIGHUP").ok());
  Follower channel("caught");
  const Payload all;
  (void)coro::SyncWait(
      anteroom_->UseStream(lease_->id(), "logs", all, channel, 0, {}, Bound()));
  EXPECT_THAT(channel.outgoing.back(), HasSubstr("\"caught\""));
}

TEST_F(MethodsTest, WhatIsNoSignalIsRefused) {
  for (const nlohmann::json& name :
       {nlohmann::json("HUP"), nlohmann::json(1), nlohmann::json("SIGNONE"),
        nlohmann::json(nullptr)}) {
    EXPECT_TRUE(absl::IsInvalidArgument(Use(lease_, "signal", name).status()))
        << name;
  }
}

// ---- status ----

TEST_F(MethodsTest, StatusSaysWhatTheHolderWasGivenAndThatItRuns) {
  nlohmann::json expected = ValueOf(lease_);
  expected["running"] = true;
  expected["unanswered"] = 0;
  const Payload status = Use(lease_, "status", nullptr).value();
  EXPECT_EQ(nlohmann::json::parse(status.data), expected);
}

// ---- logs ----

TEST_F(MethodsTest, LogsAreTheLastLinesOfBothStreams) {
  EXPECT_EQ(Ask(lease_, "echo one >&2; echo two"), "two");
  // Two pipes: which of the two is read first is not known.
  std::vector<std::string> seen;
  for (const nlohmann::json& log : Logs(lease_, 2)) seen.push_back(log.dump());
  const auto line = [](int number, const char* stream, const char* text) {
    return nlohmann::json{
        {"number", number}, {"stream", stream}, {"line", text}}
        .dump();
  };
  EXPECT_THAT(
      seen,
      ::testing::AnyOf(
          ElementsAre(line(2, "stderr", "one"), line(3, "stdout", "two")),
          ElementsAre(line(2, "stdout", "two"), line(3, "stderr", "one"))));
}

TEST_F(MethodsTest, LogsFollowWhatTheProgramWrites) {
  Follower channel("\"two\"");
  std::future<absl::Status> following =
      std::async(std::launch::async, [this, &channel] {
        return coro::SyncWait(anteroom_->UseStream(
            lease_->id(), "logs", Payload(), channel, 0, {}, Bound()));
      });
  channel.began.get_future().wait();  // it was told "ready"
  EXPECT_EQ(Ask(lease_, "echo one"), "one");
  EXPECT_EQ(Ask(lease_, "echo two"), "two");
  EXPECT_EQ(following.get().message(), "it left");
  EXPECT_THAT(channel.outgoing,
              ElementsAre(HasSubstr("\"ready\""), HasSubstr("\"one\""),
                          HasSubstr("\"two\"")));
}

TEST_F(MethodsTest, LogsEndWhenTheirLeaseDoes) {
  Follower channel("never");
  std::future<absl::Status> following =
      std::async(std::launch::async, [this, &channel] {
        return coro::SyncWait(anteroom_->UseStream(
            lease_->id(), "logs", Payload(), channel, 0, {}, Bound()));
      });
  channel.began.get_future().wait();
  Release(lease_, {lifecycle::ExitReason::kRevoked, absl::OkStatus(), false});
  EXPECT_TRUE(HasReason(following.get(), Reason::kUseCancelled));
}

TEST_F(MethodsTest, LogsRefuseOtherArguments) {
  for (const char* const argument :
       {"-1", "1.5", "\"1\"", "[1]", "{\"line\": 1}", "{\"follow\": 1}",
        "{\"args\": [1, 2], \"kwargs\": {}}", "{"}) {
    testing::FakeChannel channel;
    const Payload payload{kJson, argument};
    EXPECT_TRUE(absl::IsInvalidArgument(coro::SyncWait(anteroom_->UseStream(
        lease_->id(), "logs", payload, channel, 0, {}, Bound()))))
        << argument;
  }
}

TEST_F(MethodsTest, LogsTakeNamedArguments) {
  testing::FakeChannel channel;
  const Payload payload{kJson,
                        "{\"args\": [1], \"kwargs\": {\"follow\": false}}"};
  EXPECT_TRUE(coro::SyncWait(anteroom_->UseStream(lease_->id(), "logs", payload,
                                                  channel, 0, {}, Bound()))
                  .ok());
  EXPECT_THAT(channel.outgoing, ElementsAre(HasSubstr("\"ready\"")));
}

TEST_F(MethodsTest, AnUnknownMethodIsNotFoundByItsName) {
  const absl::Status refused = Use(lease_, "restart", nullptr).status();
  EXPECT_TRUE(HasReason(refused, Reason::kMethodNotFound));
  EXPECT_THAT(refused.message(), HasSubstr("restart"));
  testing::FakeChannel channel;
  const Payload none;
  EXPECT_TRUE(
      HasReason(coro::SyncWait(anteroom_->UseStream(
                    lease_->id(), "status", none, channel, 0, {}, Bound())),
                Reason::kMethodNotFound));
}

}  // namespace
}  // namespace anteroom::kinds
