// Callers of a single unary call.
#ifndef ANTEROOM_TESTS_BENCH_UNARY_CALLERS_H_
#define ANTEROOM_TESTS_BENCH_UNARY_CALLERS_H_

#include <string>

#include "tests/bench/closed_loop.h"

namespace anteroom::bench {

// Each calls Use of `echo`, again and again, with a lease of its own, on an
// object of its own.
Callers OpenUses(const std::string& anteroomd, int width);
// The same bytes to a bare server.
Callers OpenBareUses(const std::string& bare_server, int width);

}  // namespace anteroom::bench

#endif  // ANTEROOM_TESTS_BENCH_UNARY_CALLERS_H_
