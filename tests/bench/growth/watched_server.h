// A server process that tells what it has allocated, and when exits began.
//
// Thread safety: used by one thread.
#ifndef ANTEROOM_TESTS_BENCH_GROWTH_WATCHED_SERVER_H_
#define ANTEROOM_TESTS_BENCH_GROWTH_WATCHED_SERVER_H_

#include <atomic>
#include <cstdint>
#include <functional>

#include "server/config/build.h"
#include "tests/bench/process.h"

namespace anteroom::bench {

// In memory that the server shares with this program.
struct Exits {
  std::atomic<std::int64_t> begun = 0;
  // When the last one did, in nanoseconds of the steady clock.
  std::atomic<std::int64_t> last_at = 0;
};

// Objects of the kind "exiting", which have nothing but an Exit hook: it counts
// in `exits`, which outlives them.
config::CustomKinds ExitingKinds(Exits& exits);

class WatchedServer {
 public:
  // Forks a process that runs `serve` (process.h).
  explicit WatchedServer(const std::function<void(Exits&)>& serve);
  WatchedServer(const WatchedServer&) = delete;
  WatchedServer& operator=(const WatchedServer&) = delete;
  ~WatchedServer();

  const Process& process() const { return process_; }
  const Exits& exits() const { return *exits_; }

  // What it has allocated (memory.h), once that has been the same for a while.
  std::int64_t SettledBytes() const;

 private:
  std::int64_t AllocatedBytes() const;

  Exits* exits_ = nullptr;
  int control_ = -1;
  Process process_;
};

}  // namespace anteroom::bench

#endif  // ANTEROOM_TESTS_BENCH_GROWTH_WATCHED_SERVER_H_
