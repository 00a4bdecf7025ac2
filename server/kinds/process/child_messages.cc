#include "server/kinds/process/child_messages.h"

#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/kinds/process/signals.h"

namespace anteroom::kinds {
namespace {

std::map<std::string, std::string> Environment(const Launch& launch) {
  std::map<std::string, std::string> all;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string text = *entry;
    const std::size_t equals = text.find('=');
    if (equals == std::string::npos) continue;
    all.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  for (const auto& [name, value] : launch.environment) {
    all.insert_or_assign(name, value);
  }
  return all;
}

std::string DescribeFailure(const Launch& launch, absl::string_view stage,
                            int error) {
  const char* const why = std::strerror(error);
  if (stage == "scratch") {
    return absl::StrCat("could not be started: its directory ",
                        launch.directory, " cannot be made: ", why,
                        " (TMPDIR says where)");
  }
  if (stage == "directory") {
    return absl::StrCat("could not be started: its directory ",
                        launch.directory, ": ", why);
  }
  if (stage == "exec") {
    return absl::StrCat("could not be started: ", launch.command.front(), ": ",
                        why);
  }
  return absl::StrCat("could not be started: ", stage, ": ", why);
}

}  // namespace

SpawnArguments::SpawnArguments(const Launch& launch) {
  texts_ = {launch.supervisor, launch.scratch ? "scratch" : "in",
            launch.directory};
  texts_.insert(texts_.end(), launch.command.begin(), launch.command.end());
  const std::size_t arguments = texts_.size();
  for (const auto& [name, value] : Environment(launch)) {
    texts_.push_back(absl::StrCat(name, "=", value));
  }
  for (std::size_t i = 0; i < texts_.size(); ++i) {
    (i < arguments ? arguments_ : environment_).push_back(texts_[i].data());
  }
  arguments_.push_back(nullptr);
  environment_.push_back(nullptr);
}

std::optional<int> ParseStarted(const std::string& line) {
  int pid = 0;
  if (std::sscanf(line.c_str(), "started %d", &pid) != 1) return std::nullopt;
  return pid;
}

std::string DescribeEnd(const Launch& launch, const std::string& line) {
  int number = 0;
  char stage[16] = {};
  if (std::sscanf(line.c_str(), "failed %15s %d", stage, &number) == 2) {
    return DescribeFailure(launch, stage, number);
  }
  if (std::sscanf(line.c_str(), "ended %d", &number) != 1) {
    return absl::StrCat("is lost: its supervisor said \"", line, "\"");
  }
  if (WIFSIGNALED(number)) {
    return absl::StrCat("was ended by ", SignalName(WTERMSIG(number)));
  }
  return absl::StrCat("ended with exit status ", WEXITSTATUS(number));
}

bool SaysSuccess(const std::string& line) { return line == "ended 0"; }

}  // namespace anteroom::kinds
