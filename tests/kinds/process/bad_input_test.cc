// Programs that are not as they should be: a clear error, and nothing left.
#include <cstddef>
#include <memory>
#include <stop_token>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/coro/sync_wait.h"
#include "server/error/error.h"
#include "tests/kinds/process/process_test.h"

namespace anteroom::kinds {
namespace {

using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Le;

class BadInputTest : public ProcessTest {
 protected:
  // How an acquire of such a program fails, with nothing left right after.
  absl::Status FailureOf(ProcessParameters parameters,
                         lifecycle::Policy policy = {}) {
    Serve(std::move(parameters), policy);
    const absl::Status failure = TryAcquire().status();
    EXPECT_THAT(Directories(), IsEmpty());
    return failure;
  }
};

TEST_F(BadInputTest, ACommandThatDoesNotExistIsNamed) {
  ProcessParameters parameters;
  parameters.command = {"/does/not/exist"};
  const absl::Status failure = FailureOf(parameters);
  EXPECT_TRUE(HasReason(failure, Reason::kInitFailed)) << failure;
  EXPECT_THAT(failure.message(), AllOf(HasSubstr("/does/not/exist"),
                                       HasSubstr("No such file or directory")));
}

TEST_F(BadInputTest, ACommandThatMayNotBeRunIsNamed) {
  ProcessParameters parameters;
  parameters.command = {"/etc/passwd"};
  EXPECT_THAT(FailureOf(parameters).message(),
              AllOf(HasSubstr("/etc/passwd"), HasSubstr("Permission denied")));
}

TEST_F(BadInputTest, AMissingSupervisorIsNamed) {
  host_ = std::make_shared<ProcessHost>(random_, "/no/anteroom-supervisor");
  EXPECT_THAT(FailureOf(Shell()).message(),
              HasSubstr("/no/anteroom-supervisor"));
}

TEST_F(BadInputTest,
       AProgramThatEndsBeforeItIsReadyTellsItsStatusAndLastLines) {
  const absl::Status failure =
      FailureOf(ShellAfter("echo one; echo two >&2; exit 3"));
  EXPECT_TRUE(HasReason(failure, Reason::kInitFailed)) << failure;
  EXPECT_THAT(failure.message(), AllOf(HasSubstr("exit status 3"),
                                       HasSubstr("one\n"), HasSubstr("two\n")));
}

TEST_F(BadInputTest, AProgramThatASignalEndsBeforeItIsReadyTellsWhich) {
  EXPECT_THAT(FailureOf(ShellAfter("kill -SEGV $$")).message(),
              HasSubstr("SIGSEGV"));
}

TEST_F(BadInputTest,
       AProgramThatNeverGetsReadyTellsWhatItLacksAndItsLastLines) {
  ProcessParameters parameters = ShellAfter("echo starting; exec sleep 3600");
  lifecycle::Policy policy;
  policy.init_timeout = absl::Milliseconds(300);
  const absl::Status failure = FailureOf(parameters, policy);
  EXPECT_TRUE(HasReason(failure, Reason::kInitTimedOut)) << failure;
  EXPECT_THAT(failure.message(),
              AllOf(HasSubstr("\"^ready$\""), EndsWith("starting\n")));
}

TEST_F(BadInputTest, AProgramThatNeverListensTellsThatItsPortDoesNotAccept) {
  ProcessParameters parameters;
  parameters.command = {"sleep", "3600"};
  parameters.readiness.when = Readiness::When::kPortAccepts;
  lifecycle::Policy policy;
  policy.init_timeout = absl::Milliseconds(300);
  EXPECT_THAT(FailureOf(parameters, policy).message(),
              HasSubstr("accepts no connection: connection refused"));
}

TEST_F(BadInputTest, ARetriedInitStartsTheProgramAnew) {
  const std::string marker =
      folder_ + "/../" + folder_.substr(folder_.rfind('/') + 1) + ".marker";
  lifecycle::Policy policy;
  policy.init_retry.attempts = 2;
  policy.init_retry.initial_backoff = absl::Milliseconds(1);
  Serve(ShellAfter(absl::StrCat("test -e ", marker, " || { touch ", marker,
                                "; exit 1; }; rm ", marker)),
        policy);
  EXPECT_EQ(Ask(Acquire(), "echo up"), "up");
}

TEST_F(BadInputTest, AHundredMegabytesOfOutputCostNothingAndStopNobody) {
  Serve(
      ShellAfter("yes 0123456789abcdef | head -c 100000000 >&2\n"
                 "head -c 100000000 /dev/zero; echo"));
  const LeasePtr lease = Acquire();
  EXPECT_EQ(Ask(lease, "yes 0123456789abcdef | head -c 100000000 >&2; echo up"),
            "up");
  std::size_t kept = 0;
  for (const nlohmann::json& log : Logs(lease, 1'000'000)) {
    kept += log["line"].get<std::string>().size() + 1;
  }
  EXPECT_THAT(kept, Le(std::size_t{64} << 10));
}

TEST_F(BadInputTest, AProgramThatIgnoresItsStopSignalIsKilledAfterItsGrace) {
  ProcessParameters parameters = ShellAfter("trap '' TERM");
  parameters.stop_grace = absl::Milliseconds(100);
  lifecycle::Policy policy;
  policy.close_timeout = absl::Hours(24);
  Serve(parameters, policy);
  const LeasePtr lease = Acquire();
  const Watched program = ProgramOf(lease);
  Release(lease);
  EXPECT_TRUE(program.AwaitEnd());
}

TEST_F(BadInputTest,
       AProgramThatIgnoresItsStopSignalIsKilledAfterCloseTimeout) {
  ProcessParameters parameters = ShellAfter("trap '' TERM");
  parameters.stop_grace = absl::Hours(24);
  lifecycle::Policy policy;
  policy.close_timeout = absl::Milliseconds(100);
  Serve(parameters, policy);
  const LeasePtr lease = Acquire();
  const Watched program = ProgramOf(lease);
  Release(lease);
  EXPECT_TRUE(program.AwaitEnd());
}

TEST_F(BadInputTest, AProgramThatDoesNotReadIsNotWrittenToForEver) {
  ProcessParameters parameters;
  parameters.command = {"sleep", "3600"};
  Serve(parameters);
  const LeasePtr lease = Acquire();
  const lifecycle::Payload line{"text/plain", std::string(1 << 20, 'x')};
  // What the pipe does not hold waits; then it is enough.
  std::stop_source leave;
  leave.request_stop();
  for (int i = 0; i < 2; ++i) {
    (void)coro::SyncWait(anteroom_->Use(lease->id(), "request", line, 0,
                                        leave.get_token(), Bound()));
  }
  EXPECT_EQ(Use(lease, "request", "x").status().code(),
            absl::StatusCode::kResourceExhausted);
}

}  // namespace
}  // namespace anteroom::kinds
