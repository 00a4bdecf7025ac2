// RawCall: a call whose messages are whatever bytes the test says.
#ifndef ANTEROOM_TESTS_RPC_RAW_CALL_H_
#define ANTEROOM_TESTS_RPC_RAW_CALL_H_

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "grpcpp/client_context.h"
#include "grpcpp/completion_queue.h"
#include "grpcpp/generic/generic_stub.h"
#include "grpcpp/support/status.h"

namespace anteroom::testing {

// Blocks in every method. Not thread-safe.
class RawCall {
 public:
  using Metadata = std::vector<std::pair<std::string, std::string>>;

  // Starts a call of `method`, such as "/anteroom.v1.ResourceService/With".
  RawCall(const std::shared_ptr<grpc::Channel>& channel,
          const std::string& method, const Metadata& metadata = {});
  ~RawCall();
  RawCall(const RawCall&) = delete;
  RawCall& operator=(const RawCall&) = delete;

  // False: the call is over.
  bool Write(const std::string& bytes);
  bool HalfClose();
  // nullopt: there is no more.
  std::optional<std::string> Read();
  grpc::Status Finish();

 private:
  bool Await();

  grpc::ClientContext context_;
  grpc::CompletionQueue queue_;
  grpc::GenericStub stub_;
  std::unique_ptr<grpc::GenericClientAsyncReaderWriter> call_;
  bool finished_ = false;
};

}  // namespace anteroom::testing

#endif  // ANTEROOM_TESTS_RPC_RAW_CALL_H_
