// Incoming: the reading half of a stream of raw messages, of a call that we
// answer (ByteStream) or make (ClientByteStream).
//
// Invariant: at most one read is in flight.
//
// Thread safety: Read from one coroutine at a time; all else from any thread.
#ifndef ANTEROOM_SERVER_RPC_INCOMING_H_
#define ANTEROOM_SERVER_RPC_INCOMING_H_

#include <memory>
#include <optional>
#include <stop_token>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "grpcpp/support/byte_buffer.h"
#include "server/coro/clock.h"
#include "server/coro/mutex.h"
#include "server/coro/runtime.h"
#include "server/coro/task.h"
#include "server/coro/waiter.h"
#include "server/rpc/tsan.h"

namespace anteroom::rpc {

class Incoming {
 public:
  // The next message of `reactor`, whose member this is; nullopt once there are
  // no more. CANCELLED if `stop` came first: the message, should one arrive, is
  // the next Read's. If it waited it resumes as OnReadDone()'s caller says, or
  // on the executor if it was stopped.
  template <typename Reactor>
  coro::Task<absl::StatusOr<std::optional<grpc::ByteBuffer>>> Read(
      std::shared_ptr<Reactor> reactor, coro::Runtime runtime,
      std::stop_token stop) {
    while (true) {
      std::shared_ptr<coro::Waiter> reader;
      bool starts = false;
      {
        coro::MutexLock lock(mu_);
        if (arrived_.has_value()) {
          std::optional<grpc::ByteBuffer> message = std::move(arrived_);
          arrived_.reset();
          co_return message;
        }
        if (over_) co_return std::nullopt;
        reader = reader_ = std::make_shared<coro::Waiter>(runtime);
        starts = !std::exchange(reading_, true);
      }
      if (starts) {
        TsanRelease(reactor.get());
        reactor->StartRead(&message_);
      }
      if (co_await reader->Wait(stop, coro::kNever) == coro::Wake::kCancelled) {
        co_return absl::CancelledError("the read was stopped");
      }
    }
  }

  // The reactor's OnReadDone. Who waits for it is to be woken up, if not null.
  std::shared_ptr<coro::Waiter> OnReadDone(bool ok) {
    coro::MutexLock lock(mu_);
    reading_ = false;
    if (ok) {
      arrived_ = message_;
      message_.Clear();
    } else {
      over_ = true;
    }
    return std::move(reader_);
  }

  // Whether a read has said that there are no more messages.
  bool over() {
    coro::MutexLock lock(mu_);
    return over_;
  }

 private:
  grpc::ByteBuffer message_;  // owned by the read in flight

  coro::Mutex mu_;
  bool reading_ ABSL_GUARDED_BY(mu_) = false;
  bool over_ ABSL_GUARDED_BY(mu_) = false;
  std::optional<grpc::ByteBuffer> arrived_ ABSL_GUARDED_BY(mu_);
  std::shared_ptr<coro::Waiter> reader_ ABSL_GUARDED_BY(mu_);
};

}  // namespace anteroom::rpc

#endif  // ANTEROOM_SERVER_RPC_INCOMING_H_
