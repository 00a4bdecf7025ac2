#include "server/rpc/client_byte_stream.h"

#include <utility>

#include "server/coro/check.h"
#include "server/rpc/deadline.h"
#include "server/rpc/status.h"
#include "server/rpc/tsan.h"

namespace anteroom::rpc {

std::shared_ptr<ClientByteStream> ClientByteStream::Start(
    coro::Runtime runtime, grpc::GenericStub& stub, const std::string& method,
    coro::Instant deadline) {
  std::shared_ptr<ClientByteStream> stream(
      new ClientByteStream(runtime, deadline));
  stream->self_ = stream;
  stub.PrepareBidiStreamingCall(&stream->context_, method, {}, stream.get());
  stream->AddHold();  // reads and writes are started from outside of reactions
  TsanRelease(stream.get());
  stream->StartCall();
  return stream;
}

ClientByteStream::ClientByteStream(coro::Runtime runtime,
                                   coro::Instant deadline)
    : runtime_(runtime), done_(std::make_shared<coro::Waiter>(runtime)) {
  ANTEROOM_CHECK(deadline != coro::kNever);
  context_.set_deadline(ToSystemTime(runtime.clock, deadline));
}

ClientByteStream::~ClientByteStream() { ANTEROOM_CHECK(ended_); }

void ClientByteStream::OnReadDone(bool ok) {
  TsanAcquire(this);
  const std::shared_ptr<coro::Waiter> reader = incoming_.OnReadDone(ok);
  if (reader != nullptr) reader->Signal();
}

coro::Task<bool> ClientByteStream::Write(grpc::ByteBuffer message,
                                         std::stop_token stop) {
  const std::shared_ptr<ClientByteStream> self = shared_from_this();
  auto writer = std::make_shared<coro::Waiter>(runtime_);
  {
    coro::MutexLock lock(mu_);
    writer_ = writer;
  }
  outgoing_ = message;
  TsanRelease(this);
  StartWrite(&outgoing_);
  {
    // Cancelled, the write still ends: only that is waited for.
    const std::stop_callback cancel(stop, [this] { context_.TryCancel(); });
    co_await writer->Wait({}, coro::kNever);
  }
  coro::MutexLock lock(mu_);
  co_return written_;
}

void ClientByteStream::OnWriteDone(bool ok) {
  TsanAcquire(this);
  std::shared_ptr<coro::Waiter> writer;
  {
    coro::MutexLock lock(mu_);
    written_ = ok;
    writer = std::move(writer_);
  }
  if (writer != nullptr) writer->Signal();
}

void ClientByteStream::CloseWrites() {
  TsanRelease(this);
  StartWritesDone();
}

coro::Task<absl::Status> ClientByteStream::End() {
  const std::shared_ptr<ClientByteStream> self = shared_from_this();
  if (!incoming_.over()) context_.TryCancel();
  TsanRelease(this);
  RemoveHold();
  co_await done_->Wait({}, coro::kNever);
  ended_ = true;
  co_return FromGrpcStatus(status_);
}

void ClientByteStream::OnDone(const grpc::Status& status) {
  TsanAcquire(this);
  status_ = status;
  // The last reference, and with it the channel's, is never dropped here.
  runtime_.executor.Post([self = std::move(self_)] { self->done_->Signal(); });
}

}  // namespace anteroom::rpc
