// RpcTest: a real server on a real socket whose handlers are the test's own.
#ifndef ANTEROOM_TESTS_RPC_RPC_TEST_H_
#define ANTEROOM_TESTS_RPC_RPC_TEST_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "anteroom/v1/resource_service.grpc.pb.h"
#include "grpcpp/grpcpp.h"
#include "gtest/gtest.h"
#include "server/coro/clock.h"
#include "server/coro/random.h"
#include "server/coro/runtime.h"
#include "server/coro/task.h"
#include "server/coro/thread_pool.h"
#include "server/coro/thread_timers.h"
#include "server/rpc/bidi_stream.h"
#include "server/rpc/calls.h"
#include "server/rpc/server_stream.h"

namespace anteroom::rpc {

using WithStream = BidiStream<v1::WithRequest, v1::WithResponse>;
using WatchStream = ServerStream<v1::WatchEventsResponse>;

// One method of each shape, answered by what the test sets before the call.
class Handlers : public v1::ResourceService::WithCallbackMethod_Use<
                     v1::ResourceService::WithRawCallbackMethod_With<
                         v1::ResourceService::WithCallbackMethod_WatchEvents<
                             v1::ResourceService::Service>>> {
 public:
  explicit Handlers(Calls& calls) : calls_(calls) {}

  std::function<coro::Task<absl::Status>(CallContext&, const v1::UseRequest&,
                                         v1::UseResponse&)>
      use;
  std::function<coro::Task<absl::Status>(WithStream&)> with;
  std::function<coro::Task<absl::Status>(WatchStream&)> watch;

  grpc::ServerUnaryReactor* Use(grpc::CallbackServerContext* context,
                                const v1::UseRequest* request,
                                v1::UseResponse* response) override;
  grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* With(
      grpc::CallbackServerContext* context) override;
  grpc::ServerWriteReactor<v1::WatchEventsResponse>* WatchEvents(
      grpc::CallbackServerContext* context,
      const v1::WatchEventsRequest* request) override;

 private:
  Calls& calls_;
};

v1::WithRequest Call(std::uint64_t id);
v1::WithResponse Reply(std::uint64_t id);
// Answers each request; then OK, or what went wrong.
coro::Task<absl::Status> Echo(WithStream& stream);

class RpcTest : public ::testing::Test {
 protected:
  explicit RpcTest(const Calls::Options& options = {});
  // Ends the server: every call is cancelled and joined.
  ~RpcTest() override;

  coro::Runtime runtime() { return {*executor_, *timers_, clock_, random_}; }

  // To be called right before each call. Its bound is never waited out: a call
  // that hangs fails by it.
  void Bound(grpc::ClientContext& context);
  // A unary call with `method` as its method_name; the result's data.
  grpc::Status Use(const std::string& method, std::string* result = nullptr);

  coro::SystemClock clock_;
  coro::SystemRandom random_;
  std::unique_ptr<coro::ThreadPool> executor_;
  std::unique_ptr<coro::ThreadTimers> timers_;
  Calls calls_;
  Handlers handlers_{calls_};
  std::unique_ptr<grpc::Server> server_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<v1::ResourceService::Stub> stub_;
};

}  // namespace anteroom::rpc

#endif  // ANTEROOM_TESTS_RPC_RPC_TEST_H_
