// ClientStream: a ClientByteStream with types.
//
//   ClientStream<Request, Response> stream(ClientByteStream::Start(...));
//   ... Write, CloseWrites, Read ...
//   Task<absl::Status> end = stream.End();
//   const absl::Status status = co_await std::move(end);
//
// Thread safety and destruction: as client_byte_stream.h says. Outlives the
// tasks that it returns.
#ifndef ANTEROOM_SERVER_RPC_CLIENT_STREAM_H_
#define ANTEROOM_SERVER_RPC_CLIENT_STREAM_H_

#include <memory>
#include <optional>
#include <stop_token>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/coro/task.h"
#include "server/rpc/client_byte_stream.h"
#include "server/rpc/incoming.h"
#include "server/rpc/message_bytes.h"

namespace anteroom::rpc {

template <typename Request, typename Response>
class ClientStream {
 public:
  explicit ClientStream(std::shared_ptr<ClientByteStream> bytes)
      : bytes_(std::move(bytes)) {}

  // The next message; nullopt once there are no more: End() tells why.
  // CANCELLED if `stop` came first: the message, should one arrive, is the next
  // Read's. INTERNAL for one that does not parse.
  coro::Task<absl::StatusOr<std::optional<Response>>> Read(
      std::stop_token stop) {
    grpc::ByteBuffer bytes;
    const ReadEnd end = co_await bytes_->Read(std::move(stop), bytes);
    if (end == ReadEnd::kStopped) co_return ReadStopped();
    if (end == ReadEnd::kOver) co_return std::nullopt;
    absl::StatusOr<Response> response = FromBytes<Response>(bytes);
    if (!response.ok()) co_return response.status();
    co_return *std::move(response);
  }

  // The same three as ClientByteStream's.
  coro::Task<bool> Write(const Request& request, std::stop_token stop) {
    return bytes_->Write(ToBytes(request), std::move(stop));
  }
  void CloseWrites() { bytes_->CloseWrites(); }
  coro::Task<absl::Status> End() { return bytes_->End(); }

 private:
  const std::shared_ptr<ClientByteStream> bytes_;
};

}  // namespace anteroom::rpc

#endif  // ANTEROOM_SERVER_RPC_CLIENT_STREAM_H_
