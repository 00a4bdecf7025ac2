#include "server/run.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "server/config/build.h"
#include "server/config/load.h"
#include "server/coro/clock.h"
#include "server/coro/random.h"
#include "server/coro/runtime.h"
#include "server/coro/sync_wait.h"
#include "server/coro/task_group.h"
#include "server/coro/thread_pool.h"
#include "server/coro/thread_timers.h"
#include "server/rpc/calls.h"
#include "server/service/server.h"

namespace anteroom {
namespace {

constexpr int kExitForced = 1;
constexpr int kExitUsage = 2;
// What calls under way are granted once all leases have ended.
constexpr absl::Duration kShutdownGrace = absl::Seconds(2);

struct Flags {
  std::string config;
  std::vector<std::string> listen;
};

// An exit code if the program is to end here.
std::optional<int> ParseFlags(int argc, char** argv, Flags& flags) {
  CLI::App app(
      "Owns objects that take time to become ready, lends them out over gRPC, "
      "and sees each one out.\n"
      "SIGTERM or SIGINT drains the server; a second one forces it.",
      "anteroomd");
  app.add_option("--config", flags.config,
                 "Configuration file: protobuf text (.textproto) or JSON "
                 "(.json) of anteroom.v1.ServerConfig. Default: the four "
                 "objects of the article (hello-plain, hello-awaitable, "
                 "hello-context, hello)");
  app.add_option("--listen", flags.listen,
                 "Address to listen on: host:port (port 0 picks a free one) or "
                 "unix:PATH. Repeatable; replaces the configured listeners. "
                 "Default: 127.0.0.1:50051")
      ->take_all();
  app.set_version_flag("--version", "anteroomd " ANTEROOM_VERSION);
  try {
    app.parse(argc, argv);
    return std::nullopt;
  } catch (const CLI::Success& success) {  // --help, --version
    return app.exit(success);
  } catch (const CLI::ParseError& error) {
    std::fprintf(stderr, "anteroomd: %s (see --help)\n", error.what());
    return kExitUsage;
  }
}

// Blocks the signals in this and all later threads, and hands them out as a
// descriptor.
int OpenSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  return signalfd(-1, &signals, SFD_CLOEXEC);
}

// Waits until one of the descriptors can be read, and reads it. Its index, or
// nullopt once `timeout`, at most 24 h or infinite, has passed.
std::optional<std::size_t> AwaitOne(const std::vector<int>& descriptors,
                                    absl::Duration timeout) {
  std::vector<pollfd> polled;
  polled.reserve(descriptors.size());
  for (const int descriptor : descriptors) {
    polled.push_back({descriptor, POLLIN, 0});
  }
  const int milliseconds =
      timeout == absl::InfiniteDuration()
          ? -1
          : static_cast<int>(absl::ToInt64Milliseconds(timeout));
  int ready = 0;
  do {
    ready = poll(polled.data(), polled.size(), milliseconds);
  } while (ready < 0 && errno == EINTR);
  for (std::size_t i = 0; ready > 0 && i < polled.size(); ++i) {
    if (polled[i].revents == 0) continue;
    std::uint8_t unread[sizeof(signalfd_siginfo)];
    (void)!read(polled[i].fd, unread, sizeof(unread));
    return i;
  }
  return std::nullopt;
}

coro::Task<void> DrainAndTell(lifecycle::Anteroom& anteroom, int told) {
  coro::Task<void> drain = anteroom.Drain();
  co_await std::move(drain);
  const std::uint64_t one = 1;
  (void)!write(told, &one, sizeof(one));
}

// gRPC 1.51, Debian 12's, has no security backports.
void WarnIfExposed(const std::string& address) {
  for (const char* const local : {"127.", "localhost:", "[::1]:", "unix:"}) {
    if (absl::StartsWith(address, local)) return;
  }
  std::fprintf(stderr,
               "warning: %s can be reached from other machines, and gRPC %s is "
               "served without TLS and authentication: keep it behind a proxy "
               "or a private network\n",
               address.c_str(), grpc::Version().c_str());
}

// Until the first signal, then drains; a forced drain ends the process.
void ServeUntilSignal(coro::Runtime runtime, int signals,
                      const config::Built& built, service::Server& server) {
  AwaitOne({signals}, absl::InfiniteDuration());
  std::fprintf(stderr, "draining: no new leases, waiting for exits\n");
  server.StopBeingHealthy();
  const int drained = eventfd(0, EFD_CLOEXEC);
  coro::TaskGroup group(runtime);
  group.Spawn(DrainAndTell(*built.anteroom, drained));
  const std::optional<std::size_t> first =
      AwaitOne({drained, signals}, built.drain_timeout);
  if (first != 0) {
    std::fprintf(stderr, "drain forced: %s\n",
                 first.has_value() ? "a second signal came"
                                   : "drain_timeout has passed");
    // Hooks that do not end cannot be joined: nothing is torn down under them.
    std::_Exit(kExitForced);
  }
  close(drained);
  coro::SyncWait(group.Join());
  server.Shutdown(kShutdownGrace);
}

}  // namespace

int Run(int argc, char** argv, const config::CustomKinds& custom) {
  Flags flags;
  const std::optional<int> ended = ParseFlags(argc, argv, flags);
  if (ended.has_value()) return *ended;
  // Debian's Abseil looks for deadlocks at each of gRPC's locks.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  const int signals = OpenSignals();

  const absl::StatusOr<v1::ServerConfig> proto =
      flags.config.empty() ? config::DefaultConfig()
                           : config::LoadFile(flags.config);
  if (!proto.ok()) {
    std::fprintf(stderr, "anteroomd: %s\n",
                 std::string(proto.status().message()).c_str());
    return kExitUsage;
  }
  const coro::SystemClock clock;
  coro::SystemRandom random;
  coro::ThreadPool executor(
      std::max(2, static_cast<int>(std::thread::hardware_concurrency())));
  coro::ThreadTimers timers(executor, clock);
  const coro::Runtime runtime{executor, timers, clock, random};
  const absl::StatusOr<config::Built> built =
      config::Build(runtime, *proto, custom);
  if (!built.ok()) {
    std::fprintf(
        stderr, "anteroomd: %s: %s\n",
        flags.config.empty() ? "built-in configuration" : flags.config.c_str(),
        std::string(built.status().message()).c_str());
    return kExitUsage;
  }
  rpc::Calls calls(runtime);
  auto server = service::Server::Start(
      *built->anteroom, calls,
      flags.listen.empty() ? built->listeners : flags.listen,
      {built->resources, built->drain_timeout});
  if (!server.ok()) {
    std::fprintf(stderr, "anteroomd: %s\n",
                 std::string(server.status().message()).c_str());
    return kExitUsage;
  }
  built->anteroom->Start();
  for (const std::string& address : (*server)->addresses()) {
    WarnIfExposed(address);
    std::fprintf(stderr, "listening on %s\n", address.c_str());
  }
  ServeUntilSignal(runtime, signals, *built, **server);
  // What is posted may refer to leases until it is gone: see lease.h.
  server->reset();
  timers.Stop();
  executor.Stop();
  return 0;
}

}  // namespace anteroom
