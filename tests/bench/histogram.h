// Histogram: how long things took, in buckets of 1/32 of their size: a quantile
// is right to 2 %. Up to 18 minutes; what takes longer counts as that.
//
// Thread safety: none.
#ifndef ANTEROOM_TESTS_BENCH_HISTOGRAM_H_
#define ANTEROOM_TESTS_BENCH_HISTOGRAM_H_

#include <array>
#include <cstddef>
#include <cstdint>

namespace anteroom::bench {

class Histogram {
 public:
  void Record(std::int64_t nanoseconds);
  void Add(const Histogram& other);
  void Clear() { *this = Histogram(); }

  std::int64_t count() const { return count_; }
  // The nanoseconds within which `share` (0 to 1) of all things were done; 0 if
  // there were none.
  double Quantile(double share) const;

 private:
  // The first 64 buckets hold one value each; then come 32 for each power of 2.
  static constexpr int kBuckets = 36 * 32;

  static std::size_t BucketOf(std::int64_t nanoseconds);
  static double MiddleOf(std::size_t bucket);

  std::array<std::uint32_t, kBuckets> counts_ = {};
  std::int64_t count_ = 0;
};

}  // namespace anteroom::bench

#endif  // ANTEROOM_TESTS_BENCH_HISTOGRAM_H_
