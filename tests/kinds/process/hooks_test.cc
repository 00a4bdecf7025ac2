// What a program is told, what its holder is given, and what runs between two
// holders.
#include <stop_token>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/coro/sync_wait.h"
#include "server/error/error.h"
#include "server/lifecycle/instance.h"
#include "tests/kinds/process/process_test.h"

namespace anteroom::kinds {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class HooksTest : public ProcessTest {
 protected:
  // A reset that runs these commands.
  static ProcessParameters ResetBy(const std::string& commands) {
    ProcessParameters parameters = Shell();
    parameters.reset_command = {"sh", "-c", commands};
    return parameters;
  }
};

TEST_F(HooksTest, AHolderIsGivenPidPortDirectoryAndEndpoint) {
  Serve(Shell());
  const LeasePtr lease = Acquire();
  const nlohmann::json value = ValueOf(lease);
  EXPECT_EQ(lease->View().value.content_type, lifecycle::kJson);
  EXPECT_EQ(Ask(lease, "echo $$"), absl::StrCat(value["pid"].get<int>()));
  EXPECT_EQ(Ask(lease, "pwd"), value["dir"].get<std::string>());
  EXPECT_EQ(value["endpoint"].get<std::string>(),
            absl::StrCat("127.0.0.1:", value["port"].get<int>()));
}

TEST_F(HooksTest, ADeferredHolderIsGivenItToo) {
  Serve(Shell());
  lifecycle::AcquireOptions options;
  options.deferred = true;
  const LeasePtr lease =
      coro::SyncWait(anteroom_->Acquire("r", std::move(options),
                                        absl::InfiniteDuration(), {}, Bound()))
          .value();
  const std::string pid = Ask(lease, "echo $$");
  EXPECT_EQ(pid, absl::StrCat(ValueOf(lease)["pid"].get<int>()));
}

TEST_F(HooksTest, ItLeadsAProcessGroupOfItsOwn) {
  Serve(Shell());
  EXPECT_EQ(Ask(Acquire(), "test $(ps -o pgid= -p $$) -eq $$ && echo leads"),
            "leads");
}

TEST_F(HooksTest, WordsInBracesAreReplacedInCommandAndEnvironment) {
  ProcessParameters parameters = Shell();
  parameters.command.insert(parameters.command.end(),
                            {"{KEY}", "{INSTANCE_ID}:{PORT}", "{DIR}", "{X}"});
  parameters.environment = {{"WORDS", "{DIR} {PORT}"}};
  lifecycle::Policy policy;
  policy.keyed = true;
  Serve(parameters, policy);
  const LeasePtr lease = Acquire("a {PORT}");
  const nlohmann::json value = ValueOf(lease);
  const std::string port = absl::StrCat(value["port"].get<int>());
  const std::string directory = value["dir"];
  EXPECT_EQ(Ask(lease, "echo \"$0|$1|$2|$3\""),
            absl::StrCat("a {PORT}|r#1:", port, "|", directory, "|{X}"));
  EXPECT_EQ(Ask(lease, "echo $WORDS"), absl::StrCat(directory, " ", port));
}

TEST_F(HooksTest, TheResetCommandRunsInItsDirectoryBetweenTwoLeases) {
  Serve(ResetBy("rm -f dirt; echo {DIR} $PWD >reset"), Lingering());
  const LeasePtr first = Acquire();
  EXPECT_EQ(Ask(first, "touch dirt; ls"), "dirt");
  const nlohmann::json value = ValueOf(first);
  Release(first);
  const LeasePtr second = Acquire();
  EXPECT_EQ(ValueOf(second), value);
  const std::string directory = ValueOf(second)["dir"];
  EXPECT_EQ(Ask(second, "ls"), "reset");
  EXPECT_EQ(Ask(second, "cat reset"), absl::StrCat(directory, " ", directory));
}

TEST_F(HooksTest, WhatAResetCommandLeavesRunningIsEnded) {
  Serve(ResetBy("(setsid sh -c 'echo $$ >pid; exec sleep 3600' &) ; "
                "until test -s pid; do :; done"),
        Lingering());
  Release(Acquire());
  EXPECT_EQ(Ask(Acquire(), "kill -0 $(cat pid) 2>/dev/null || echo ended"),
            "ended");
}

TEST_F(HooksTest, AFailedResetIsTheExitsFailureAndTheObjectIsLentNoMore) {
  Serve(ResetBy("echo why >&2; exit 4"), Lingering());
  const LeasePtr first = Acquire();
  const nlohmann::json value = ValueOf(first);
  EXPECT_THAT(Release(first).exit_status.message(),
              AllOf(HasSubstr("reset_command"), HasSubstr("exit status 4"),
                    HasSubstr("why\n")));
  EXPECT_NE(ValueOf(Acquire())["pid"], value["pid"]);
}

TEST_F(HooksTest, AResetThatTakesTooLongIsKilled) {
  lifecycle::Policy policy = Lingering();
  policy.exit_timeout = absl::Milliseconds(200);
  Serve(ResetBy("exec sleep 3600"), policy);
  EXPECT_TRUE(absl::IsDeadlineExceeded(Release(Acquire()).exit_status));
}

// The other of its two supervisors sees to it: nobody tells it to stop.
TEST_F(HooksTest, AResetWhoseGuardDiesIsEnded) {
  Serve(ResetBy("kill -KILL $(ps -o ppid= -p $PPID); exec sleep 3600"),
        Lingering());
  EXPECT_THAT(Release(Acquire()).exit_status.message(),
              HasSubstr("reset_command: the program was "));
}

TEST_F(HooksTest, AnUnansweredRequestIsNotLeftToTheNextHolder) {
  Serve(Shell(), Lingering());
  const LeasePtr first = Acquire();
  const nlohmann::json value = ValueOf(first);
  std::stop_source leave;
  leave.request_stop();
  const lifecycle::Payload line{"text/plain", "sleep 3600"};
  const absl::Status left =
      coro::SyncWait(anteroom_->Use(first->id(), "request", line, 0,
                                    leave.get_token(), Bound()))
          .status();
  EXPECT_TRUE(absl::IsCancelled(left)) << left;
  Release(first);
  const LeasePtr second = Acquire();
  EXPECT_NE(ValueOf(second)["pid"], value["pid"]);
  EXPECT_EQ(Ask(second, "echo mine"), "mine");
}

TEST_F(HooksTest, AnAnsweredProgramIsLentAgain) {
  Serve(Shell(), Lingering());
  const LeasePtr first = Acquire();
  const nlohmann::json value = ValueOf(first);
  EXPECT_EQ(Ask(first, "echo a"), "a");
  Release(first);
  EXPECT_EQ(ValueOf(Acquire()), value);
}

TEST_F(HooksTest, CallsOfOtherServicesAreForItsPortWhereProxyIsSet) {
  ProcessParameters parameters = Shell();
  parameters.proxy = true;
  Serve(parameters);
  const LeasePtr lease = Acquire();
  EXPECT_EQ(lease->instance()->object->Endpoint(lease->View().value).value(),
            ValueOf(lease)["endpoint"].get<std::string>());
}

TEST_F(HooksTest, WithoutProxyItHasNoEndpoint) {
  Serve(Shell());
  const LeasePtr lease = Acquire();
  EXPECT_TRUE(HasReason(
      lease->instance()->object->Endpoint(lease->View().value).status(),
      Reason::kMethodNotFound));
}

}  // namespace
}  // namespace anteroom::kinds
