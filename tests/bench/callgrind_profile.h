// What callgrind writes: the instructions of each function. (Valgrind's manual,
// "Callgrind Format Specification".)
#ifndef ANTEROOM_TESTS_BENCH_CALLGRIND_PROFILE_H_
#define ANTEROOM_TESTS_BENCH_CALLGRIND_PROFILE_H_

#include <cstdint>
#include <istream>

#include "absl/strings/string_view.h"

namespace anteroom::bench {

// Whether how much is done in this function depends on which thread runs when,
// though the server does the same: functions of gRPC, and what it stands on,
// that look for work, wait for each other, and read what has come so far. None
// is ours.
bool IsTiming(absl::string_view function);

// The instructions of all other functions: with these, two runs differ by up to
// a tenth. REQUIRES: `profile` was written with --compress-strings=no and
// --compress-pos=no.
std::int64_t InstructionsIn(std::istream& profile);

}  // namespace anteroom::bench

#endif  // ANTEROOM_TESTS_BENCH_CALLGRIND_PROFILE_H_
