// Bidirectional handlers as coroutines, over raw methods (a service derives
// from WithRawCallbackMethod_X).
//
//   return StartBidi<Request, Response>(calls_, *context,
//       [this](BidiStream<Request, Response>& stream) {
//         return handlers_.With(stream);
//       });
//
// The coroutine starts inline on gRPC's thread, so it must not block. When it
// ends, what it sent is written, then the call ends with its status.
#ifndef ANTEROOM_SERVER_RPC_BIDI_STREAM_H_
#define ANTEROOM_SERVER_RPC_BIDI_STREAM_H_

#include <memory>
#include <optional>
#include <stop_token>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/coro/task.h"
#include "server/coro/task_group.h"
#include "server/error/error.h"
#include "server/rpc/byte_stream.h"
#include "server/rpc/calls.h"
#include "server/rpc/incoming.h"
#include "server/rpc/message_bytes.h"

namespace anteroom::rpc {

// A handle of it. Thread safety: Send from any thread; Read from one coroutine
// at a time.
template <typename Request, typename Response>
class BidiStream {
 public:
  explicit BidiStream(std::shared_ptr<ByteStream> bytes)
      : bytes_(std::move(bytes)) {}

  // Stopped when the client cancels, its connection breaks, the deadline
  // passes, a write fails or times out, or the server shuts down.
  std::stop_token stop_token() const { return bytes_->call().stop_token(); }
  coro::Instant deadline() const { return bytes_->call().deadline(); }

  // Awaited, reads the next request, for Parse(), as ByteStream's says. At most
  // one at a time.
  auto ReadBytes(std::stop_token stop, grpc::ByteBuffer& bytes) {
    return bytes_->Read(std::move(stop), bytes);
  }

  // INVALID_REQUEST for a message that does not parse.
  static absl::Status Parse(grpc::ByteBuffer& bytes, Request& request) {
    if (rpc::Parse(bytes, request)) return absl::OkStatus();
    return Error(Reason::kInvalidRequest,
                 "the message is not a valid request of this RPC");
  }

  // Both: nullopt once there are no more, CANCELLED if `stop` came first.
  coro::Task<absl::StatusOr<std::optional<Request>>> Read(
      std::stop_token stop = {}) {
    grpc::ByteBuffer bytes;
    const ReadEnd end = co_await ReadBytes(std::move(stop), bytes);
    if (end == ReadEnd::kStopped) co_return ReadStopped();
    if (end == ReadEnd::kOver) co_return std::nullopt;
    Request request;
    absl::Status parsed = Parse(bytes, request);
    if (!parsed.ok()) co_return parsed;
    co_return request;
  }

  // Whether more than `most` of responses queues up, and the stream is not
  // broken.
  bool Exceeds(Backlog most) const { return bytes_->Exceeds(most); }
  // Waits until that is not so, or `stop` comes. Resumes on the executor if it
  // waited.
  coro::Task<void> AwaitBacklog(Backlog most, std::stop_token stop) {
    return bytes_->AwaitBacklog(most, std::move(stop));
  }

  // Queues a response, which is written at the latest with the next Flush() or
  // the end; never waits. Dropped if the stream is broken.
  void Queue(const Response& response) { bytes_->Queue(ToBytes(response)); }
  void Flush() { bytes_->Flush(); }
  void Send(const Response& response) {
    Queue(response);
    Flush();
  }
  // By the handler's coroutine, once, last.
  void End(const absl::Status& status) { bytes_->End(status); }

 private:
  std::shared_ptr<ByteStream> bytes_;
};

template <typename Request, typename Response, typename Factory>
coro::TaskGroup::Detached RunBidi(coro::TaskGroup::Ticket /*moved out*/,
                                  BidiStream<Request, Response> stream,
                                  Factory factory) {
  absl::Status status;
  try {
    coro::Task<absl::Status> handler = factory(stream);
    status = co_await std::move(handler);
  } catch (...) {
    status = ErrorOfException("the handler");
  }
  stream.End(status);
}

// Begins to answer a call with the task that `factory(stream)` returns.
// `factory` is kept until that task has ended, and is not a coroutine itself.
template <typename Request, typename Response, typename Factory>
grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* StartBidi(
    Calls& calls, grpc::CallbackServerContext& context, Factory factory) {
  const std::shared_ptr<ByteStream> bytes = ByteStream::Create(calls, context);
  coro::TaskGroup::Ticket ticket = calls.group().CountIn();
  if (ticket) {
    RunBidi(std::move(ticket), BidiStream<Request, Response>(bytes),
            std::move(factory));
  } else {
    bytes->End(ShuttingDown());
  }
  return bytes.get();
}

}  // namespace anteroom::rpc

#endif  // ANTEROOM_SERVER_RPC_BIDI_STREAM_H_
