#include "server/coro/linked_stop.h"

namespace anteroom::coro {

LinkedStop::LinkedStop(Runtime runtime, Instant deadline,
                       std::initializer_list<std::stop_token> parents)
    : runtime_(runtime), state_(std::make_shared<State>()) {
  for (const std::stop_token& parent : parents) {
    if (parent.stop_possible()) {
      links_.emplace_back(parent, OnParentStop{state_});
    }
  }
  SetDeadline(deadline);
}

LinkedStop::~LinkedStop() { SetDeadline(kNever); }

void LinkedStop::SetDeadline(Instant deadline) {
  if (timer_ != Timers::Id::kNone) runtime_.timers.Cancel(timer_);
  timer_ = Timers::Id::kNone;
  if (deadline == kNever) return;
  // The work may already be posted when it is cancelled: it owns the state.
  timer_ = runtime_.timers.Schedule(deadline, [state = state_] {
    if (state->source.stop_requested()) return;
    state->timed_out.store(true, std::memory_order_release);
    state->source.request_stop();
  });
}

}  // namespace anteroom::coro
