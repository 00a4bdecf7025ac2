#include "server/kinds/process/process_host.h"

#include <filesystem>
#include <system_error>
#include <utility>

namespace anteroom::kinds {
namespace {

namespace fs = std::filesystem;

constexpr char kSupervisor[] = "anteroom-supervisor";
constexpr char kDirectories[] = "/tmp";

std::string BesideThisProgram() {
  std::error_code failed;
  const fs::path program = fs::read_symlink("/proc/self/exe", failed);
  return (program.parent_path() / kSupervisor).string();
}

std::string TemporaryDirectory() {
  std::error_code failed;
  const fs::path directory = fs::temp_directory_path(failed);
  return failed ? kDirectories : fs::absolute(directory, failed).string();
}

}  // namespace

ProcessHost::ProcessHost(coro::Random& random, std::string supervisor)
    : supervisor(supervisor.empty() ? BesideThisProgram()
                                    : std::move(supervisor)),
      directories(TemporaryDirectory()),
      ports(random) {}

}  // namespace anteroom::kinds
