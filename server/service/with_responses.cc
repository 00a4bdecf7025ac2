#include "server/service/with_responses.h"

#include <utility>

namespace anteroom::service {

bool WithResponses::Batch::Add(v1::WithResponse& response) {
  const std::size_t bytes = response.ByteSizeLong();
  if (bytes_ + bytes > kMaxBatchBytes) return false;
  bytes_ += bytes;
  message_.mutable_batch()->mutable_responses()->UnsafeArenaAddAllocated(
      &response);
  return true;
}

void WithResponses::Batch::Queue(WithStream& stream) const {
  const auto& responses = message_.batch().responses();
  if (responses.empty()) return;
  stream.Queue(responses.size() == 1 ? responses[0] : message_);
}

void WithResponses::AddToBatch(v1::WithResponse& response) {
  if (batch_->Add(response)) return;
  const std::unique_ptr<Batch> full = std::move(batch_);
  full->Queue(stream_);
  stream_.Queue(response);
}

void WithResponses::QueueBatch() {
  if (batch_ == nullptr) return;
  const std::unique_ptr<Batch> batch = std::move(batch_);
  batch->Queue(stream_);
}

}  // namespace anteroom::service
