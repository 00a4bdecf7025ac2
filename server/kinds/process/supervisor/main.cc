// anteroom-supervisor: runs one program for anteroomd and leaves nothing of it
// behind.
//
//   anteroom-supervisor scratch|in DIRECTORY PROGRAM [ARGUMENT...]
//
// Standard input, output and error are the program's; descriptor 3 is a socket
// to the server (supervise.h). `scratch`: the directory is made, and removed in
// the end; `in`: it is somebody else's.
//
// Two processes, a guard and, below it, the supervisor of the program. Both are
// subreapers: whatever the program starts, daemons included, stays below them.
//   the server dies       the supervisor's socket ends: it kills all below
//   the supervisor dies   the guard adopts all that was below, and kills it
//   the guard dies        the supervisor is signalled, and kills all below
// Whoever is last removes the directory.
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <string>

#include "server/kinds/process/supervisor/descendants.h"
#include "server/kinds/process/supervisor/directory.h"
#include "server/kinds/process/supervisor/supervise.h"

namespace anteroom::kinds::supervisor {
namespace {

constexpr int kExitUsage = 2;

void BlockSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGCHLD);
  sigaddset(&signals, SIGTERM);
  sigprocmask(SIG_SETMASK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);
}

void EndAll(const std::string& directory, bool scratch) {
  KillDescendants();
  if (scratch) RemoveDirectory(directory);
}

[[noreturn]] void BeSupervisor(pid_t guard, const std::string& directory,
                               bool scratch, char** argv) {
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  // The guard may have died before it was asked for.
  if (getppid() == guard) Supervise(directory, scratch, argv);
  EndAll(directory, scratch);
  _exit(0);
}

int Main(int argc, char** argv) {
  if (argc < 4 || (std::strcmp(argv[1], "scratch") != 0 &&
                   std::strcmp(argv[1], "in") != 0)) {
    std::fprintf(stderr,
                 "anteroom-supervisor: it is started by anteroomd; usage: "
                 "anteroom-supervisor scratch|in DIRECTORY PROGRAM...\n");
    return kExitUsage;
  }
  const bool scratch = std::strcmp(argv[1], "scratch") == 0;
  const std::string directory = argv[2];
  // What the server has open is none of the program's business.
  close_range(kControl + 1, ~0U, 0);
  fcntl(kControl, F_SETFD, FD_CLOEXEC);
  BlockSignals();
  setsid();  // a terminal's Ctrl-C is the server's alone
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  const pid_t guard = getpid();
  const pid_t supervisor = fork();
  if (supervisor == 0) BeSupervisor(guard, directory, scratch, argv + 3);
  if (supervisor < 0) {
    dprintf(kControl, "failed fork %d\n", errno);
    return 0;
  }
  // Only the program holds these.
  for (int stream = 0; stream <= 2; ++stream) close(stream);
  while (waitpid(supervisor, nullptr, 0) < 0 && errno == EINTR) {
  }
  EndAll(directory, scratch);
  return 0;
}

}  // namespace
}  // namespace anteroom::kinds::supervisor

int main(int argc, char** argv) {
  return anteroom::kinds::supervisor::Main(argc, argv);
}
