// What is made of figures that were measured round by round.
#ifndef ANTEROOM_TESTS_BENCH_STATISTICS_H_
#define ANTEROOM_TESTS_BENCH_STATISTICS_H_

#include <vector>

namespace anteroom::bench {

// One figure, round by round.
using Series = std::vector<double>;

// The mean of the two in the middle where their number is even. REQUIRES: there
// is a value.
double Median(Series values);

// Round by round: a machine's speed drifts, and what was measured within a
// round is alike in that. REQUIRES: as many of both.
Series Quotients(const Series& dividends, const Series& divisors);

}  // namespace anteroom::bench

#endif  // ANTEROOM_TESTS_BENCH_STATISTICS_H_
