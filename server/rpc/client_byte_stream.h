// ClientByteStream: one streaming call of ours to another server, in raw
// messages; ClientStream (client_stream.h) gives them types. Raw, because
// gRPC's typed streams report a message that does not parse like the end.
//
// It serves calls of every streaming shape: one that answers a single request
// with a stream writes once, then closes.
//
// Invariants:
//  1. At most one read and one write are in flight.
//  2. The call has a deadline.
//  3. Once End() has returned, nothing of the call is left.
//
// Destruction: REQUIRES that End() has returned. The stub outlives that.
//
// Thread safety: one Read() and one Write() or CloseWrites() at a time, which
// may run side by side; End() alone. Each resumes on the executor.
#ifndef ANTEROOM_SERVER_RPC_CLIENT_BYTE_STREAM_H_
#define ANTEROOM_SERVER_RPC_CLIENT_BYTE_STREAM_H_

#include <memory>
#include <stop_token>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "grpcpp/client_context.h"
#include "grpcpp/generic/generic_stub.h"
#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/client_callback.h"
#include "server/coro/clock.h"
#include "server/coro/mutex.h"
#include "server/coro/runtime.h"
#include "server/coro/task.h"
#include "server/coro/waiter.h"
#include "server/rpc/incoming.h"

namespace anteroom::rpc {

class ClientByteStream
    : public grpc::ClientBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>,
      public std::enable_shared_from_this<ClientByteStream> {
 public:
  // Starts a call of `method` ("/package.Service/Method"). `deadline` is the
  // call's own: kNever is a bug.
  static std::shared_ptr<ClientByteStream> Start(coro::Runtime runtime,
                                                 grpc::GenericStub& stub,
                                                 const std::string& method,
                                                 coro::Instant deadline);
  ~ClientByteStream() override;

  // Reads the next message into `message`, which lives until it was
  // awaited. Once there are no more End() tells why. Resumes on the executor if
  // it waited.
  Incoming::Reading<ClientByteStream> Read(std::stop_token stop,
                                           grpc::ByteBuffer& message) {
    return incoming_.Read(*this, runtime_, std::move(stop), message);
  }

  // Sends a message and waits until it is taken. `stop` cancels the call.
  // False: the call is over, and End() tells why.
  coro::Task<bool> Write(grpc::ByteBuffer message, std::stop_token stop);

  // Says that no more messages follow. At most once; no Write() after.
  void CloseWrites();

  // Waits for the end of the call, and cancels it unless all of its messages
  // are read. Once, last. Errors carry the details that the server sent.
  coro::Task<absl::Status> End();

  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnDone(const grpc::Status& status) override;

 private:
  ClientByteStream(coro::Runtime runtime, coro::Instant deadline);

  const coro::Runtime runtime_;
  grpc::ClientContext context_;
  std::shared_ptr<ClientByteStream> self_;  // until OnDone
  const std::shared_ptr<coro::Waiter> done_;
  bool ended_ = false;

  Incoming incoming_;
  // Owned by the write and the end in flight.
  grpc::ByteBuffer outgoing_;
  grpc::Status status_;

  coro::Mutex mu_;
  std::shared_ptr<coro::Waiter> writer_ ABSL_GUARDED_BY(mu_);
  bool written_ ABSL_GUARDED_BY(mu_) = false;
};

}  // namespace anteroom::rpc

#endif  // ANTEROOM_SERVER_RPC_CLIENT_BYTE_STREAM_H_
