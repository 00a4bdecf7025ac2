#include "tests/bench/scratch.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "server/coro/check.h"
#include "tests/bench/closed_loop.h"

namespace anteroom::bench {
namespace {

// Until nobody holds the other end of the pipe any more.
void AwaitEnd(int pipe_end) {
  char nothing = 0;
  while (read(pipe_end, &nothing, 1) != 0) {
  }
}

}  // namespace

Scratch::Scratch(const std::string& parent)
    : path_(absl::StrCat(parent, "/anteroom_bench_XXXXXX")) {
  if (mkdtemp(path_.data()) == nullptr) {
    Fail(absl::StrCat("cannot make a folder in ", parent));
  }
  // Whoever may write there has the second end: this program, and the servers
  // that it will start, of other programs, too.
  int pipe_ends[2];
  ANTEROOM_CHECK(pipe(pipe_ends) == 0);
  const pid_t remover = fork();
  ANTEROOM_CHECK(remover >= 0);
  close(pipe_ends[remover == 0 ? 1 : 0]);
  if (remover != 0) return;
  // Out of reach of Ctrl-C. Whoever reads what the program prints is not kept
  // waiting for this process.
  setsid();
  const int nowhere = open("/dev/null", O_RDWR);
  for (int standard = 0; standard < 3; ++standard) dup2(nowhere, standard);
  AwaitEnd(pipe_ends[0]);
  std::error_code failed;
  std::filesystem::remove_all(path_, failed);
  _exit(0);
}

std::string Scratch::Write(const std::string& name,
                           const std::string& content) const {
  const std::string file = absl::StrCat(path_, "/", name);
  std::ofstream(file) << content;
  return file;
}

}  // namespace anteroom::bench
