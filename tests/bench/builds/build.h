// A server program of some build, which is started as a process.
#ifndef ANTEROOM_TESTS_BENCH_BUILDS_BUILD_H_
#define ANTEROOM_TESTS_BENCH_BUILDS_BUILD_H_

#include <string>
#include <vector>

#include "tests/bench/process.h"

namespace anteroom::bench {

enum class Grpc { kStatic, kShared };
enum class Malloc { kGlibc, kTcmalloc, kJemalloc };

struct Build {
  std::string program;  // its file
  Grpc grpc;
  Malloc malloc;  // jemalloc is put before a program that has glibc's
};

// Why it cannot start; empty if it can.
std::string WhyMissing(const Build& build);

// REQUIRES: nothing is missing. Ends this program if the server that it starts
// has not the gRPC or the malloc that it should have.
Process Start(const Build& build, std::vector<std::string> arguments);

}  // namespace anteroom::bench

#endif  // ANTEROOM_TESTS_BENCH_BUILDS_BUILD_H_
