// Linger: tells calls that they have waited long enough for more to send at
// once. All that wait share one timer, so that a call that need not wait for it
// costs next to nothing.
//
// Destruction: at any time; who still waits is told nothing.
//
// Thread safety: all methods, from any thread.
#ifndef ANTEROOM_SERVER_RPC_LINGER_H_
#define ANTEROOM_SERVER_RPC_LINGER_H_

#include <memory>
#include <vector>

#include "absl/time/time.h"
#include "server/coro/mutex.h"
#include "server/coro/runtime.h"

namespace anteroom::rpc {

class Lingering {
 public:
  virtual ~Lingering() = default;
  // On the executor.
  virtual void LingerOver() = 0;
};

class Linger {
 public:
  explicit Linger(coro::Runtime runtime,
                  absl::Duration time = absl::Milliseconds(10));

  // Calls LingerOver() once, after `time` to 2 * `time`, if it is there then.
  void Add(std::weak_ptr<Lingering> waiting);

 private:
  struct State : std::enable_shared_from_this<State> {
    State(coro::Runtime runtime, absl::Duration time)
        : runtime(runtime), time(time) {}
    void Schedule();
    void Tick();

    const coro::Runtime runtime;
    const absl::Duration time;
    coro::Mutex mu;
    bool ticking ABSL_GUARDED_BY(mu) = false;
    // Added since the last tick, and before it.
    std::vector<std::weak_ptr<Lingering>> young ABSL_GUARDED_BY(mu);
    std::vector<std::weak_ptr<Lingering>> old ABSL_GUARDED_BY(mu);
  };

  const std::shared_ptr<State> state_;
};

}  // namespace anteroom::rpc

#endif  // ANTEROOM_SERVER_RPC_LINGER_H_
