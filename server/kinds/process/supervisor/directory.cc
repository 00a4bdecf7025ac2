#include "server/kinds/process/supervisor/directory.h"

#include <filesystem>
#include <system_error>

namespace anteroom::kinds::supervisor {
namespace {

namespace fs = std::filesystem;

// Lets the owner into `folder` and all folders below.
void Open(const fs::path& folder) {
  std::error_code ignored;
  fs::permissions(folder, fs::perms::owner_all, fs::perm_options::add, ignored);
  fs::directory_iterator entry(folder, ignored);
  for (; entry != fs::directory_iterator(); entry.increment(ignored)) {
    if (entry->symlink_status(ignored).type() == fs::file_type::directory) {
      Open(entry->path());
    }
  }
}

}  // namespace

void RemoveDirectory(const std::string& path) {
  std::error_code failed;
  fs::remove_all(path, failed);
  if (!failed) return;
  Open(path);
  fs::remove_all(path, failed);
}

}  // namespace anteroom::kinds::supervisor
