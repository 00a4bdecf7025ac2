// Idle streams, held by a client at a server, each a process.
#ifndef ANTEROOM_TESTS_BENCH_GROWTH_STREAMS_H_
#define ANTEROOM_TESTS_BENCH_GROWTH_STREAMS_H_

#include <cstdint>
#include <string>

#include "tests/bench/growth/ladder.h"

namespace anteroom::bench {

// A configuration of anteroomd whose resource "held" is of kind "exiting"
// (watched_server.h), with one object for all.
std::string StreamsConfig();

// What so many streams cost their server: processor time and memory.
// REQUIRES: this process has a single thread, and gRPC has begun nothing.
Cost MeasureWithStreams(std::int64_t count, const std::string& config_file);
Cost MeasureBareStreams(std::int64_t count);

// Seconds from the SIGKILL of a client with so many With streams until the exit
// of each has begun. REQUIRES: as above.
double SecondsToExits(std::int64_t count, const std::string& config_file);

}  // namespace anteroom::bench

#endif  // ANTEROOM_TESTS_BENCH_GROWTH_STREAMS_H_
