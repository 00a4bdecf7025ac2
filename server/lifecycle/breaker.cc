#include "server/lifecycle/breaker.h"

namespace anteroom::lifecycle {

bool Breaker::Allows(coro::Instant now) const {
  return !opened_ || (now >= retry_at_ && probing_ == 0);
}

std::uint64_t Breaker::Began() {
  return probing_ = opened_ ? ++last_probe_ : 0;
}

void Breaker::Succeeded() {
  failures_ = 0;
  opened_ = false;
  probing_ = 0;
}

void Breaker::Failed(coro::Instant now, std::uint64_t probe) {
  const bool probed = probe != 0 && probe == probing_;
  GivenUp(probe);
  ++failures_;
  // Inits that began before it opened tell it nothing new.
  if (threshold_ == 0 || failures_ < threshold_ || (opened_ && !probed)) return;
  opened_ = true;
  retry_at_ = coro::After(now, open_);
}

void Breaker::GivenUp(std::uint64_t probe) {
  if (probe == probing_) probing_ = 0;
}

}  // namespace anteroom::lifecycle
