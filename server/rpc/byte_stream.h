// ByteStream: one bidirectional call in raw messages; BidiStream
// (bidi_stream.h) gives them types. Raw, because gRPC's typed streams report a
// message that does not parse exactly like a half-close.
//
// Invariants:
//  1. At most one read and one write are in flight.
//  2. Messages are written in the order in which they were sent.
//  3. Finish is called once: after the handler has ended and, unless the stream
//     is broken, with or after the last that it sent. Messages that are there
//     to be written travel together, and the last with the status.
//  4. A client that takes no message for write_timeout, or lets more than
//     max_queued_messages or max_queued_bytes queue up, is cut off.
//
// Lives until gRPC is done with it and the handler has ended.
//
// Thread safety: Send from any thread; Read from one coroutine at a time.
#ifndef ANTEROOM_SERVER_RPC_BYTE_STREAM_H_
#define ANTEROOM_SERVER_RPC_BYTE_STREAM_H_

#include <list>
#include <memory>
#include <stop_token>
#include <utility>

#include "absl/status/status.h"
#include "grpcpp/server_context.h"
#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/server_callback.h"
#include "server/coro/mutex.h"
#include "server/coro/task.h"
#include "server/coro/timers.h"
#include "server/coro/waiter.h"
#include "server/rpc/calls.h"
#include "server/rpc/incoming.h"

namespace anteroom::rpc {

// What queues up for a client that reads slowly.
struct Backlog {
  std::size_t messages = 0;
  std::size_t bytes = 0;
};

class ByteStream
    : public grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>,
      public std::enable_shared_from_this<ByteStream> {
 public:
  static std::shared_ptr<ByteStream> Create(
      Calls& calls, grpc::CallbackServerContext& context);

  CallContext& call() { return call_; }

  // Reads the next message into `message`, which lives until it was
  // awaited. It is over once the client has half-closed (or the stream is
  // broken: the call's stop token tells). If it waited it resumes within
  // OnReadDone(), which does nothing else, or on the executor if it was
  // stopped.
  Incoming::Reading<ByteStream> Read(std::stop_token stop,
                                     grpc::ByteBuffer& message) {
    return incoming_.Read(*this, calls_.runtime(), std::move(stop), message);
  }

  // Whether more than `most` queues up, and the stream is not broken.
  bool Exceeds(Backlog most);
  // Waits until no more than `most` queues up, the stream is broken or `stop`
  // comes. By one coroutine at a time. Resumes on the executor if it waited.
  coro::Task<void> AwaitBacklog(Backlog most, std::stop_token stop);

  // Queues a message, which is written at the latest with the next Flush() or
  // End(); never waits. Dropped if the stream is broken. One that is not
  // Valid() could not be sent: the client is cut off.
  void Queue(grpc::ByteBuffer&& message);
  void Flush();

  // By the handler's coroutine, once, last.
  void End(const absl::Status& status);

  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;

  // By Create() alone.
  class Key {
    friend ByteStream;
    Key() = default;
  };
  ByteStream(Key, Calls& calls, grpc::CallbackServerContext& context);

 private:
  // What to start once the lock is released.
  enum class Next { kNothing, kWrite, kWriteMore, kWriteAndFinish, kFinish };
  Next Advance() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Start(Next next);
  void DropQueue() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  bool Fits(Backlog most) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    return queue_.size() <= most.messages && queued_bytes_ <= most.bytes;
  }
  // A write begins. One timer watches all of a stream: when it fires it looks
  // whether the write that is under way then is due, so that most writes cost
  // no timer.
  void WatchWrites();
  void ScheduleWatch(coro::Instant due);
  void Watch();
  void CutOff();

  Calls& calls_;
  CallContext call_;
  grpc::CallbackServerContext& context_;  // valid until OnDone

  Incoming incoming_;
  // Owned by the write and the Finish in flight.
  grpc::ByteBuffer outgoing_;
  absl::Status final_status_;

  coro::Mutex mu_;
  std::shared_ptr<ByteStream> self_ ABSL_GUARDED_BY(mu_);  // until OnDone
  // A list: mostly empty, for as long as the stream is open.
  std::list<grpc::ByteBuffer> queue_ ABSL_GUARDED_BY(mu_);
  std::size_t queued_bytes_ ABSL_GUARDED_BY(mu_) = 0;
  // Signalled when less queues up.
  std::shared_ptr<coro::Waiter> backlog_ ABSL_GUARDED_BY(mu_);
  bool writing_ ABSL_GUARDED_BY(mu_) = false;
  // The first write never waits for more: with it go the initial metadata, and
  // gRPC ends no write before they are out.
  bool begun_ ABSL_GUARDED_BY(mu_) = false;
  // When the write under way must have ended. Set together with `writing_`, so
  // that no write is measured by an earlier one's.
  coro::Instant write_due_ ABSL_GUARDED_BY(mu_);
  bool watched_ ABSL_GUARDED_BY(mu_) = false;
  coro::Timers::Id write_timer_ ABSL_GUARDED_BY(mu_) = coro::Timers::Id::kNone;
  bool broken_ ABSL_GUARDED_BY(mu_) = false;
  bool ended_ ABSL_GUARDED_BY(mu_) = false;
  bool finished_ ABSL_GUARDED_BY(mu_) = false;
};

}  // namespace anteroom::rpc

#endif  // ANTEROOM_SERVER_RPC_BYTE_STREAM_H_
