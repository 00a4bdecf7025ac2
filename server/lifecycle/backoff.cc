#include "server/lifecycle/backoff.h"

#include <algorithm>
#include <cstdint>

#include "server/coro/check.h"

namespace anteroom::lifecycle {

absl::Duration UniformDuration(absl::Duration low, absl::Duration high,
                               coro::Random& random) {
  ANTEROOM_CHECK(absl::ZeroDuration() <= low && low <= high &&
                 high < absl::InfiniteDuration());
  // 53 bits: as many as a double tells apart.
  const double share = static_cast<double>(random.Next() >> 11) /
                       static_cast<double>(1ULL << 53);
  return low + (high - low) * share;
}

absl::Duration BackoffAfter(int failures, absl::Duration initial,
                            absl::Duration max, coro::Random& random) {
  ANTEROOM_CHECK(failures >= 1);
  absl::Duration delay = std::min(initial, max);
  for (int i = 1; i < failures && delay > absl::ZeroDuration() && delay < max;
       ++i) {
    delay = std::min(2 * delay, max);
  }
  return UniformDuration(delay / 2, delay, random);
}

}  // namespace anteroom::lifecycle
