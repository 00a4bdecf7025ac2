#include "tests/bench/growth/watched_server.h"

#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <memory>
#include <new>
#include <thread>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "server/coro/check.h"
#include "server/lifecycle/resource.h"
#include "tests/bench/closed_loop.h"
#include "tests/bench/growth/memory.h"

namespace anteroom::bench {
namespace {

using lifecycle::Payload;
using lifecycle::PayloadView;

class ExitingObject : public lifecycle::Object {
 public:
  explicit ExitingObject(Exits& exits) : exits_(exits) {}

  // Says back what it is told, as kind hello's `echo`.
  coro::Task<absl::StatusOr<Payload>> Use(lifecycle::UseContext&,
                                          absl::string_view,
                                          PayloadView argument) override {
    co_return argument.Copy();
  }
  coro::Task<absl::StatusOr<lifecycle::ExitResult>> Exit(
      lifecycle::ExitContext&) override {
    exits_.last_at = std::chrono::nanoseconds(
                         std::chrono::steady_clock::now().time_since_epoch())
                         .count();
    ++exits_.begun;
    co_return lifecycle::ExitResult();
  }

 private:
  Exits& exits_;
};

class ExitingKind : public lifecycle::Kind {
 public:
  explicit ExitingKind(Exits& exits) : exits_(exits) {}

  lifecycle::Hooks hooks() const override { return {.exit = true}; }
  std::unique_ptr<lifecycle::Object> Construct(
      const lifecycle::InstanceInfo&, lifecycle::InstanceContext&) override {
    return std::make_unique<ExitingObject>(exits_);
  }

 private:
  Exits& exits_;
};

Exits* NewShared() {
  void* const memory = mmap(nullptr, sizeof(Exits), PROT_READ | PROT_WRITE,
                            MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  ANTEROOM_CHECK(memory != MAP_FAILED);
  return new (memory) Exits;
}

void Answer(int control) {
  char question = 0;
  while (read(control, &question, 1) == 1) {
    const std::int64_t bytes = AllocatedBytes();
    ANTEROOM_CHECK(write(control, &bytes, sizeof(bytes)) == sizeof(bytes));
  }
}

}  // namespace

config::CustomKinds ExitingKinds(Exits& exits) {
  return {{"exiting", [&exits](coro::Runtime, const nlohmann::json&) {
             return std::make_unique<ExitingKind>(exits);
           }}};
}

WatchedServer::WatchedServer(const std::function<void(Exits&)>& serve)
    : exits_(NewShared()) {
  int ends[2];
  ANTEROOM_CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
  process_ = ForkServer([&] {
    close(ends[0]);
    std::thread([control = ends[1]] { Answer(control); }).detach();
    serve(*exits_);
  });
  close(ends[1]);
  control_ = ends[0];
}

WatchedServer::~WatchedServer() {
  kill(process_.id, SIGKILL);
  waitpid(process_.id, nullptr, 0);
  close(control_);
  munmap(exits_, sizeof(Exits));
}

std::int64_t WatchedServer::AllocatedBytes() const {
  std::int64_t bytes = 0;
  if (write(control_, "?", 1) != 1 ||
      read(control_, &bytes, sizeof(bytes)) != sizeof(bytes)) {
    Fail("a server has ended");
  }
  return bytes;
}

std::int64_t WatchedServer::SettledBytes() const {
  constexpr int kAlike = 5;
  std::int64_t bytes = AllocatedBytes();
  for (int alike = 0, tries = 0; alike < kAlike && tries < 100; ++tries) {
    absl::SleepFor(absl::Milliseconds(50));
    const std::int64_t now = AllocatedBytes();
    alike = now == bytes ? alike + 1 : 0;
    bytes = now;
  }
  return bytes;
}

}  // namespace anteroom::bench
