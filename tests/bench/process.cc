#include "tests/bench/process.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <ctime>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "server/coro/check.h"
#include "tests/bench/closed_loop.h"

namespace anteroom::bench {
namespace {

constexpr char kListening[] = "listening on ";

// A new process that runs `run`, with `output` as its stderr.
pid_t Fork(const std::function<void()>& run, int output) {
  const pid_t parent = getpid();
  const pid_t process = fork();
  ANTEROOM_CHECK(process >= 0);
  if (process != 0) return process;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(1);  // which has ended meanwhile
  dup2(output, STDOUT_FILENO);
  dup2(output, STDERR_FILENO);
  run();
  _exit(1);
}

[[noreturn]] void Become(const std::vector<std::string>& command) {
  std::vector<char*> argv;
  for (const std::string& argument : command) {
    argv.push_back(const_cast<char*>(argument.c_str()));
  }
  argv.push_back(nullptr);
  execvp(argv[0], argv.data());
  std::perror(argv[0]);
  _exit(127);
}

int TcpSocket() {
  const int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ANTEROOM_CHECK(descriptor >= 0);
  return descriptor;
}

sockaddr_in Loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

bool SomebodyListens(int port) {
  const int descriptor = TcpSocket();
  const sockaddr_in address = Loopback(port);
  const int connected = connect(
      descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof(address));
  close(descriptor);
  return connected == 0;
}

}  // namespace

Process ForkServer(const std::function<void()>& serve) {
  int pipe_ends[2];
  ANTEROOM_CHECK(pipe2(pipe_ends, O_CLOEXEC) == 0);
  Process process;
  process.id = Fork(serve, pipe_ends[1]);
  close(pipe_ends[1]);
  std::string said;
  while (!process.address.starts_with(kListening)) {
    process.address.clear();
    char c = 0;
    while (read(pipe_ends[0], &c, 1) == 1 && c != '\n') process.address += c;
    if (c != '\n') Fail(absl::StrCat("a server did not start: ", said));
    absl::StrAppend(&said, process.address, "\n");
  }
  process.address.erase(0, sizeof(kListening) - 1);
  // Read by nobody from now on, but not closed either: it may say more.
  return process;
}

Process StartServer(const std::vector<std::string>& command) {
  return ForkServer([&command] { Become(command); });
}

Process StartServerAt(const std::vector<std::string>& command,
                      const std::string& address) {
  const int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
  const Process process{Fork([&command] { Become(command); }, nowhere),
                        address};
  close(nowhere);
  return process;
}

void SayListening(const std::string& address) {
  std::fprintf(stderr, "%s%s\n", kListening, address.c_str());
}

bool IsInPath(const std::string& program) {
  const char* const path = std::getenv("PATH");
  const std::vector<std::string> folders =
      absl::StrSplit(path == nullptr ? "" : path, ':');
  return std::any_of(
      folders.begin(), folders.end(), [&program](const std::string& folder) {
        return access(absl::StrCat(folder, "/", program).c_str(), X_OK) == 0;
      });
}

int FreePort() {
  const int descriptor = TcpSocket();
  sockaddr_in address = Loopback(0);
  socklen_t size = sizeof(address);
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  ANTEROOM_CHECK(bind(descriptor, generic, size) == 0);
  ANTEROOM_CHECK(getsockname(descriptor, generic, &size) == 0);
  close(descriptor);
  return ntohs(address.sin_port);
}

void AwaitPort(int port, const Process& process) {
  const absl::Time deadline = absl::Now() + absl::Seconds(30);
  while (!SomebodyListens(port)) {
    if (waitpid(process.id, nullptr, WNOHANG) != 0 || absl::Now() > deadline) {
      Fail(absl::StrCat("nobody listens at ", process.address));
    }
    absl::SleepFor(absl::Milliseconds(20));
  }
}

double ProcessorTime(const std::vector<pid_t>& processes) {
  double seconds = 0;
  for (const pid_t process : processes) {
    clockid_t clock = 0;
    timespec time{};
    ANTEROOM_CHECK(clock_getcpuclockid(process, &clock) == 0);
    ANTEROOM_CHECK(clock_gettime(clock, &time) == 0);
    seconds += absl::ToDoubleSeconds(absl::DurationFromTimespec(time));
  }
  return seconds;
}

}  // namespace anteroom::bench
