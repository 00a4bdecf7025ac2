#include "tests/bench/builds/build.h"

#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <iterator>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/bench/closed_loop.h"

namespace anteroom::bench {
namespace {

constexpr char kPreloadJemalloc[] = "LD_PRELOAD=libjemalloc.so.2";

std::string ContentOf(const std::string& file) {
  std::ifstream stream(file);
  return {std::istreambuf_iterator<char>(stream), {}};
}

// What the process is made of, by the libraries that it has mapped and by the
// names of what tcmalloc, if it is linked statically, looks for in the
// environment.
Build BuildOf(const Process& process) {
  const std::string folder = absl::StrCat("/proc/", process.id);
  const std::string program = absl::StrCat(folder, "/exe");
  const std::string maps = ContentOf(absl::StrCat(folder, "/maps"));
  Build build{program, Grpc::kStatic, Malloc::kGlibc};
  if (absl::StrContains(maps, "/libgrpc.so")) build.grpc = Grpc::kShared;
  if (absl::StrContains(maps, "/libtcmalloc") ||
      absl::StrContains(ContentOf(program), "TCMALLOC_RELEASE_RATE")) {
    build.malloc = Malloc::kTcmalloc;
  }
  if (absl::StrContains(maps, "/libjemalloc")) build.malloc = Malloc::kJemalloc;
  return build;
}

bool HasJemalloc() {
  // What cannot be preloaded is complained of.
  return std::system(
             absl::StrCat("! ", kPreloadJemalloc, " /bin/true 2>&1 | grep -q .")
                 .c_str()) == 0;
}

}  // namespace

std::string WhyMissing(const Build& build) {
  if (access(build.program.c_str(), X_OK) != 0) {
    return absl::StrCat("no ", build.program, " (./dev bench builds)");
  }
  if (build.malloc == Malloc::kJemalloc && !HasJemalloc()) {
    return "no libjemalloc.so.2 (Debian: libjemalloc2)";
  }
  return "";
}

Process Start(const Build& build, std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), build.program);
  if (build.malloc == Malloc::kJemalloc) {
    arguments.insert(arguments.begin(), {"env", kPreloadJemalloc});
  }
  Process process = StartServer(arguments);
  const Build is = BuildOf(process);
  if (is.grpc != build.grpc) {
    Fail(absl::StrCat(build.program, " is linked with the wrong gRPC"));
  }
  if (is.malloc != build.malloc) {
    Fail(absl::StrCat(build.program, " has the wrong malloc"));
  }
  return process;
}

}  // namespace anteroom::bench
