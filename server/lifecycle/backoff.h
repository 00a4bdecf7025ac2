// Backoff: how long to wait before an attempt is made again.
#ifndef ANTEROOM_SERVER_LIFECYCLE_BACKOFF_H_
#define ANTEROOM_SERVER_LIFECYCLE_BACKOFF_H_

#include "absl/time/time.h"
#include "server/coro/random.h"

namespace anteroom::lifecycle {

// A random duration in [`low`, `high`]. REQUIRES: 0 <= low <= high, finite.
absl::Duration UniformDuration(absl::Duration low, absl::Duration high,
                               coro::Random& random);

// Exponential, with equal jitter: after `failures` (at least 1) attempts a
// random duration in [d/2, d], d = min(max, initial * 2^(failures - 1)). Half
// is kept so that a broken object is never tried again at once; half is random
// so that many do not try in step (M. Brooker, "Exponential Backoff And
// Jitter", AWS Architecture Blog, 2015).
absl::Duration BackoffAfter(int failures, absl::Duration initial,
                            absl::Duration max, coro::Random& random);

}  // namespace anteroom::lifecycle

#endif  // ANTEROOM_SERVER_LIFECYCLE_BACKOFF_H_
