// Incoming: the reading half of a stream of raw messages, of a call that we
// answer (ByteStream) or make (ClientByteStream).
//
// Invariant: at most one read is in flight.
//
// Thread safety: Read from one coroutine at a time; all else from any thread.
#ifndef ANTEROOM_SERVER_RPC_INCOMING_H_
#define ANTEROOM_SERVER_RPC_INCOMING_H_

#include <coroutine>
#include <memory>
#include <optional>
#include <stop_token>
#include <utility>

#include "absl/status/status.h"
#include "grpcpp/support/byte_buffer.h"
#include "server/coro/clock.h"
#include "server/coro/mutex.h"
#include "server/coro/runtime.h"
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
  template <typename Reactor>
  class Reading;

  // Awaited, reads the next message of `reactor`, whose member this is, into
  // `message`; both live until then. The answer is a ReadEnd. If it waited it
  // resumes as OnReadDone()'s caller says, or on the executor if it was
  // stopped. No coroutine of its own: a stream waits here for most of its life.
  template <typename Reactor>
  Reading<Reactor> Read(Reactor& reactor, const coro::Runtime& runtime,
                        std::stop_token stop, grpc::ByteBuffer& message) {
    return {reactor, *this, runtime, std::move(stop), message};
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
  // A read that begins: what there is, into `message`; else nullopt, and
  // `reader` is to wait, after the reactor's read was started if `starts`.
  std::optional<ReadEnd> Begin(const coro::Runtime& runtime,
                               grpc::ByteBuffer& message,
                               std::shared_ptr<coro::Waiter>& reader,
                               bool& starts) {
    coro::MutexLock lock(mu_);
    const std::optional<ReadEnd> there = Take(message);
    if (there.has_value()) return there;
    reader = reader_ = std::make_shared<coro::Waiter>(runtime);
    starts = !std::exchange(reading_, true);
    return std::nullopt;
  }
  // One that has waited for OnReadDone().
  ReadEnd End(grpc::ByteBuffer& message) {
    coro::MutexLock lock(mu_);
    return *Take(message);
  }
  std::optional<ReadEnd> Take(grpc::ByteBuffer& message)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    if (std::exchange(arrived_, false)) {
      message.Clear();
      message.Swap(&message_);
      return ReadEnd::kMessage;
    }
    if (over_) return ReadEnd::kOver;
    return std::nullopt;
  }

  // Owned by the read in flight, and by whoever sees that it has arrived.
  grpc::ByteBuffer message_;

  coro::Mutex mu_;
  bool reading_ ABSL_GUARDED_BY(mu_) = false;
  bool over_ ABSL_GUARDED_BY(mu_) = false;
  bool arrived_ ABSL_GUARDED_BY(mu_) = false;  // nobody has taken it
  std::shared_ptr<coro::Waiter> reader_ ABSL_GUARDED_BY(mu_);
};

// What Incoming::Read() returns.
template <typename Reactor>
class [[nodiscard]] Incoming::Reading {
 public:
  Reading(Reactor& reactor, Incoming& incoming, const coro::Runtime& runtime,
          std::stop_token stop, grpc::ByteBuffer& message)
      : reactor_(reactor),
        incoming_(incoming),
        runtime_(runtime),
        stop_(std::move(stop)),
        message_(message) {}
  Reading(const Reading&) = delete;
  Reading& operator=(const Reading&) = delete;

  bool await_ready() {
    std::shared_ptr<coro::Waiter> reader;
    bool starts = false;
    end_ = incoming_.Begin(runtime_, message_, reader, starts);
    if (end_.has_value()) return true;
    if (starts) {
      TsanRelease(&reactor_);
      reactor_.StartRead(&incoming_.message_);
    }
    wait_.emplace(std::move(reader), std::move(stop_), coro::kNever);
    return wait_->await_ready();
  }
  bool await_suspend(std::coroutine_handle<> handle) {
    return wait_->await_suspend(handle);
  }
  ReadEnd await_resume() {
    if (end_.has_value()) return *end_;
    if (wait_->await_resume() == coro::Wake::kCancelled) {
      return ReadEnd::kStopped;
    }
    return incoming_.End(message_);
  }

 private:
  Reactor& reactor_;
  Incoming& incoming_;
  const coro::Runtime& runtime_;
  std::stop_token stop_;
  grpc::ByteBuffer& message_;
  std::optional<ReadEnd> end_;
  std::optional<coro::Waiter::Awaiter> wait_;
};

}  // namespace anteroom::rpc

#endif  // ANTEROOM_SERVER_RPC_INCOMING_H_
