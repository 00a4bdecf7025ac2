// Process: a client that a load test starts, talks to and kills.
#ifndef ANTEROOM_TESTS_LOAD_PROCESS_H_
#define ANTEROOM_TESTS_LOAD_PROCESS_H_

#include <sys/types.h>

#include <cstdio>
#include <optional>
#include <string>
#include <vector>

namespace anteroom::service {

// Not thread-safe.
class Process {
 public:
  // Starts the load client (client.cc).
  explicit Process(const std::vector<std::string>& arguments);
  // Kills it if it is still there.
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  // A line to its standard input.
  void Say(const std::string& line);
  // The next line of its standard output; nullopt: there will be none.
  std::optional<std::string> Line();
  // SIGKILL; waits until it is gone.
  void Kill();
  // Waits for its own end; the exit status, -1 if a signal ended it.
  int Join();

 private:
  int Wait();

  pid_t pid_ = -1;  // -1 once it is gone
  std::FILE* input_ = nullptr;
  std::FILE* output_ = nullptr;
};

}  // namespace anteroom::service

#endif  // ANTEROOM_TESTS_LOAD_PROCESS_H_
