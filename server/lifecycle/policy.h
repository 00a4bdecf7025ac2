// Policy: how a resource's instances are made, lent and ended.
#ifndef ANTEROOM_SERVER_LIFECYCLE_POLICY_H_
#define ANTEROOM_SERVER_LIFECYCLE_POLICY_H_

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace anteroom::lifecycle {

// What becomes of an init that nobody waits for any more.
enum class AbandonInit { kCancel, kKeep };

// Whether a lease is granted only once init has completed.
enum class AwaitInit { kOnEnter, kNever };

// The defaults are the contract's. Infinite: no bound beyond the caller's.
struct Policy {
  // Live instances at most, closing ones included. At least 1.
  int max_instances = 1;
  // Leases side by side on one instance; 1: exclusive, 0: unlimited.
  int max_holders = 1;
  // How long an instance that nobody holds or waits for is kept; 0: it is
  // closed at the last exit.
  absl::Duration idle_timeout = absl::ZeroDuration();

  // Bounds of the hooks. enter_timeout does not count the init inside.
  absl::Duration init_timeout = absl::Seconds(60);
  absl::Duration enter_timeout = absl::Seconds(10);
  absl::Duration use_timeout = absl::InfiniteDuration();
  absl::Duration exit_timeout = absl::Seconds(10);
  absl::Duration close_timeout = absl::Seconds(10);
  // What running uses are granted once their lease's end is decided; then they
  // are cancelled.
  absl::Duration use_grace = absl::Seconds(5);

  AbandonInit abandon_init = AbandonInit::kCancel;
  AwaitInit await_init = AwaitInit::kOnEnter;

  // A lease's time to live where the holder asks for none, and the most it may
  // ask for (more is clamped).
  absl::Duration default_ttl = absl::Seconds(30);
  absl::Duration max_ttl = absl::Minutes(10);

  // Acquires that may queue for a free instance. At least 0.
  int max_waiters = 1000;
  // Lend an instance again that was tainted or whose exit failed.
  bool reuse_tainted = false;
};

// INVALID_REQUEST naming the field ("policy.max_instances") if `policy`
// contradicts itself.
absl::Status Validate(const Policy& policy);

}  // namespace anteroom::lifecycle

#endif  // ANTEROOM_SERVER_LIFECYCLE_POLICY_H_
