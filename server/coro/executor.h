// Where suspended coroutines are resumed. Every external event (a reaction of
// gRPC's, a timer, a cancellation) only posts; it never resumes in place.
#ifndef ANTEROOM_SERVER_CORO_EXECUTOR_H_
#define ANTEROOM_SERVER_CORO_EXECUTOR_H_

#include "absl/functional/any_invocable.h"

namespace anteroom::coro {

// A piece of work. Must not block and must not throw.
using Work = absl::AnyInvocable<void() &&>;

class Executor {
 public:
  virtual ~Executor() = default;
  // Runs `work` once, later, never inside this call. Thread-safe; may be called
  // from any context, a stop callback or a timer included.
  virtual void Post(Work work) = 0;
};

}  // namespace anteroom::coro

#endif  // ANTEROOM_SERVER_CORO_EXECUTOR_H_
