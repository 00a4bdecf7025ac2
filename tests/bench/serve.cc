#include "tests/bench/serve.h"

#include <unistd.h>

#include <memory>

#include "absl/strings/str_cat.h"
#include "grpcpp/grpcpp.h"
#include "tests/bench/process.h"

namespace anteroom::bench {

void Serve(grpc::Service& service) {
  int port = 0;
  grpc::ServerBuilder builder;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(),
                           &port);
  builder.RegisterService(&service);
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  SayListening(absl::StrCat("127.0.0.1:", port));
  while (true) pause();
}

}  // namespace anteroom::bench
