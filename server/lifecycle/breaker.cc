#include "server/lifecycle/breaker.h"

namespace anteroom::lifecycle {

bool Breaker::Allows(coro::Instant now) const {
  return !opened_ || (now >= retry_at_ && !probing_);
}

bool Breaker::Began() { return probing_ = opened_; }

void Breaker::Succeeded() {
  failures_ = 0;
  opened_ = probing_ = false;
}

void Breaker::Failed(coro::Instant now, bool probe) {
  GivenUp(probe);
  ++failures_;
  // Inits that began before it opened tell it nothing new.
  if (threshold_ == 0 || failures_ < threshold_ || (opened_ && !probe)) return;
  opened_ = true;
  retry_at_ = coro::After(now, open_);
}

void Breaker::GivenUp(bool probe) {
  if (probe) probing_ = false;
}

}  // namespace anteroom::lifecycle
