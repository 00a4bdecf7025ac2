#include "tests/kinds/provider/provider_process.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>

#include "server/coro/check.h"

namespace anteroom::kinds {

ProviderProcess::ProviderProcess(const std::string& address,
                                 const std::string& dies_in) {
  std::string program = ANTEROOM_PROVIDER_PROGRAM;
  std::string listen = address;
  std::string hook = dies_in;
  std::array<char*, 4> argv = {program.data(), listen.data(), hook.data(),
                               nullptr};
  std::array<int, 2> in{};
  std::array<int, 2> out{};
  ANTEROOM_CHECK(pipe2(in.data(), O_CLOEXEC) == 0);
  ANTEROOM_CHECK(pipe2(out.data(), O_CLOEXEC) == 0);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, in[0], STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
  ANTEROOM_CHECK(posix_spawn(&pid_, program.c_str(), &actions, nullptr,
                             argv.data(), environ) == 0);
  posix_spawn_file_actions_destroy(&actions);
  close(in[0]);
  close(out[1]);
  input_ = in[1];
  std::FILE* const output = fdopen(out[0], "r");
  char* line = nullptr;
  std::size_t capacity = 0;
  const ssize_t length = getline(&line, &capacity, output);
  ANTEROOM_CHECK(length > 1);
  address_.assign(line, static_cast<std::size_t>(length) - 1);
  std::free(line);
  std::fclose(output);
}

ProviderProcess::~ProviderProcess() {
  Kill();
  close(input_);
}

void ProviderProcess::Kill() {
  if (pid_ == -1) return;
  kill(pid_, SIGKILL);
  Join();
}

void ProviderProcess::Join() {
  while (waitpid(pid_, nullptr, 0) == -1 && errno == EINTR) {
  }
  pid_ = -1;
}

}  // namespace anteroom::kinds
