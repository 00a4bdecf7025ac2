#include "tests/load/process.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>

#include "server/coro/check.h"

namespace anteroom::service {
namespace {

struct Pipe {
  Pipe() {
    std::array<int, 2> ends{};
    ANTEROOM_CHECK(pipe2(ends.data(), O_CLOEXEC) == 0);
    read = ends[0];
    write = ends[1];
  }
  int read;
  int write;
};

}  // namespace

Process::Process(const std::vector<std::string>& arguments) {
  std::vector<std::string> words = {ANTEROOM_LOAD_CLIENT};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  argv.reserve(words.size() + 1);
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);

  const Pipe in;
  const Pipe out;
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, in.read, STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, out.write, STDOUT_FILENO);
  ANTEROOM_CHECK(posix_spawn(&pid_, words.front().c_str(), &actions, nullptr,
                             argv.data(), environ) == 0);
  posix_spawn_file_actions_destroy(&actions);
  close(in.read);
  close(out.write);
  input_ = fdopen(in.write, "w");
  output_ = fdopen(out.read, "r");
  ANTEROOM_CHECK(input_ != nullptr && output_ != nullptr);
}

Process::~Process() {
  Kill();
  std::fclose(input_);
  std::fclose(output_);
}

void Process::Say(const std::string& line) {
  std::fprintf(input_, "%s\n", line.c_str());
  std::fflush(input_);
}

std::optional<std::string> Process::Line() {
  char* line = nullptr;
  std::size_t capacity = 0;
  const ssize_t length = getline(&line, &capacity, output_);
  std::optional<std::string> said;
  if (length > 0) said.emplace(line, static_cast<std::size_t>(length) - 1);
  std::free(line);
  return said;
}

void Process::Kill() {
  if (pid_ == -1) return;
  kill(pid_, SIGKILL);
  Wait();
}

int Process::Join() { return pid_ == -1 ? -1 : Wait(); }

int Process::Wait() {
  int status = 0;
  while (waitpid(pid_, &status, 0) == -1 && errno == EINTR) {
  }
  pid_ = -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

}  // namespace anteroom::service
