#include "tests/bench/histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace anteroom::bench {

std::size_t Histogram::BucketOf(std::int64_t nanoseconds) {
  const auto value =
      static_cast<std::uint64_t>(std::max<std::int64_t>(nanoseconds, 0));
  if (value < 64) return value;
  const int shift = static_cast<int>(std::bit_width(value)) - 6;
  const std::size_t bucket =
      static_cast<std::size_t>(shift) * 32 + (value >> shift);
  return std::min<std::size_t>(bucket, kBuckets - 1);
}

double Histogram::MiddleOf(std::size_t bucket) {
  if (bucket < 64) return static_cast<double>(bucket);
  const int shift = static_cast<int>(bucket / 32) - 1;
  return std::ldexp(static_cast<double>(bucket % 32) + 32.5, shift);
}

void Histogram::Record(std::int64_t nanoseconds) {
  ++counts_[BucketOf(nanoseconds)];
  ++count_;
}

void Histogram::Add(const Histogram& other) {
  for (std::size_t i = 0; i < counts_.size(); ++i) {
    counts_[i] += other.counts_[i];
  }
  count_ += other.count_;
}

double Histogram::Quantile(double share) const {
  const auto wanted =
      static_cast<std::int64_t>(std::ceil(share * static_cast<double>(count_)));
  std::int64_t seen = 0;
  for (std::size_t i = 0; i < counts_.size(); ++i) {
    seen += counts_[i];
    if (seen > 0 && seen >= wanted) return MiddleOf(i);
  }
  return 0;
}

}  // namespace anteroom::bench
