#include "server/kinds/process/supervisor/supervise.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <climits>
#include <csignal>
#include <cstdio>
#include <optional>

#include "server/kinds/process/supervisor/command.h"

namespace anteroom::kinds::supervisor {
namespace {

using Clock = std::chrono::steady_clock;

constexpr mode_t kOwnerOnly = 0700;

void Say(const std::string& line) {
  const std::string text = line + "\n";
  (void)!send(kControl, text.data(), text.size(), MSG_NOSIGNAL);
}

// Lets go of what the program alone is to hold: its end must be seen.
void ReleaseStandardStreams() {
  const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  for (int stream = 0; stream <= 2; ++stream) dup2(null, stream);
  close(null);
}

class Supervision {
 public:
  Supervision(pid_t program, int signals)
      : program_(program), signals_(signals) {}

  void Run() {
    while (!over_) {
      pollfd polled[] = {{signals_, POLLIN, 0}, {kControl, POLLIN, 0}};
      if (poll(polled, 2, MillisecondsLeft()) < 0 && errno != EINTR) return;
      if (polled[0].revents != 0) ReadSignals();
      if (polled[1].revents != 0) ReadControl();
      if (kill_at_.has_value() && Clock::now() >= *kill_at_) over_ = true;
      // A stop waits for the rest of the group, too.
      if (ended_ && (!kill_at_.has_value() || kill(-program_, 0) != 0)) return;
    }
    // The end of the program itself is told even where it is not awaited.
    if (ended_) return;
    kill(-program_, SIGKILL);
    int status = 0;
    if (waitpid(program_, &status, 0) == program_) Ended(status);
  }

 private:
  int MillisecondsLeft() const {
    if (!kill_at_.has_value()) return -1;
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(*kill_at_ - Clock::now());
    return static_cast<int>(
        std::clamp<std::chrono::milliseconds::rep>(left.count(), 0, INT_MAX));
  }

  void Ended(int status) {
    ended_ = true;
    Say("ended " + std::to_string(status));
  }

  void ReadSignals() {
    signalfd_siginfo info;
    (void)!read(signals_, &info, sizeof(info));
    if (info.ssi_signo == SIGTERM) over_ = true;
    // Its own orphans are this process's children, and reaped as well.
    int status = 0;
    pid_t pid = 0;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
      if (pid == program_) Ended(status);
    }
  }

  void ReadControl() {
    char bytes[256];
    const ssize_t got = read(kControl, bytes, sizeof(bytes));
    if (got < 0 && errno == EINTR) return;
    if (got <= 0) {
      over_ = true;
      return;
    }
    heard_.append(bytes, static_cast<std::size_t>(got));
    for (std::size_t end = 0; (end = heard_.find('\n')) != std::string::npos;) {
      Obey(heard_.substr(0, end));
      heard_.erase(0, end + 1);
    }
  }

  void Obey(const std::string& line) {
    int number = 0;
    long long milliseconds = 0;
    if (std::sscanf(line.c_str(), "stop %d %lld", &number, &milliseconds) ==
        2) {
      kill(-program_, number);
      const auto kill_at =
          Clock::now() + std::chrono::milliseconds(milliseconds);
      kill_at_ = std::min(kill_at_.value_or(kill_at), kill_at);
    } else if (std::sscanf(line.c_str(), "signal %d", &number) == 1 &&
               !ended_) {
      kill(-program_, number);
    }
  }

  const pid_t program_;
  const int signals_;
  std::string heard_;
  bool ended_ = false;
  bool over_ = false;
  std::optional<Clock::time_point> kill_at_;
};

int OpenSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGCHLD);
  sigaddset(&signals, SIGTERM);
  return signalfd(-1, &signals, SFD_CLOEXEC);
}

}  // namespace

void Supervise(const std::string& directory, bool scratch, char** argv) {
  const int signals = OpenSignals();
  Started started;
  if (scratch && mkdir(directory.c_str(), kOwnerOnly) != 0) {
    started = {-1, "scratch", errno};
  } else {
    started = StartCommand(argv, directory.c_str());
  }
  ReleaseStandardStreams();
  if (started.pid < 0) {
    Say("failed " + std::string(started.stage) + " " +
        std::to_string(started.error));
    return;
  }
  Say("started " + std::to_string(started.pid));
  Supervision(started.pid, signals).Run();
}

}  // namespace anteroom::kinds::supervisor
