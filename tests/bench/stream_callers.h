// Callers with a stream each that stays open: one message there and one back is
// a call.
#ifndef ANTEROOM_TESTS_BENCH_STREAM_CALLERS_H_
#define ANTEROOM_TESTS_BENCH_STREAM_CALLERS_H_

#include <string>

#include "tests/bench/closed_loop.h"

namespace anteroom::bench {

// Each holds an object by a With stream without events, and calls `echo` on it.
Callers OpenWithUses(const std::string& anteroomd, int width);
// The same messages on a bare bidirectional stream.
Callers OpenBareStreams(const std::string& bare_server, int width);

}  // namespace anteroom::bench

#endif  // ANTEROOM_TESTS_BENCH_STREAM_CALLERS_H_
