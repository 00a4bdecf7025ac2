#include "server/rpc/linger.h"

#include <utility>

namespace anteroom::rpc {

Linger::Linger(coro::Runtime runtime, absl::Duration time)
    : state_(std::make_shared<State>(runtime, time)) {}

void Linger::Add(std::weak_ptr<Lingering> waiting) {
  {
    coro::MutexLock lock(state_->mu);
    state_->young.push_back(std::move(waiting));
    if (std::exchange(state_->ticking, true)) return;
  }
  state_->Schedule();
}

void Linger::State::Schedule() {
  runtime.timers.Schedule(coro::After(runtime.clock.Now(), time),
                          [weak = weak_from_this()] {
                            const std::shared_ptr<State> state = weak.lock();
                            if (state != nullptr) state->Tick();
                          });
}

void Linger::State::Tick() {
  std::vector<std::weak_ptr<Lingering>> over;
  {
    coro::MutexLock lock(mu);
    over.swap(old);
    old.swap(young);
    ticking = !old.empty();
    if (ticking) Schedule();
  }
  for (const std::weak_ptr<Lingering>& waiting : over) {
    const std::shared_ptr<Lingering> call = waiting.lock();
    if (call != nullptr) call->LingerOver();
  }
}

}  // namespace anteroom::rpc
