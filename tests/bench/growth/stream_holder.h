// StreamHolder: a client process that holds idle streams, until it is told to
// end them, or is killed.
//
// Thread safety: used by one thread.
#ifndef ANTEROOM_TESTS_BENCH_GROWTH_STREAM_HOLDER_H_
#define ANTEROOM_TESTS_BENCH_GROWTH_STREAM_HOLDER_H_

#include <sys/types.h>

#include <cstdint>
#include <string>

#include "tests/bench/closed_loop.h"

namespace anteroom::bench {

class StreamHolder {
 public:
  // Who opens streams at a server, one after the other, and who makes it busy
  // before: what it makes once is made by then.
  using Open = Callers (*)(const std::string& address, int width);

  // REQUIRES: this process has a single thread, and gRPC has begun nothing.
  StreamHolder(const std::string& address, Open run_up, Open open);
  StreamHolder(const StreamHolder&) = delete;
  StreamHolder& operator=(const StreamHolder&) = delete;
  ~StreamHolder();

  // Opens so many, and has one message sent and answered on each.
  void Begin(std::int64_t count);
  // Cancels all.
  void End();
  // SIGKILL.
  void Kill();

 private:
  void Tell(std::int64_t count) const;

  pid_t process_ = -1;  // -1: it is gone
  int control_ = -1;
};

}  // namespace anteroom::bench

#endif  // ANTEROOM_TESTS_BENCH_GROWTH_STREAM_HOLDER_H_
