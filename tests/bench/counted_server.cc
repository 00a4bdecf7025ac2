#include "tests/bench/counted_server.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <optional>
#include <system_error>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "server/coro/check.h"
#include "tests/bench/closed_loop.h"
#include "valgrind/callgrind.h"

namespace anteroom::bench {
namespace {

enum Command : char { kZero = 'z', kDump = 'd' };

std::string OwnPath() {
  std::error_code error;
  std::string path = std::filesystem::read_symlink("/proc/self/exe", error);
  ANTEROOM_CHECK(!error);
  return path;
}

void Obey(int control) {
  char command = 0;
  while (read(control, &command, 1) == 1) {
    if (command == kZero) CALLGRIND_ZERO_STATS;
    if (command == kDump) CALLGRIND_DUMP_STATS;
    ANTEROOM_CHECK(write(control, &command, 1) == 1);
  }
}

std::string FirstLine(const std::filesystem::path& file) {
  std::string line;
  std::getline(std::ifstream(file), line);
  return line;
}

// How often each thread of the process, but this one, was scheduled so far;
// nothing if one does not sleep.
std::optional<std::string> SleepersOf(pid_t process) {
  std::string scheduled;
  const std::string own = absl::StrCat(gettid());
  for (const auto& thread : std::filesystem::directory_iterator(
           absl::StrCat("/proc/", process, "/task"))) {
    if (thread.path().filename() == own) continue;
    if (!absl::StrContains(FirstLine(thread.path() / "stat"), ") S ")) {
      return std::nullopt;
    }
    absl::StrAppend(&scheduled, FirstLine(thread.path() / "schedstat"), "\n");
  }
  return scheduled;
}

// Whether all sleep at the same time: none was scheduled between two looks.
bool AllSleep(const std::vector<pid_t>& processes) {
  std::vector<std::string> first;
  for (const pid_t process : processes) {
    const auto sleepers = SleepersOf(process);
    if (!sleepers.has_value()) return false;
    first.push_back(*sleepers);
  }
  for (std::size_t i = 0; i < processes.size(); ++i) {
    if (SleepersOf(processes[i]) != first[i]) return false;
  }
  return true;
}

// gRPC divides some of its work by cores.
void StayOnOneCore() {
  cpu_set_t cores;
  CPU_ZERO(&cores);
  CPU_SET(sched_getcpu(), &cores);
  ANTEROOM_CHECK(sched_setaffinity(0, sizeof(cores), &cores) == 0);
}

// Who is woken up by a caller does not take its core from it, before it has
// sent all that it is about to send: else some calls are read in two parts.
void LetCallersFinish() {
  const sched_param no_priority{};
  ANTEROOM_CHECK(sched_setscheduler(0, SCHED_BATCH, &no_priority) == 0);
}

}  // namespace

CountedServer::CountedServer(const std::string& file,
                             const std::vector<std::string>& arguments)
    : file_(file) {
  int ends[2];
  ANTEROOM_CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
  ANTEROOM_CHECK(fcntl(ends[1], F_SETFD, 0) == 0);
  control_ = ends[0];
  // Each name as InstructionsIn() reads it; and threads take turns.
  std::vector<std::string> command = {
      "valgrind",
      "--tool=callgrind",
      "--compress-strings=no",
      "--compress-pos=no",
      "--fair-sched=yes",
      absl::StrCat("--callgrind-out-file=", file),
      OwnPath(),
      absl::StrCat("--control=", ends[1])};
  command.insert(command.end(), arguments.begin(), arguments.end());
  process_ = StartServer(command);
  close(ends[1]);
}

CountedServer::~CountedServer() { close(control_); }

void CountedServer::AwaitIdle() const {
  while (!AllSleep({process_.id, getpid()})) {
    if (waitpid(process_.id, nullptr, WNOHANG) != 0) Fail("a server has ended");
    absl::SleepFor(absl::Microseconds(100));
  }
}

void CountedServer::Begin() { Tell(kZero); }

std::string CountedServer::End() {
  Tell(kDump);
  return absl::StrCat(file_, ".", ++dumps_);
}

void CountedServer::Tell(char command) const {
  ANTEROOM_CHECK(write(control_, &command, 1) == 1);
  if (read(control_, &command, 1) != 1) Fail("a server has ended");
}

void BeCounted(int control) {
  StayOnOneCore();
  LetCallersFinish();
  std::thread([control] { Obey(control); }).detach();
}

}  // namespace anteroom::bench
