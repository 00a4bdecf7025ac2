// What is left of a program once its object is closed, or it has ended:
// nothing.
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <iterator>
#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/kinds/process/process_test.h"

namespace anteroom::kinds {
namespace {

using ::testing::SizeIs;

class EndTest : public ProcessTest {
 protected:
  // A process that the program starts by `commands`, which say its number.
  Watched StartedBy(const LeasePtr& lease, const std::string& commands) {
    pid_t pid = 0;
    const std::string said = Ask(lease, commands);
    EXPECT_TRUE(absl::SimpleAtoi(said, &pid)) << said;
    return Watched(pid);
  }
  // Its own session, and no parent: as daemons are.
  static constexpr char kDaemon[] =
      "(setsid sh -c 'trap \"\" TERM HUP; echo $$; exec sleep 3600 >&-' &)";
};

TEST_F(EndTest, ItsStopSignalReachesTheWholeGroup) {
  ProcessParameters parameters = Shell();
  parameters.stop_signal = SIGUSR1;
  parameters.stop_grace = absl::Hours(24);
  Serve(parameters);
  const LeasePtr lease = Acquire();
  const Watched program = ProgramOf(lease);
  const std::string said = folder_ + "-said";
  std::filesystem::create_directory(said);
  const Watched other =
      StartedBy(lease, absl::StrCat("trap 'touch ", said,
                                    "/a; exit' USR1; sh -c 'trap \"", "touch ",
                                    said, "/b; exit\" USR1; echo $$; ",
                                    "while :; do sleep 1 >&-; done' &"));
  Release(lease);
  EXPECT_TRUE(program.AwaitEnd());
  EXPECT_TRUE(other.AwaitEnd());
  EXPECT_TRUE(std::filesystem::exists(said + "/a"));
  EXPECT_TRUE(std::filesystem::exists(said + "/b"));
  std::filesystem::remove_all(said);
}

TEST_F(EndTest, ADaemonDiesWithItsProgramsObject) {
  Serve(Shell());
  const LeasePtr lease = Acquire();
  const Watched daemon = StartedBy(lease, kDaemon);
  EXPECT_FALSE(daemon.ended());
  Release(lease);
  EXPECT_TRUE(daemon.AwaitEnd());
}

TEST_F(EndTest, ADaemonDiesWithItsProgram) {
  Serve(Shell());
  const LeasePtr lease = Acquire();
  const Watched daemon = StartedBy(lease, kDaemon);
  ProgramOf(lease).Kill();
  EXPECT_TRUE(daemon.AwaitEnd());
}

// Whichever of the two is killed, the other sees to the rest.
TEST_F(EndTest, ADaemonDiesWithItsSupervisor) {
  Serve(Shell());
  const LeasePtr lease = Acquire();
  const Watched program = ProgramOf(lease);
  const Watched daemon = StartedBy(lease, kDaemon);
  Watched(ParentOf(program.pid())).Kill();
  EXPECT_TRUE(program.AwaitEnd());
  EXPECT_TRUE(daemon.AwaitEnd());
  EXPECT_EQ(AwaitExit(lease), lifecycle::ExitReason::kInstanceLost);
}

TEST_F(EndTest, ADaemonDiesWithItsGuard) {
  Serve(Shell());
  const LeasePtr lease = Acquire();
  const Watched program = ProgramOf(lease);
  const Watched daemon = StartedBy(lease, kDaemon);
  const Watched supervisor(ParentOf(program.pid()));
  Watched(ParentOf(supervisor.pid())).Kill();
  EXPECT_TRUE(program.AwaitEnd());
  EXPECT_TRUE(daemon.AwaitEnd());
  EXPECT_TRUE(supervisor.AwaitEnd());
  EXPECT_EQ(AwaitExit(lease), lifecycle::ExitReason::kInstanceLost);
}

TEST_F(EndTest, OrphansThatEndWhileTheProgramRunsAreReaped) {
  Serve(Shell());
  const LeasePtr lease = Acquire();
  const Watched orphan =
      StartedBy(lease, "(setsid sh -c 'echo $$; exec sleep 3600 >&-' &)");
  orphan.Kill();
  ASSERT_TRUE(orphan.AwaitEnd());
  // A zombie has its number until it is reaped.
  while (std::filesystem::exists(absl::StrCat("/proc/", orphan.pid()))) {
    ASSERT_EQ(Ask(lease, "echo again"), "again");
  }
}

TEST_F(EndTest, WhatTheProgramMadeUnwritableIsRemoved) {
  Serve(Shell());
  const LeasePtr lease = Acquire();
  EXPECT_THAT(Directories(), SizeIs(1));
  EXPECT_EQ(Ask(lease,
                "mkdir -p a/b && touch a/b/c && ln -s / root && "
                "chmod 000 a/b a && echo done"),
            "done");
}

TEST_F(EndTest, ItsDirectoryIsItsOwnersAlone) {
  Serve(Shell());
  const LeasePtr lease = Acquire();
  const std::string directory = ValueOf(lease)["dir"];
  struct stat seen = {};
  ASSERT_EQ(stat(directory.c_str(), &seen), 0);
  EXPECT_EQ(seen.st_mode & 0777, 0700U);
}

TEST_F(EndTest, AProgramHasNoDescriptorOfTheServers) {
  ProcessParameters parameters;
  parameters.command = {"cat"};
  Serve(parameters);
  const int inherited = dup(STDERR_FILENO);  // not closed on exec
  const LeasePtr lease = Acquire();
  EXPECT_EQ(Ask(lease, "it runs"), "it runs");
  const std::filesystem::directory_iterator open(
      absl::StrCat("/proc/", ProgramOf(lease).pid(), "/fd"));
  EXPECT_EQ(std::distance(begin(open), end(open)), 3);
  close(inherited);
}

TEST_F(EndTest, AProgramCanOpenItsStandardStreams) {
  Serve(Shell());
  EXPECT_EQ(Ask(Acquire(), "echo hello >/dev/stdout"), "hello");
}

}  // namespace
}  // namespace anteroom::kinds
