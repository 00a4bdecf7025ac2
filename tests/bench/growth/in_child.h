// Measures in a process of its own: a malloc that nobody has used before, and
// nothing left behind.
#ifndef ANTEROOM_TESTS_BENCH_GROWTH_IN_CHILD_H_
#define ANTEROOM_TESTS_BENCH_GROWTH_IN_CHILD_H_

#include <functional>

#include "tests/bench/growth/ladder.h"

namespace anteroom::bench {

// What `measure` returns, in a fork of this process that ends with it: it need
// not tidy up. Ends the program if it fails. REQUIRES: this process has a
// single thread.
Cost MeasureInChild(const std::function<Cost()>& measure);

}  // namespace anteroom::bench

#endif  // ANTEROOM_TESTS_BENCH_GROWTH_IN_CHILD_H_
