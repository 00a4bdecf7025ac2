#include "tests/bench/growth/stream_holder.h"

#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "server/coro/check.h"

namespace anteroom::bench {
namespace {

// As many events as are kept, and more.
constexpr absl::Duration kRunUp = absl::Seconds(2);
constexpr int kRunUpWidth = 16;

// What it is told: to open so many streams, 0: to end them. Each is answered.
[[noreturn]] void Obey(int control, const std::string& address,
                       StreamHolder::Open run_up, StreamHolder::Open open) {
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  RunClosedLoop(run_up(address, kRunUpWidth), kRunUp);
  Callers streams;
  std::int64_t told = 0;
  do {
    if (told == 0) {
      streams.clear();
    } else {
      streams = open(address, static_cast<int>(told));
      RunClosedLoop(streams, absl::ZeroDuration());
    }
    if (write(control, &told, sizeof(told)) != sizeof(told)) break;
  } while (read(control, &told, sizeof(told)) == sizeof(told));
  _exit(0);
}

}  // namespace

StreamHolder::StreamHolder(const std::string& address, Open run_up, Open open) {
  int ends[2];
  ANTEROOM_CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
  process_ = fork();
  ANTEROOM_CHECK(process_ >= 0);
  if (process_ == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    close(ends[0]);
    Obey(ends[1], address, run_up, open);
  }
  close(ends[1]);
  control_ = ends[0];
  std::int64_t ready = 0;
  if (read(control_, &ready, sizeof(ready)) != sizeof(ready)) {
    Fail("a client has ended");
  }
}

StreamHolder::~StreamHolder() {
  if (process_ > 0) Kill();
  close(control_);
}

void StreamHolder::Begin(std::int64_t count) { Tell(count); }

void StreamHolder::End() { Tell(0); }

void StreamHolder::Kill() {
  kill(process_, SIGKILL);
  waitpid(process_, nullptr, 0);
  process_ = -1;
}

void StreamHolder::Tell(std::int64_t count) const {
  if (write(control_, &count, sizeof(count)) != sizeof(count) ||
      read(control_, &count, sizeof(count)) != sizeof(count)) {
    Fail("a client has ended");
  }
}

}  // namespace anteroom::bench
