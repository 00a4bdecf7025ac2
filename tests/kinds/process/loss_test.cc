// Programs that end while somebody holds them, or before.
#include <future>
#include <string>

#include "absl/strings/numbers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/coro/sync_wait.h"
#include "server/error/error.h"
#include "tests/kinds/process/process_test.h"

namespace anteroom::kinds {
namespace {

using lifecycle::ExitReason;
using lifecycle::Payload;
using ::testing::AllOf;
using ::testing::HasSubstr;

class LossTest : public ProcessTest {
 protected:
  // The error that ends a stream of logs, which has begun and which nothing
  // else ends.
  std::future<absl::Status> Following(const LeasePtr& lease) {
    std::future<absl::Status> ended =
        std::async(std::launch::async, [this, lease] {
          const Payload all;
          return coro::SyncWait(anteroom_->UseStream(
              lease->id(), "logs", all, follower_, 0, {}, Bound()));
        });
    follower_.began.get_future().wait();
    return ended;
  }

 private:
  Follower follower_{"never"};
};

TEST_F(LossTest, ARequestUnderWayIsToldThatTheInstanceIsLost) {
  Serve(Shell());
  const LeasePtr lease = Acquire();
  const absl::Status lost = Use(lease, "request", "exit 7").status();
  EXPECT_TRUE(HasReason(lost, Reason::kInstanceLost)) << lost;
  EXPECT_THAT(lost.message(), HasSubstr("exit status 7"));
}

TEST_F(LossTest, HalfALineIsNoAnswer) {
  Serve(Shell());
  const absl::Status lost =
      Use(Acquire(), "request", "printf half; exit 7").status();
  EXPECT_TRUE(HasReason(lost, Reason::kInstanceLost)) << lost;
}

TEST_F(LossTest, WhoHoldsItIsToldItsExitStatusAndItsLastLines) {
  Serve(Shell());
  const LeasePtr lease = Acquire();
  std::future<absl::Status> following = Following(lease);
  EXPECT_EQ(Ask(lease, "echo one >&2; echo two"), "two");
  ProgramOf(lease).Kill();
  const absl::Status lost = following.get();
  EXPECT_TRUE(HasReason(lost, Reason::kInstanceLost)) << lost;
  EXPECT_THAT(lost.message(), AllOf(HasSubstr("SIGKILL"), HasSubstr("one\n"),
                                    HasSubstr("two\n")));
  EXPECT_EQ(AwaitExit(lease), ExitReason::kInstanceLost);
}

TEST_F(LossTest, WhatItWroteLastIsToldEvenIfItWroteMuch) {
  Serve(Shell());
  const LeasePtr lease = Acquire();
  std::future<absl::Status> following = Following(lease);
  (void)Use(lease, "request",
            "yes 0123456789 | head -c 1000000 >&2; echo the last >&2; exit 1");
  EXPECT_THAT(following.get().message(), ::testing::EndsWith("the last\n"));
}

TEST_F(LossTest, TheNextHolderGetsANewProgram) {
  Serve(Shell(), Lingering());
  const LeasePtr lease = Acquire();
  const Watched program = ProgramOf(lease);
  program.Kill();
  EXPECT_EQ(AwaitExit(lease), ExitReason::kInstanceLost);
  const LeasePtr next = Acquire();
  EXPECT_NE(ValueOf(next)["pid"], program.pid());
  EXPECT_EQ(Ask(next, "echo up"), "up");
}

TEST_F(LossTest, AProgramThatDiesWhileNobodyHoldsItIsReplaced) {
  lifecycle::Policy policy = Lingering();
  policy.min_idle = 1;
  Serve(Shell(), policy);
  const LeasePtr lease = Acquire();
  const Watched program = ProgramOf(lease);
  Release(lease);
  EXPECT_FALSE(program.ended());
  program.Kill();
  // Until its successor takes its place, it may still be lent, and be lost.
  while (true) {
    const absl::StatusOr<LeasePtr> acquired = TryAcquire();
    if (!acquired.ok()) {
      ASSERT_TRUE(HasReason(acquired.status(), Reason::kInstanceLost));
      continue;
    }
    const LeasePtr& next = *acquired;
    pid_t pid = program.pid();
    if (absl::SimpleAtoi(Ask(next, "echo $$"), &pid) && pid != program.pid()) {
      break;
    }
    Release(next);
  }
}

TEST_F(LossTest, AProgramThatEndsWithStatus0IsLostAsWell) {
  Serve(Shell());
  const LeasePtr lease = Acquire();
  const absl::Status lost = Use(lease, "request", "exit 0").status();
  EXPECT_TRUE(HasReason(lost, Reason::kInstanceLost)) << lost;
  EXPECT_THAT(lost.message(), HasSubstr("exit status 0"));
}

}  // namespace
}  // namespace anteroom::kinds
