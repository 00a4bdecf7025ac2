// A server that is nothing but gRPC, set up as anteroomd is.
#ifndef ANTEROOM_TESTS_BENCH_SERVE_H_
#define ANTEROOM_TESTS_BENCH_SERVE_H_

#include "grpcpp/generic/async_generic_service.h"
#include "grpcpp/impl/service_type.h"

namespace anteroom::bench {

// Serves at a free port of 127.0.0.1, and says where (process.h).
[[noreturn]] void Serve(grpc::Service& service);
[[noreturn]] void Serve(grpc::CallbackGenericService& service);

}  // namespace anteroom::bench

#endif  // ANTEROOM_TESTS_BENCH_SERVE_H_
