#include "tests/bench/scratch.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "server/coro/check.h"
#include "tests/bench/closed_loop.h"

namespace anteroom::bench {
namespace {

// Servers that are about to be killed may still write there.
void Remove(const std::string& path) {
  std::error_code failed;
  for (int tries = 0; tries < 50; ++tries) {
    std::filesystem::remove_all(path, failed);
    if (!std::filesystem::exists(path)) return;
    absl::SleepFor(absl::Milliseconds(100));
  }
}

}  // namespace

Scratch::Scratch(const std::string& parent)
    : path_(absl::StrCat(parent, "/anteroom_bench_XXXXXX")) {
  if (mkdtemp(path_.data()) == nullptr) {
    Fail(absl::StrCat("cannot make a folder in ", parent));
  }
  const pid_t program = getpid();
  const pid_t remover = fork();
  ANTEROOM_CHECK(remover >= 0);
  if (remover != 0) return;
  // Out of reach of Ctrl-C. Whoever reads what the program prints is not kept
  // waiting for this process.
  setsid();
  const int nowhere = open("/dev/null", O_RDWR);
  for (int standard = 0; standard < 3; ++standard) dup2(nowhere, standard);
  while (getppid() == program) absl::SleepFor(absl::Milliseconds(100));
  Remove(path_);
  _exit(0);
}

std::string Scratch::Write(const std::string& name,
                           const std::string& content) const {
  const std::string file = absl::StrCat(path_, "/", name);
  std::ofstream(file) << content;
  return file;
}

}  // namespace anteroom::bench
