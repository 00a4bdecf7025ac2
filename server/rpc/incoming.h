// Incoming: the reading half of a stream of raw messages, of a call that we
// answer (ByteStream) or make (ClientByteStream).
//
// Invariant: at most one read is in flight.
//
// Thread safety: Read from one coroutine at a time; all else from any thread.
#ifndef ANTEROOM_SERVER_RPC_INCOMING_H_
#define ANTEROOM_SERVER_RPC_INCOMING_H_

#include <memory>
#include <stop_token>
#include <utility>

#include "absl/status/status.h"
#include "grpcpp/support/byte_buffer.h"
#include "server/coro/clock.h"
#include "server/coro/mutex.h"
#include "server/coro/runtime.h"
#include "server/coro/task.h"
#include "server/coro/waiter.h"
#include "server/rpc/tsan.h"

namespace anteroom::rpc {

// How a read ended.
enum class ReadEnd {
  kMessage,  // with one
  kOver,     // there are no more
  kStopped,  // its stop came first: the message is the next read's
};

// What a reader of typed messages is told of kStopped: CANCELLED.
inline absl::Status ReadStopped() {
  return absl::CancelledError("the read was stopped");
}

class Incoming {
 public:
  // Reads the next message of `reactor`, whose member this is, into `message`,
  // which lives until the task has ended. If it waited it resumes as
  // OnReadDone()'s caller says, or on the executor if it was stopped.
  template <typename Reactor>
  coro::Task<ReadEnd> Read(std::shared_ptr<Reactor> reactor,
                           coro::Runtime runtime, std::stop_token stop,
                           grpc::ByteBuffer& message) {
    while (true) {
      std::shared_ptr<coro::Waiter> reader;
      bool starts = false;
      {
        coro::MutexLock lock(mu_);
        if (std::exchange(arrived_, false)) {
          message.Clear();
          message.Swap(&message_);
          co_return ReadEnd::kMessage;
        }
        if (over_) co_return ReadEnd::kOver;
        reader = reader_ = std::make_shared<coro::Waiter>(runtime);
        starts = !std::exchange(reading_, true);
      }
      if (starts) {
        TsanRelease(reactor.get());
        reactor->StartRead(&message_);
      }
      if (co_await reader->Wait(stop, coro::kNever) == coro::Wake::kCancelled) {
        co_return ReadEnd::kStopped;
      }
    }
  }

  // The reactor's OnReadDone. Who waits for it is to be woken up, if not null.
  std::shared_ptr<coro::Waiter> OnReadDone(bool ok) {
    coro::MutexLock lock(mu_);
    reading_ = false;
    (ok ? arrived_ : over_) = true;
    return std::move(reader_);
  }

  // Whether a read has said that there are no more messages.
  bool over() {
    coro::MutexLock lock(mu_);
    return over_;
  }

 private:
  // Owned by the read in flight, and by whoever sees that it has arrived.
  grpc::ByteBuffer message_;

  coro::Mutex mu_;
  bool reading_ ABSL_GUARDED_BY(mu_) = false;
  bool over_ ABSL_GUARDED_BY(mu_) = false;
  bool arrived_ ABSL_GUARDED_BY(mu_) = false;  // nobody has taken it
  std::shared_ptr<coro::Waiter> reader_ ABSL_GUARDED_BY(mu_);
};

}  // namespace anteroom::rpc

#endif  // ANTEROOM_SERVER_RPC_INCOMING_H_
