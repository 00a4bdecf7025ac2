// An echo as a plain user of gRPC writes and builds it: nothing is set up, and
// nothing of Anteroom's is linked but messages.
#include <unistd.h>

#include <cstdio>
#include <memory>

#include "bare.grpc.pb.h"
#include "grpcpp/grpcpp.h"

namespace {

class Service : public test::bare::v1::BareService::CallbackService {
 public:
  grpc::ServerUnaryReactor* Use(grpc::CallbackServerContext* context,
                                const anteroom::v1::UseRequest* request,
                                anteroom::v1::UseResponse* response) override {
    *response->mutable_result() = request->argument();
    grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }
};

}  // namespace

int main() {
  Service service;
  int port = 0;
  grpc::ServerBuilder builder;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(),
                           &port);
  builder.RegisterService(&service);
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  std::fprintf(stderr, "listening on 127.0.0.1:%d\n", port);
  while (true) pause();
}
