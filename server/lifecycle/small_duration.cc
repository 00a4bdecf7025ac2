#include "server/lifecycle/small_duration.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>

namespace anteroom::lifecycle {
namespace {

// Powers of ten; the highest times the largest count is below 2^63.
constexpr std::array<std::int64_t, 11> kUnits = {
    1,         10,         100,         1'000,         10'000,        100'000,
    1'000'000, 10'000'000, 100'000'000, 1'000'000'000, 10'000'000'000};

std::int64_t DivideUp(std::int64_t dividend, std::int64_t divisor) {
  return (dividend + divisor - 1) / divisor;
}

}  // namespace

SmallDuration::SmallDuration(absl::Duration duration) {
  if (duration <= absl::ZeroDuration()) return;
  const std::int64_t micros =
      absl::ToInt64Microseconds(absl::Ceil(duration, absl::Microseconds(1)));
  for (std::size_t i = 0; i < kUnits.size(); ++i) {
    // Not by adding first: that might be too much for the largest.
    if (micros / kUnits[i] >= kMostCount) continue;
    bits_ = static_cast<std::uint32_t>(i << kCountBits) |
            static_cast<std::uint32_t>(DivideUp(micros, kUnits[i]));
    return;
  }
  bits_ = kInfinite;
}

std::int64_t SmallDuration::micros() const {
  if (bits_ == kInfinite) return kEver;
  return (bits_ & kMostCount) * kUnits[bits_ >> kCountBits];
}

absl::Duration SmallDuration::value() const {
  const std::int64_t micros = this->micros();
  return micros == kEver ? absl::InfiniteDuration()
                         : absl::Microseconds(micros);
}

coro::Instant SmallDuration::After(coro::Instant instant) const {
  using std::chrono::microseconds;
  const microseconds micros(this->micros());
  const auto left = coro::kNever - std::max(instant, coro::Instant());
  if (micros > std::chrono::floor<microseconds>(left)) return coro::kNever;
  return instant + micros;
}

}  // namespace anteroom::lifecycle
