// SmallDuration: a time span in four bytes, for a record of which there are
// millions: 28 bits, which count 1, 10, 100, ... microseconds. So what people
// write is kept as it is: every whole number of microseconds up to 4 minutes,
// of milliseconds up to 3 days, of seconds up to 8 years. Others are rounded
// up, by less than 4e-8 of themselves, or a microsecond.
//
// Thread safety: a value.
#ifndef ANTEROOM_SERVER_LIFECYCLE_SMALL_DURATION_H_
#define ANTEROOM_SERVER_LIFECYCLE_SMALL_DURATION_H_

#include <cstdint>
#include <limits>

#include "absl/time/time.h"
#include "server/coro/clock.h"

namespace anteroom::lifecycle {

class SmallDuration {
 public:
  // None.
  SmallDuration() = default;
  // Below none: none. Above 80,000 years: infinite.
  explicit SmallDuration(absl::Duration duration);

  absl::Duration value() const;
  // `instant` and this; saturates at kNever.
  coro::Instant After(coro::Instant instant) const;

 private:
  static constexpr std::int64_t kEver =
      std::numeric_limits<std::int64_t>::max();
  // kEver: infinite.
  std::int64_t micros() const;

  static constexpr int kCountBits = 28;
  static constexpr std::uint32_t kMostCount = (1u << kCountBits) - 1;
  static constexpr std::uint32_t kInfinite = ~std::uint32_t{0};

  // The lower bits count ten to the power of the upper ones in microseconds.
  std::uint32_t bits_ = 0;
};

}  // namespace anteroom::lifecycle

#endif  // ANTEROOM_SERVER_LIFECYCLE_SMALL_DURATION_H_
