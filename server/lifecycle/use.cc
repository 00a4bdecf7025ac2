#include "server/lifecycle/use.h"

#include <algorithm>
#include <initializer_list>
#include <utility>

#include "server/error/error.h"

namespace anteroom::lifecycle {

UseCall::UseCall(coro::Runtime runtime, const Policy& policy, Lease& lease,
                 std::stop_token caller, coro::Instant deadline)
    : runtime_(runtime),
      lease_(lease),
      deadline_(std::min(UseBound(runtime.clock, policy), deadline)),
      caller_bound_(deadline_ == deadline),
      caller_(std::move(caller)) {}

std::stop_token UseCall::stop() {
  if (!link_.has_value()) {
    lease_stop_ = lease_.use_stop();
    link_.emplace(runtime_, deadline_,
                  std::initializer_list<std::stop_token>{caller_, lease_stop_});
  }
  return link_->token();
}

absl::Status UseCall::Explain(absl::Status status) const {
  if (lease_stop_.stop_requested()) return WhyStopped(lease_);
  if (caller_.stop_requested()) return absl::CancelledError("the caller left");
  if (link_.has_value() && link_->timed_out()) {
    if (!caller_bound_) return UseTimedOut();
    return absl::DeadlineExceededError("the call's deadline passed");
  }
  return WithReason(std::move(status), Reason::kUseFailed);
}

absl::Status WhyStopped(const Lease& lease) {
  const absl::Status loss = lease.loss();
  if (!loss.ok()) return loss;
  return Error(Reason::kUseCancelled, "the lease ended while the call ran");
}

absl::Status UseTimedOut() {
  return Error(Reason::kUseTimedOut, "the call did not end within use_timeout");
}

coro::Instant UseBound(const coro::Clock& clock, const Policy& policy) {
  if (policy.use_timeout == absl::InfiniteDuration()) return coro::kNever;
  return coro::After(clock.Now(), policy.use_timeout);
}

}  // namespace anteroom::lifecycle
