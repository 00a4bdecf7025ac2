// The processes that are measured. They live no longer than this program,
// however it ends.
//
// A process that runs a function of this program is a fork of it: REQUIRES that
// gRPC has begun nothing yet.
#ifndef ANTEROOM_TESTS_BENCH_PROCESS_H_
#define ANTEROOM_TESTS_BENCH_PROCESS_H_

#include <sys/types.h>

#include <functional>
#include <string>
#include <vector>

namespace anteroom::bench {

struct Process {
  pid_t id = 0;
  std::string address;  // where it listens
};

// Runs `serve`, which says "listening on ADDRESS" on stderr and never returns.
// What else it says goes nowhere.
Process ForkServer(const std::function<void()>& serve);
// The same with a program, which is looked up in PATH.
Process StartServer(const std::vector<std::string>& command);
// A program that does not say where it listens: at `address`, as it was told.
Process StartServerAt(const std::vector<std::string>& command,
                      const std::string& address);

// What a server of ForkServer says.
void SayListening(const std::string& address);

bool IsInPath(const std::string& program);
// A TCP port of 127.0.0.1 that nobody listens on.
int FreePort();
// Blocks until somebody listens there; ends the program if nobody does, or the
// process has ended.
void AwaitPort(int port, const Process& process);

// Seconds of processor time that the processes have had.
double ProcessorTime(const std::vector<pid_t>& processes);

}  // namespace anteroom::bench

#endif  // ANTEROOM_TESTS_BENCH_PROCESS_H_
