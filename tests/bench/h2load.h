// h2load, the client of nghttp2 (Debian: nghttp2-client): it makes a call for
// less than gRPC's own clients do, but always the same one.
#ifndef ANTEROOM_TESTS_BENCH_H2LOAD_H_
#define ANTEROOM_TESTS_BENCH_H2LOAD_H_

#include <cstdint>
#include <string>

#include "tests/bench/h2load_report.h"

namespace anteroom::bench {

struct H2load {
  std::string url;
  std::string body_file;
  int connections = 1;
  int streams = 1;  // at once, on each connection
};

struct H2loadRun {
  H2loadReport report;
  double processor_seconds = 0;  // of h2load
};

// Posts the body so often, from one thread, as gRPC's clients do. Ends the
// program, with what h2load said, unless each was answered with a status of
// 2xx. REQUIRES: no other process of this program ends meanwhile.
H2loadRun RunH2load(const H2load& h2load, std::int64_t requests);

}  // namespace anteroom::bench

#endif  // ANTEROOM_TESTS_BENCH_H2LOAD_H_
