// EchoServer: a real server of somebody else's service, in all four shapes, at
// a port of its own. Says back what it is told, unless the test says otherwise.
#ifndef ANTEROOM_TESTS_SUPPORT_ECHO_SERVER_H_
#define ANTEROOM_TESTS_SUPPORT_ECHO_SERVER_H_

#include <functional>
#include <memory>
#include <string>

#include "echo.grpc.pb.h"
#include "grpcpp/grpcpp.h"
#include "server/coro/mutex.h"

namespace anteroom::testing {

using test::echo::v1::EchoRequest;
using test::echo::v1::EchoResponse;
using test::echo::v1::EchoService;

// Thread safety: all methods, from any thread.
class EchoServer {
 public:
  using ChatStream = grpc::ServerReaderWriter<EchoResponse, EchoRequest>;
  using Chat = std::function<grpc::Status(grpc::ServerContext&, ChatStream&)>;

  EchoServer();
  // As Kill(). A handler that blocks must look at its context.
  ~EchoServer();

  const std::string& address() const { return address_; }
  // What Chat does from now on. The handler may block.
  void SetChat(Chat chat);
  // Ends all calls, and the server.
  void Kill();

 private:
  class Service;

  const std::unique_ptr<Service> service_;
  std::unique_ptr<grpc::Server> server_;
  std::string address_;
};

}  // namespace anteroom::testing

#endif  // ANTEROOM_TESTS_SUPPORT_ECHO_SERVER_H_
