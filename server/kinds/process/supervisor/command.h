// The program that a supervisor runs.
#ifndef ANTEROOM_SERVER_KINDS_PROCESS_SUPERVISOR_COMMAND_H_
#define ANTEROOM_SERVER_KINDS_PROCESS_SUPERVISOR_COMMAND_H_

#include <sys/types.h>

namespace anteroom::kinds::supervisor {

struct Started {
  pid_t pid = -1;  // and its process group; -1: it does not run
  // Why it does not run: what failed, and its errno.
  const char* stage = "";
  int error = 0;
};

// Starts `argv` in `directory`, as the leader of a process group of its own,
// with this process's standard input, output and error and no other descriptor,
// no signal blocked. It is killed when this process dies. REQUIRES: this
// process has one thread, and every descriptor but 0 to 2 is closed on exec.
Started StartCommand(char** argv, const char* directory);

}  // namespace anteroom::kinds::supervisor

#endif  // ANTEROOM_SERVER_KINDS_PROCESS_SUPERVISOR_COMMAND_H_
