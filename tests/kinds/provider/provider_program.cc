// provider_program ADDRESS HOOK: a FakeProvider that listens on ADDRESS, which
// it prints, until its standard input ends. Once HOOK is called it is dead.
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "tests/kinds/provider/fake_provider.h"

namespace anteroom::kinds {
namespace {

[[noreturn]] coro::Task<absl::Status> Die() {
  std::raise(SIGKILL);
  std::abort();
}

ProviderScript DyingIn(const std::string& hook) {
  ProviderScript script;
  const auto dies = [](auto&&...) { return Die(); };
  if (hook == "Init") {
    script.hooks = {pb::HOOK_INIT};
    script.init = dies;
  } else if (hook == "Exit") {
    script.exit = dies;
  } else if (hook == "Close") {
    script.close = dies;
  }
  return script;
}

void Serve(const std::string& address, const std::string& hook) {
  const FakeProvider provider(DyingIn(hook), address);
  std::printf("%s\n", provider.address().c_str());
  std::fflush(stdout);
  char ignored = 0;
  while (read(STDIN_FILENO, &ignored, 1) > 0) {
  }
}

}  // namespace
}  // namespace anteroom::kinds

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  anteroom::kinds::Serve(argv[1], argv[2]);
  return 0;
}
