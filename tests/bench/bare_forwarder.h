// The limit of what forwarding can reach: a server of the same gRPC that passes
// every call on, and does nothing else. The least that gRPC's callback API
// takes for calls of one message each way: four operations on either side, for
// no lease, no other shape, and nothing that goes wrong.
#ifndef ANTEROOM_TESTS_BENCH_BARE_FORWARDER_H_
#define ANTEROOM_TESTS_BENCH_BARE_FORWARDER_H_

#include <string>

namespace anteroom::bench {

// Serves every method, passes its calls on to `endpoint`, and says where
// (process.h).
[[noreturn]] void RunBareForwarder(const std::string& endpoint);

}  // namespace anteroom::bench

#endif  // ANTEROOM_TESTS_BENCH_BARE_FORWARDER_H_
