// Server-streaming handlers as coroutines.
//
//   return StartServerStream<Response>(calls_, *context,
//       [this, request](ServerStream<Response>& stream) {
//         return handlers_.WatchEvents(*request, stream);
//       });
//
// The coroutine starts inline on gRPC's thread, so it must not block. The
// request lives until it has ended.
#ifndef ANTEROOM_SERVER_RPC_SERVER_STREAM_H_
#define ANTEROOM_SERVER_RPC_SERVER_STREAM_H_

#include <memory>
#include <stop_token>
#include <utility>

#include "absl/status/status.h"
#include "grpcpp/server_context.h"
#include "grpcpp/support/server_callback.h"
#include "server/coro/clock.h"
#include "server/coro/mutex.h"
#include "server/coro/task.h"
#include "server/coro/waiter.h"
#include "server/error/error.h"
#include "server/rpc/calls.h"
#include "server/rpc/status.h"
#include "server/rpc/tsan.h"

namespace anteroom::rpc {

// Lives until gRPC is done with it and the handler has ended.
//
// Thread safety: one coroutine at a time.
template <typename Response>
class ServerStream
    : public grpc::ServerWriteReactor<Response>,
      public std::enable_shared_from_this<ServerStream<Response>> {
 public:
  ServerStream(Calls& calls, grpc::CallbackServerContext& context)
      : calls_(calls),
        call_(calls.runtime().clock, context),
        context_(context) {}

  // Stopped when the client cancels, its connection breaks, the deadline
  // passes, or the server shuts down.
  std::stop_token stop_token() const { return call_.stop_token(); }

  // Tells the client that the call is accepted, before the first response. At
  // most once, before any Write().
  void SendHeaders() {
    TsanRelease(this);
    this->StartSendInitialMetadata();
  }

  // Writes one response and waits until it is taken. False: the stream is
  // broken, also where the client took nothing for write_timeout (it is then
  // cut off). At most one at a time. `more`: another follows at once, and the
  // two may travel together; the last must say false. Resumes on the executor.
  coro::Task<bool> Write(Response response, bool more = false) {
    const auto self = this->shared_from_this();
    auto writer = std::make_shared<coro::Waiter>(calls_.runtime());
    {
      coro::MutexLock lock(mu_);
      writer_ = writer;
    }
    response_ = std::move(response);
    TsanRelease(this);
    grpc::WriteOptions options;
    if (more) options.set_buffer_hint();
    this->StartWrite(&response_, options);
    const coro::Clock& clock = calls_.runtime().clock;
    const coro::Wake wake = co_await writer->Wait(
        {}, coro::After(clock.Now(), calls_.options().write_timeout));
    if (wake == coro::Wake::kTimedOut) {
      // The reaction of the write that is under way must still be awaited.
      auto reaction = std::make_shared<coro::Waiter>(calls_.runtime());
      bool under_way = false;
      {
        coro::MutexLock lock(mu_);
        under_way = writer_ != nullptr;
        if (under_way) writer_ = reaction;
      }
      context_.TryCancel();
      if (under_way) co_await reaction->Wait({}, coro::kNever);
      co_return false;
    }
    coro::MutexLock lock(mu_);
    co_return written_;
  }

  // By the handler's coroutine, once, last.
  void End(const absl::Status& status) {
    TsanRelease(this);
    this->Finish(ToGrpcStatus(status));
  }

  // Keeps it alive until gRPC is done. Before the reactor is returned.
  void KeepUntilDone() { self_ = this->shared_from_this(); }

  void OnWriteDone(bool ok) override {
    TsanAcquire(this);
    std::shared_ptr<coro::Waiter> writer;
    {
      coro::MutexLock lock(mu_);
      written_ = ok;
      writer = std::move(writer_);
    }
    if (writer != nullptr) writer->Signal();
  }
  void OnCancel() override {
    TsanAcquire(this);
    call_.RequestStop();
  }
  void OnDone() override {
    TsanAcquire(this);
    const auto self = std::move(self_);
  }

 private:
  Calls& calls_;
  CallContext call_;
  grpc::CallbackServerContext& context_;  // valid until End()
  std::shared_ptr<ServerStream> self_;    // until OnDone
  Response response_;                     // owned by the write in flight
  coro::Mutex mu_;
  std::shared_ptr<coro::Waiter> writer_ ABSL_GUARDED_BY(mu_);
  bool written_ ABSL_GUARDED_BY(mu_) = false;
};

template <typename Response, typename Factory>
coro::Task<void> RunServerStream(std::shared_ptr<ServerStream<Response>> stream,
                                 Factory factory) {
  absl::Status status;
  try {
    coro::Task<absl::Status> handler = factory(*stream);
    status = co_await std::move(handler);
  } catch (...) {
    status = ErrorOfException("the handler");
  }
  stream->End(status);
}

// Begins to answer a call with the task that `factory(stream)` returns.
// `factory` is kept until that task has ended, and is not a coroutine itself.
template <typename Response, typename Factory>
grpc::ServerWriteReactor<Response>* StartServerStream(
    Calls& calls, grpc::CallbackServerContext& context, Factory factory) {
  auto stream = std::make_shared<ServerStream<Response>>(calls, context);
  stream->KeepUntilDone();
  if (!calls.group().Spawn(
          RunServerStream<Response>(stream, std::move(factory)))) {
    stream->End(ShuttingDown());
  }
  return stream.get();
}

}  // namespace anteroom::rpc

#endif  // ANTEROOM_SERVER_RPC_SERVER_STREAM_H_
