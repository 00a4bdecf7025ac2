// The real server, as a process to measure.
#ifndef ANTEROOM_TESTS_BENCH_ANTEROOMD_H_
#define ANTEROOM_TESTS_BENCH_ANTEROOMD_H_

#include <string>

#include "server/config/build.h"

namespace anteroom::bench {

// Runs anteroomd at a free port of 127.0.0.1, with the configuration of the
// file and the custom kinds that it names. Says where it listens (process.h).
[[noreturn]] void RunAnteroomd(const std::string& config_file,
                               const config::CustomKinds& kinds = {});

}  // namespace anteroom::bench

#endif  // ANTEROOM_TESTS_BENCH_ANTEROOMD_H_
