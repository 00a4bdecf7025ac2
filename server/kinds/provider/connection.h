// ProviderConnection: the way to one provider, and what its errors mean.
//
// It is a connection of its own: whatever the provider does on it, no other
// resource waits.
//
// Thread safety: all methods, from any thread. Outlives the tasks and streams
// that it returns.
#ifndef ANTEROOM_SERVER_KINDS_PROVIDER_CONNECTION_H_
#define ANTEROOM_SERVER_KINDS_PROVIDER_CONNECTION_H_

#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "grpcpp/channel.h"
#include "grpcpp/generic/generic_stub.h"
#include "server/coro/clock.h"
#include "server/coro/runtime.h"
#include "server/coro/task.h"
#include "server/rpc/client_byte_stream.h"
#include "server/rpc/client_call.h"

namespace anteroom::kinds {

class ProviderConnection {
 public:
  // `address`: host:port or unix:PATH. Connects when it is first used.
  ProviderConnection(coro::Runtime runtime, std::string address);
  ProviderConnection(const ProviderConnection&) = delete;
  ProviderConnection& operator=(const ProviderConnection&) = delete;

  const std::string& address() const { return address_; }

  // Whether it is connected; where it is not, connects.
  bool Connect();

  // Calls a unary method of ProviderService by its name. Errors are explained.
  // A deadline beyond a day, or none, is a day.
  template <typename Response, typename Request>
  coro::Task<absl::StatusOr<Response>> Call(const char* method, Request request,
                                            rpc::CallOptions options) {
    options.deadline = Bounded(options.deadline);
    auto call = rpc::CallBytes(runtime_, stub_, PathOf(method),
                               rpc::ToBytes(request), std::move(options));
    const absl::StatusOr<grpc::ByteBuffer> bytes = co_await std::move(call);
    if (!bytes.ok()) co_return Explain(bytes.status());
    absl::StatusOr<Response> response = rpc::FromBytes<Response>(*bytes);
    if (!response.ok()) co_return Broken(method, "does not parse");
    co_return response;
  }

  // Begins to call a streaming method. Its errors are to be explained.
  std::shared_ptr<rpc::ClientByteStream> Open(const char* method,
                                              coro::Instant deadline);

  // The provider's error, as a holder is told it. Code, message and details
  // stay; UNAVAILABLE names the address. Reasons of ours are dropped, for they
  // speak of the provider's own matters, but for INSTANCE_LOST and
  // METHOD_NOT_FOUND, which are the provider's to say.
  absl::Status Explain(const absl::Status& status) const;

  // INTERNAL: what it answered to `method` breaks the protocol, and how.
  absl::Status Broken(absl::string_view method, absl::string_view how) const;

 private:
  std::string MessageOf(const absl::Status& status) const;
  static std::string PathOf(const char* method);
  coro::Instant Bounded(coro::Instant deadline) const;

  const coro::Runtime runtime_;
  const std::string address_;
  const std::shared_ptr<grpc::Channel> channel_;
  grpc::GenericStub stub_;
};

}  // namespace anteroom::kinds

#endif  // ANTEROOM_SERVER_KINDS_PROVIDER_CONNECTION_H_
