#include "server/kinds/process/supervisor/command.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

namespace anteroom::kinds::supervisor {
namespace {

struct Failure {
  enum Stage { kDirectory, kExec } stage;
  int error;
};

[[noreturn]] void Fail(int failures, Failure::Stage stage) {
  const Failure failure{stage, errno};
  (void)!write(failures, &failure, sizeof(failure));
  _exit(127);
}

// In the new process.
[[noreturn]] void Become(char** argv, const char* directory, pid_t parent,
                         int failures) {
  setpgid(0, 0);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  // The parent may have died before it was asked for.
  if (getppid() != parent) _exit(127);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  signal(SIGPIPE, SIG_DFL);
  if (chdir(directory) != 0) Fail(failures, Failure::kDirectory);
  execvp(argv[0], argv);
  Fail(failures, Failure::kExec);
}

}  // namespace

Started StartCommand(char** argv, const char* directory) {
  const pid_t self = getpid();
  int failures[2];
  if (pipe2(failures, O_CLOEXEC) != 0) return {-1, "pipe", errno};
  const pid_t pid = fork();
  if (pid < 0) return {-1, "fork", errno};
  if (pid == 0) Become(argv, directory, self, failures[1]);
  // Both do it: whoever comes first.
  setpgid(pid, pid);
  close(failures[1]);
  Failure failure;
  // The end of the pipe: exec closed it.
  const bool failed = read(failures[0], &failure, sizeof(failure)) > 0;
  close(failures[0]);
  if (!failed) return {pid, "", 0};
  waitpid(pid, nullptr, 0);
  return {-1, failure.stage == Failure::kDirectory ? "directory" : "exec",
          failure.error};
}

}  // namespace anteroom::kinds::supervisor
