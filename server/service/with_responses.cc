#include "server/service/with_responses.h"

#include <utility>

namespace anteroom::service {

void WithResponses::QueueBatch() {
  if (batch_ == nullptr) return;
  const std::unique_ptr<Batch> batch = std::move(batch_);
  const v1::WithResponse& message = batch->message();
  const auto& responses = message.batch().responses();
  if (responses.size() > 1 && message.ByteSizeLong() <= kMaxBatchBytes) {
    return stream_.Queue(message);
  }
  for (const v1::WithResponse& response : responses) stream_.Queue(response);
}

}  // namespace anteroom::service
