// co_await Yield(executor): goes on in a fresh call stack on the executor.
// Neither cancellable nor timed: the executor always runs what is posted.
#ifndef ANTEROOM_SERVER_CORO_YIELD_H_
#define ANTEROOM_SERVER_CORO_YIELD_H_

#include <coroutine>

#include "server/coro/executor.h"

namespace anteroom::coro {

class [[nodiscard]] Yield {
 public:
  explicit Yield(Executor& executor) : executor_(executor) {}
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> handle) const {
    executor_.Post([handle] { handle.resume(); });
  }
  void await_resume() const noexcept {}

 private:
  Executor& executor_;
};

}  // namespace anteroom::coro

#endif  // ANTEROOM_SERVER_CORO_YIELD_H_
