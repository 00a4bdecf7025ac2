// What a Child and its supervisor tell each other: the arguments to start it
// with, and what its words mean.
#ifndef ANTEROOM_SERVER_KINDS_PROCESS_CHILD_MESSAGES_H_
#define ANTEROOM_SERVER_KINDS_PROCESS_CHILD_MESSAGES_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "server/kinds/process/child.h"

namespace anteroom::kinds {

// The arguments and the environment of a supervisor, as C wants them.
class SpawnArguments {
 public:
  // `launch` must outlive this.
  explicit SpawnArguments(const Launch& launch);

  char** arguments() { return arguments_.data(); }
  char** environment() { return environment_.data(); }

 private:
  std::vector<std::string> texts_;
  std::vector<char*> arguments_;
  std::vector<char*> environment_;
};

// The program's process id, if `line` says that it runs.
std::optional<int> ParseStarted(const std::string& line);

// How the program ended, from a line that says so: "ended with exit status 3",
// "could not be started: ...".
std::string DescribeEnd(const Launch& launch, const std::string& line);

// Whether `line` says that it ended with exit status 0.
bool SaysSuccess(const std::string& line);

}  // namespace anteroom::kinds

#endif  // ANTEROOM_SERVER_KINDS_PROCESS_CHILD_MESSAGES_H_
