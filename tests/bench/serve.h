// A server that is nothing but gRPC.
#ifndef ANTEROOM_TESTS_BENCH_SERVE_H_
#define ANTEROOM_TESTS_BENCH_SERVE_H_

#include "grpcpp/impl/service_type.h"

namespace anteroom::bench {

// Serves at a free port of 127.0.0.1, and says where (process.h).
[[noreturn]] void Serve(grpc::Service& service);

}  // namespace anteroom::bench

#endif  // ANTEROOM_TESTS_BENCH_SERVE_H_
