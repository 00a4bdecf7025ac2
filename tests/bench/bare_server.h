// The limit of what Anteroom can reach: a server of the same gRPC, built and
// set up as anteroomd is, that does nothing but answer. The least that gRPC's
// callback API takes: DefaultReactor for a unary call, one reactor for a
// stream.
#ifndef ANTEROOM_TESTS_BENCH_BARE_SERVER_H_
#define ANTEROOM_TESTS_BENCH_BARE_SERVER_H_

namespace anteroom::bench {

// Serves test.bare.v1.BareService and says where (process.h).
[[noreturn]] void RunBareServer();

}  // namespace anteroom::bench

#endif  // ANTEROOM_TESTS_BENCH_BARE_SERVER_H_
