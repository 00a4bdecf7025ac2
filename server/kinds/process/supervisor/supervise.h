// Runs one program to its end, as a server far away says.
//
// Talks on the socket kControl, in lines:
//   to it    signal N            a signal to the program's process group
//            stop N MILLISECONDS the same; SIGKILL to all that is left after
//                                so long
//   from it  started PID         the program runs
//            failed STAGE ERRNO  it does not: "scratch" (its directory could
//            not
//                                be made), "directory" (nor be entered),
//                                "exec", "pipe" or "fork"
//            ended STATUS        as waitpid() tells it
//
// The socket's end means that the server is gone, however: all is killed.
#ifndef ANTEROOM_SERVER_KINDS_PROCESS_SUPERVISOR_SUPERVISE_H_
#define ANTEROOM_SERVER_KINDS_PROCESS_SUPERVISOR_SUPERVISE_H_

#include <string>

namespace anteroom::kinds::supervisor {

inline constexpr int kControl = 3;

// Starts `argv` in `directory`, which it makes first if `scratch`, and returns
// once the program has ended, was ended, or SIGTERM says that there is nobody
// to supervise for. What is left below this process is the caller's to end.
// REQUIRES: one thread; SIGCHLD and SIGTERM are blocked, SIGPIPE is ignored.
void Supervise(const std::string& directory, bool scratch, char** argv);

}  // namespace anteroom::kinds::supervisor

#endif  // ANTEROOM_SERVER_KINDS_PROCESS_SUPERVISOR_SUPERVISE_H_
