#include "tests/bench/serve.h"

#include <unistd.h>

#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "grpcpp/grpcpp.h"
#include "tests/bench/process.h"

namespace anteroom::bench {
namespace {

// `add` adds the service.
template <typename Add>
[[noreturn]] void ServeWhat(Add add) {
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  int port = 0;
  grpc::ServerBuilder builder;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(),
                           &port);
  add(builder);
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  SayListening(absl::StrCat("127.0.0.1:", port));
  while (true) pause();
}

}  // namespace

void Serve(grpc::Service& service) {
  ServeWhat(
      [&](grpc::ServerBuilder& builder) { builder.RegisterService(&service); });
}

void Serve(grpc::CallbackGenericService& service) {
  ServeWhat([&](grpc::ServerBuilder& builder) {
    builder.RegisterCallbackGenericService(&service);
  });
}

}  // namespace anteroom::bench
