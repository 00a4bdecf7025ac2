#include "tests/bench/anteroomd.h"

#include <unistd.h>

#include <vector>

#include "absl/strings/str_cat.h"
#include "server/run.h"

namespace anteroom::bench {

void RunAnteroomd(const std::string& config_file,
                  const config::CustomKinds& kinds) {
  std::string arguments[] = {"anteroomd",
                             absl::StrCat("--config=", config_file),
                             "--listen=127.0.0.1:0"};
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  _exit(Run(static_cast<int>(argv.size()), argv.data(), kinds));
}

}  // namespace anteroom::bench
