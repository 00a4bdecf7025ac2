// Holdings: what the lifecycle holds many of, in this process and without
// gRPC.
#ifndef ANTEROOM_TESTS_BENCH_GROWTH_HOLDINGS_H_
#define ANTEROOM_TESTS_BENCH_GROWTH_HOLDINGS_H_

#include <cstdint>
#include <vector>

#include "tests/bench/growth/ladder.h"

namespace anteroom::bench {

struct Holding {
  const char* name;
  const char* does;  // what one of them is
  // How many are held, at least and at most.
  std::int64_t least;
  std::int64_t most;
  // What so many cost. Once in a process, which it leaves untidy
  // (in_child.h).
  Cost (*measure)(std::int64_t count);
};

const std::vector<Holding>& AllHoldings();

}  // namespace anteroom::bench

#endif  // ANTEROOM_TESTS_BENCH_GROWTH_HOLDINGS_H_
