// ScopeClient: a With stream, seen from a client.
#ifndef ANTEROOM_TESTS_SERVICE_SCOPE_CLIENT_H_
#define ANTEROOM_TESTS_SERVICE_SCOPE_CLIENT_H_

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "anteroom/v1/resource_service.grpc.pb.h"
#include "grpcpp/client_context.h"

namespace anteroom::service {

// Blocks in every method. Not thread-safe.
class ScopeClient {
 public:
  explicit ScopeClient(v1::ResourceService::Stub& stub,
                       absl::Duration deadline = absl::Seconds(30));
  // Ends the stream as a client that is gone does.
  ~ScopeClient();

  // False: the stream is over.
  bool Send(const v1::WithRequest& request);
  // What is sent between the two goes in one message.
  void BeginBatch() { batch_.emplace(); }
  bool SendBatch();
  void SendAcquire(const std::string& resource);
  // With a grace, and the request id that makes it resumable before `entered`.
  void SendAcquire(const std::string& resource, absl::Duration grace,
                   const std::string& request_id = "");
  void SendResume(const std::string& lease_id, std::uint64_t after_sequence,
                  const std::vector<std::uint64_t>& unanswered);
  void SendAck(std::uint64_t call_id);
  void SendUse(std::uint64_t call_id, const std::string& method,
               const std::string& argument = "");
  void SendCancel(std::uint64_t call_id);
  void SendRelease(const v1::ReleaseRequest& release = {});
  void HalfClose() { stream_->WritesDone(); }
  void Cancel() { context_.TryCancel(); }

  // Reads on until an event of this phase. Fails the test if the stream ends
  // first.
  void AwaitEvent(v1::LifecycleEvent::Phase phase);
  // The lease, once entered. Fails the test if the stream ends first.
  v1::Lease AwaitEntered();
  // The reply to `call_id`, which must be the next reply.
  v1::UseReply AwaitUsed();
  v1::Receipt AwaitExited();
  // Reads to the end; the stream's status. Idempotent.
  absl::Status Finish();

  // The sequence of the last event; 0: there was none.
  std::uint64_t last_sequence() const { return last_sequence_; }
  // What was received, as words: phases ("READY"), "used 1", "entered",
  // "exited".
  const std::vector<std::string>& received() const { return received_; }
  // In how many messages, of which so many were batches.
  int messages() const { return messages_; }
  int batches() const { return batches_; }

 private:
  // Reads on until a response of `wanted` comes. False: the stream is over.
  bool ReadUntil(v1::WithResponse::ResponseCase wanted);
  bool Read();
  // The next response, by itself or out of a batch, is `response_`.
  bool ReadResponse();

  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReaderWriter<v1::WithRequest, v1::WithResponse>>
      stream_;
  std::optional<v1::WithRequest> batch_;  // that is not sent yet
  v1::WithResponse response_;
  std::deque<v1::WithResponse> unread_;  // of the last batch
  int messages_ = 0;
  int batches_ = 0;
  std::vector<std::string> received_;
  std::uint64_t last_sequence_ = 0;
  std::optional<absl::Status> status_;  // once finished
};

}  // namespace anteroom::service

#endif  // ANTEROOM_TESTS_SERVICE_SCOPE_CLIENT_H_
