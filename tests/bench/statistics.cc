#include "tests/bench/statistics.h"

#include <algorithm>
#include <functional>
#include <iterator>

#include "server/coro/check.h"

namespace anteroom::bench {

double Median(Series values) {
  ANTEROOM_CHECK(!values.empty());
  std::sort(values.begin(), values.end());
  const std::size_t middle = values.size() / 2;
  if (values.size() % 2 == 1) return values[middle];
  return (values[middle - 1] + values[middle]) / 2;
}

Series Quotients(const Series& dividends, const Series& divisors) {
  ANTEROOM_CHECK(dividends.size() == divisors.size());
  Series quotients;
  std::transform(dividends.begin(), dividends.end(), divisors.begin(),
                 std::back_inserter(quotients), std::divides<>());
  return quotients;
}

}  // namespace anteroom::bench
