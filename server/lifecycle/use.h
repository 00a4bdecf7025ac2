// One call of a method of a held object: its bounds, and why it failed.
#ifndef ANTEROOM_SERVER_LIFECYCLE_USE_H_
#define ANTEROOM_SERVER_LIFECYCLE_USE_H_

#include <optional>
#include <stop_token>

#include "absl/status/status.h"
#include "server/coro/clock.h"
#include "server/coro/linked_stop.h"
#include "server/coro/runtime.h"
#include "server/lifecycle/lease.h"
#include "server/lifecycle/policy.h"
#include "server/lifecycle/resource.h"

namespace anteroom::lifecycle {

// What a use hook is given, and what became of its call. The lease's stop token
// is asked for, and linked, when the hook first asks: most calls never suspend.
//
// Thread safety: that of one hook call.
class UseCall : public UseContext {
 public:
  // `lease` counts the call in. `caller` and `deadline` are the caller's own.
  UseCall(coro::Runtime runtime, const Policy& policy, Lease& lease,
          std::stop_token caller, coro::Instant deadline);

  std::stop_token stop() override;
  coro::Instant deadline() const override { return deadline_; }
  LeaseInfo lease() const override { return lease_.info(); }

  // Why the hook failed with `status`:
  //   USE_CANCELLED  the lease ended and its use_grace was over
  //   INSTANCE_LOST  its object is lost
  //   USE_TIMED_OUT  use_timeout passed
  //   CANCELLED, DEADLINE_EXCEEDED  the caller's own stop and deadline
  //   METHOD_NOT_FOUND, or USE_FAILED with the hook's own code
  absl::Status Explain(absl::Status status) const;

 private:
  const coro::Runtime runtime_;
  Lease& lease_;
  const coro::Instant deadline_;
  const bool caller_bound_;  // the deadline is the caller's, not the policy's
  const std::stop_token caller_;
  std::stop_token lease_stop_;
  std::optional<coro::LinkedStop> link_;
};

// Why the calls of `lease` were stopped, whose use_stop() has been requested:
// USE_CANCELLED, or INSTANCE_LOST.
absl::Status WhyStopped(const Lease& lease);
// USE_TIMED_OUT.
absl::Status UseTimedOut();
// When a call that begins now must have ended by the policy; kNever: at no
// time.
coro::Instant UseBound(const coro::Clock& clock, const Policy& policy);

}  // namespace anteroom::lifecycle

#endif  // ANTEROOM_SERVER_LIFECYCLE_USE_H_
