// Policy: how a resource's instances are made, lent and ended.
#ifndef ANTEROOM_SERVER_LIFECYCLE_POLICY_H_
#define ANTEROOM_SERVER_LIFECYCLE_POLICY_H_

#include <limits>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace anteroom::lifecycle {

// What becomes of an init that nobody waits for any more.
enum class AbandonInit { kCancel, kKeep };

// Whether a lease is granted only once init has completed.
enum class AwaitInit { kOnEnter, kNever };

// How often an init is tried before its waiters are told.
struct InitRetry {
  // Calls of the hook in all. At least 1.
  int attempts = 1;
  // The wait before the second, which doubles up to the maximum (backoff.h).
  absl::Duration initial_backoff = absl::Milliseconds(100);
  absl::Duration max_backoff = absl::Seconds(10);
};

// When to stop trying inits for a while (breaker.h).
struct BreakerPolicy {
  // Failed inits in a row that open it; 0: off.
  int failures = 0;
  absl::Duration open = absl::Seconds(30);
};

inline constexpr int kUnlimited = std::numeric_limits<int>::max();

// The defaults are the contract's. Infinite: no bound beyond the caller's.
struct Policy {
  // Live instances at most, of all keys, closing ones included. At least 1.
  int max_instances = 1;
  // Leases side by side on one instance; 1: exclusive, 0: unlimited.
  int max_holders = 1;
  // One instance per key, built on the key's first acquire.
  bool keyed = false;
  // Instances kept ready though nobody asks. Not for a keyed resource.
  int min_idle = 0;
  // How long an instance that nobody holds or waits for is kept, beyond
  // min_idle; 0: it is closed at the last exit.
  absl::Duration idle_timeout = absl::ZeroDuration();
  // How old an instance may grow, from READY on, with 10 % jitter either way:
  // it is closed when nobody holds it any more.
  absl::Duration max_lifetime = absl::InfiniteDuration();
  // How often the check hook is called while nobody holds the instance; 0:
  // never. A check is bounded by enter_timeout.
  absl::Duration check_interval = absl::ZeroDuration();

  // Bounds of the hooks; init_timeout that of each attempt. enter_timeout does
  // not count the init inside.
  absl::Duration init_timeout = absl::Seconds(60);
  absl::Duration enter_timeout = absl::Seconds(10);
  absl::Duration use_timeout = absl::InfiniteDuration();
  absl::Duration exit_timeout = absl::Seconds(10);
  absl::Duration close_timeout = absl::Seconds(10);
  // What running uses are granted once their lease's end is decided; then they
  // are cancelled.
  absl::Duration use_grace = absl::Seconds(5);

  InitRetry init_retry;
  BreakerPolicy breaker;
  AbandonInit abandon_init = AbandonInit::kCancel;
  AwaitInit await_init = AwaitInit::kOnEnter;

  // A lease's time to live where the holder asks for none, and the most it may
  // ask for (more is clamped).
  absl::Duration default_ttl = absl::Seconds(30);
  absl::Duration max_ttl = absl::Minutes(10);

  // The longest that any lease is held.
  absl::Duration max_hold = absl::InfiniteDuration();
  // How long a scope may outlive its stream at most (disconnect_grace; more is
  // clamped). 0: not at all.
  absl::Duration max_disconnect_grace = absl::Seconds(60);
  // How long before a lease is taken its holder is told (REVOKING).
  absl::Duration revoke_notice = absl::ZeroDuration();

  // Acquires that may queue for a free instance, of all keys. At least 0.
  int max_waiters = 1000;
  // Lend an instance again that was tainted or whose exit failed.
  bool reuse_tainted = false;
};

// INVALID_REQUEST naming the field ("policy.max_instances") if `policy`
// contradicts itself.
absl::Status Validate(const Policy& policy);

}  // namespace anteroom::lifecycle

#endif  // ANTEROOM_SERVER_LIFECYCLE_POLICY_H_
