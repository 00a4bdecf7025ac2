// How many instructions a server spends on a call.
//
// One caller calls it, and makes the next call once neither of them has
// anything left to do. Counted is all that the server's process does, but what
// depends on which thread runs when (callgrind_profile.h), in batches of calls.
// Their median is taken: now and then gRPC measures how fast a connection is.
#ifndef ANTEROOM_TESTS_BENCH_COUNTING_H_
#define ANTEROOM_TESTS_BENCH_COUNTING_H_

#include <string>
#include <vector>

#include "tests/bench/baseline.h"

namespace anteroom::bench {

struct Counting {
  int batches = 9;
  // Contests and contestants (contests.h); all if it names nothing.
  std::vector<std::string> only;
  // A folder for what callgrind writes of each, in its last batch. Empty: none.
  std::string profiles;
};

// Of all who call Anteroom or a bare gRPC server; of those who call it alike,
// the first. The servers are this program, once more (counted_server.h), with
// --serve=bare, or --serve=anteroomd and --config=FILE. REQUIRES: gRPC has
// begun nothing yet.
Counts CountAll(const Counting& counting);

}  // namespace anteroom::bench

#endif  // ANTEROOM_TESTS_BENCH_COUNTING_H_
