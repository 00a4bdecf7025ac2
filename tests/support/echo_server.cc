#include "tests/support/echo_server.h"

#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"

namespace anteroom::testing {
namespace {

grpc::Status SayBack(grpc::ServerContext&, EchoServer::ChatStream& stream) {
  EchoRequest request;
  EchoResponse response;
  while (stream.Read(&request)) {
    response.set_data(request.data());
    stream.Write(response);
  }
  return grpc::Status::OK;
}

}  // namespace

class EchoServer::Service : public EchoService::Service {
 public:
  void SetChat(EchoServer::Chat chat) {
    coro::MutexLock lock(mu_);
    chat_ = std::move(chat);
  }

  grpc::Status Echo(grpc::ServerContext*, const EchoRequest* request,
                    EchoResponse* response) override {
    response->set_data(request->data());
    return grpc::Status::OK;
  }
  grpc::Status Repeat(grpc::ServerContext*, const EchoRequest* request,
                      grpc::ServerWriter<EchoResponse>* writer) override {
    EchoResponse response;
    response.set_data(request->data());
    for (int i = 0; i < request->count(); ++i) writer->Write(response);
    return grpc::Status::OK;
  }
  grpc::Status Collect(grpc::ServerContext*,
                       grpc::ServerReader<EchoRequest>* reader,
                       EchoResponse* response) override {
    EchoRequest request;
    while (reader->Read(&request)) {
      response->mutable_data()->append(request.data());
    }
    return grpc::Status::OK;
  }
  grpc::Status Chat(grpc::ServerContext* context, ChatStream* stream) override {
    EchoServer::Chat chat;
    {
      coro::MutexLock lock(mu_);
      chat = chat_;
    }
    return chat(*context, *stream);
  }

 private:
  coro::Mutex mu_;
  EchoServer::Chat chat_ ABSL_GUARDED_BY(mu_) = SayBack;
};

EchoServer::EchoServer() : service_(std::make_unique<Service>()) {
  int port = 0;
  grpc::ServerBuilder builder;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(),
                           &port);
  builder.RegisterService(service_.get());
  server_ = builder.BuildAndStart();
  address_ = absl::StrCat("127.0.0.1:", port);
}

EchoServer::~EchoServer() { Kill(); }

void EchoServer::SetChat(Chat chat) { service_->SetChat(std::move(chat)); }

void EchoServer::Kill() { server_->Shutdown(std::chrono::system_clock::now()); }

}  // namespace anteroom::testing
