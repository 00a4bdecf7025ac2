// WithResponses: what a With stream says next. To a client that takes batches
// what is said until the next flush goes in one message: gRPC takes its time
// for each message, however small it is. What is large goes by itself.
//
// Thread safety: AllowBatches() from any thread; all else one at a time.
#ifndef ANTEROOM_SERVER_SERVICE_WITH_RESPONSES_H_
#define ANTEROOM_SERVER_SERVICE_WITH_RESPONSES_H_

#include <atomic>
#include <cstddef>
#include <memory>

#include "anteroom/v1/resource_service.pb.h"
#include "google/protobuf/arena.h"
#include "server/rpc/bidi_stream.h"

namespace anteroom::service {

using WithStream = rpc::BidiStream<v1::WithRequest, v1::WithResponse>;

class WithResponses {
 public:
  // Bytes of one batch. A response that does not fit goes by itself, after
  // those before it.
  static constexpr std::size_t kMaxBatchBytes = std::size_t{64} << 10;

  // `stream` must outlive the last call of the other methods.
  explicit WithResponses(WithStream& stream) : stream_(stream) {}

  // The client has sent a batch: it takes them, too.
  void AllowBatches() { batches_.store(true, std::memory_order_relaxed); }

  // One more, as `fill(response)` fills it.
  template <typename Fill>
  void Add(Fill fill) {
    if (batches_.load(std::memory_order_relaxed)) {
      if (batch_ == nullptr) batch_ = std::make_unique<Batch>();
      v1::WithResponse& response = batch_->New();
      fill(response);
      AddToBatch(response);
    } else {
      v1::WithResponse response;
      fill(response);
      stream_.Queue(response);
    }
  }
  // Hands what there is to the stream, which then has to be flushed, or ends.
  void QueueBatch();

 private:
  class Batch {
   public:
    Batch() : message_(New()) {}

    // One that may be added, and lives as long as this.
    v1::WithResponse& New() {
      return *google::protobuf::Arena::CreateMessage<v1::WithResponse>(&arena_);
    }
    // False, without effect: it does not fit.
    bool Add(v1::WithResponse& response);
    // To the stream.
    void Queue(WithStream& stream) const;

   private:
    // Has room for the responses of a small scope.
    alignas(8) char block_[2048];
    google::protobuf::Arena arena_{block_, sizeof(block_)};
    v1::WithResponse& message_;
    std::size_t bytes_ = 0;
  };

  // REQUIRES: `response` is of batch_.
  void AddToBatch(v1::WithResponse& response);

  WithStream& stream_;
  std::atomic<bool> batches_ = false;
  // Null: nothing was added since the last was queued.
  std::unique_ptr<Batch> batch_;
};

}  // namespace anteroom::service

#endif  // ANTEROOM_SERVER_SERVICE_WITH_RESPONSES_H_
