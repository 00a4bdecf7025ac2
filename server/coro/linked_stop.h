// LinkedStop: a stop token that fires when one of its parents does, or when a
// deadline has passed, whichever comes first.
//
//   LinkedStop bound(runtime, deadline, {call.stop, lease.stop});
//   result = co_await object.Enter(bound.token());
//   if (bound.timed_out()) ...
//
// Destroying it unlinks it; a deadline that passes meanwhile stops nobody.
//
// Thread safety: one coroutine at a time; token() and timed_out() from any.
#ifndef ANTEROOM_SERVER_CORO_LINKED_STOP_H_
#define ANTEROOM_SERVER_CORO_LINKED_STOP_H_

#include <atomic>
#include <initializer_list>
#include <list>
#include <memory>
#include <stop_token>

#include "server/coro/clock.h"
#include "server/coro/runtime.h"
#include "server/coro/timers.h"

namespace anteroom::coro {

class LinkedStop {
 public:
  LinkedStop(Runtime runtime, Instant deadline,
             std::initializer_list<std::stop_token> parents);
  ~LinkedStop();
  LinkedStop(const LinkedStop&) = delete;
  LinkedStop& operator=(const LinkedStop&) = delete;

  std::stop_token token() const { return state_->source.get_token(); }
  // Stops the token by hand.
  void RequestStop() { state_->source.request_stop(); }

  // True if it was the deadline that fired first.
  bool timed_out() const {
    return state_->timed_out.load(std::memory_order_acquire);
  }

  // Moves the deadline (kNever: none). A deadline that fired stays fired.
  void SetDeadline(Instant deadline);

 private:
  struct State {
    std::stop_source source;
    std::atomic<bool> timed_out{false};
  };
  // Runs inline in the parent's request_stop(): passes the stop on, and the
  // children's callbacks only post.
  struct OnParentStop {
    std::shared_ptr<State> state;
    void operator()() const { state->source.request_stop(); }
  };

  const Runtime runtime_;
  const std::shared_ptr<State> state_;
  std::list<std::stop_callback<OnParentStop>> links_;
  Timers::Id timer_ = Timers::Id::kNone;
};

}  // namespace anteroom::coro

#endif  // ANTEROOM_SERVER_CORO_LINKED_STOP_H_
