#include "server/kinds/process/supervisor/descendants.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <map>
#include <string>

namespace anteroom::kinds::supervisor {
namespace {

// A death wakes the sweep at once; this bounds what it may have overlooked.
constexpr timespec kRescan = {0, 10'000'000};

// The parent of `pid`; 0 if it is gone. No stream: one would throw where the
// process ends while it is read.
pid_t ParentOf(pid_t pid) {
  const std::string path = "/proc/" + std::to_string(pid) + "/stat";
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return 0;
  char bytes[256];  // more than the beginning has
  const ssize_t got = read(file, bytes, sizeof(bytes));
  close(file);
  const std::string stat(bytes, got > 0 ? static_cast<std::size_t>(got) : 0);
  // "PID (NAME) STATE PPID ...", where NAME may hold anything.
  const std::size_t name_end = stat.rfind(')');
  if (name_end == std::string::npos || name_end + 4 > stat.size()) return 0;
  return static_cast<pid_t>(std::atol(stat.c_str() + name_end + 4));
}

std::multimap<pid_t, pid_t> ChildrenByParent() {
  std::multimap<pid_t, pid_t> children;
  DIR* const proc = opendir("/proc");
  if (proc == nullptr) return children;
  while (const dirent* const entry = readdir(proc)) {
    const auto pid = static_cast<pid_t>(std::atol(entry->d_name));
    if (pid > 0) children.emplace(ParentOf(pid), pid);
  }
  closedir(proc);
  return children;
}

// False: there is no child any more.
bool ReapEnded() {
  pid_t reaped = 0;
  do {
    reaped = waitpid(-1, nullptr, WNOHANG);
  } while (reaped > 0);
  return reaped == 0;
}

}  // namespace

std::vector<pid_t> Descendants() {
  const std::multimap<pid_t, pid_t> children = ChildrenByParent();
  std::vector<pid_t> below;
  std::vector<pid_t> parents = {getpid()};
  while (!parents.empty()) {
    const auto [first, last] = children.equal_range(parents.back());
    parents.pop_back();
    for (auto child = first; child != last; ++child) {
      below.push_back(child->second);
      parents.push_back(child->second);
    }
  }
  return below;
}

void KillDescendants() {
  sigset_t child;
  sigemptyset(&child);
  sigaddset(&child, SIGCHLD);
  while (ReapEnded()) {
    bool killed = false;
    for (const pid_t pid : Descendants()) {
      killed = kill(pid, SIGKILL) == 0 || errno == ESRCH || killed;
    }
    if (!killed) return;
    sigtimedwait(&child, nullptr, &kRescan);
  }
}

}  // namespace anteroom::kinds::supervisor
