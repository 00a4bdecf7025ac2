#include "tests/bench/bare_forwarder.h"

#include "grpcpp/create_channel.h"
#include "grpcpp/generic/async_generic_service.h"
#include "grpcpp/generic/generic_stub.h"
#include "grpcpp/grpcpp.h"
#include "tests/bench/serve.h"

namespace anteroom::bench {
namespace {

class Call : public grpc::ServerGenericBidiReactor {
 public:
  Call(grpc::GenericStub& stub, grpc::GenericCallbackServerContext& context)
      : stub_(stub), context_(context) {
    StartRead(&request_);
  }

  void OnReadDone(bool ok) override {
    if (!ok) return Finish(grpc::Status::CANCELLED);
    upstream_.Start();
  }
  void OnDone() override { delete this; }

 private:
  class Upstream
      : public grpc::ClientBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer> {
   public:
    explicit Upstream(Call& call) : call_(call) {}

    void Start() {
      context_.set_deadline(call_.context_.deadline());
      context_.set_initial_metadata_corked(true);
      call_.stub_.PrepareBidiStreamingCall(&context_, call_.context_.method(),
                                           {}, this);
      StartRead(&response_);
      StartWriteLast(&call_.request_, {});
      StartCall();
    }
    void OnDone(const grpc::Status& status) override {
      call_.StartWriteAndFinish(&response_, {}, status);
    }

   private:
    Call& call_;
    grpc::ClientContext context_;
    grpc::ByteBuffer response_;
  };

  grpc::GenericStub& stub_;
  grpc::GenericCallbackServerContext& context_;
  grpc::ByteBuffer request_;
  Upstream upstream_{*this};
};

class Service : public grpc::CallbackGenericService {
 public:
  explicit Service(const std::shared_ptr<grpc::Channel>& channel)
      : stub_(channel) {}

  grpc::ServerGenericBidiReactor* CreateReactor(
      grpc::GenericCallbackServerContext* context) override {
    return new Call(stub_, *context);
  }

 private:
  grpc::GenericStub stub_;
};

}  // namespace

void RunBareForwarder(const std::string& endpoint) {
  // As anteroomd's channels are.
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(-1);
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
  arguments.SetInt(GRPC_ARG_MINIMAL_STACK, 1);
  Service service(grpc::CreateCustomChannel(
      endpoint, grpc::InsecureChannelCredentials(), arguments));
  Serve(service);
}

}  // namespace anteroom::bench
