#include "tests/service/scope_client.h"

#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "server/rpc/status.h"
#include "tests/service/service_test.h"

namespace anteroom::service {

ScopeClient::ScopeClient(v1::ResourceService::Stub& stub,
                         absl::Duration deadline) {
  context_.set_deadline(std::chrono::system_clock::now() +
                        absl::ToChronoNanoseconds(deadline));
  stream_ = stub.With(&context_);
}

ScopeClient::~ScopeClient() {
  context_.TryCancel();
  (void)Finish();
}

bool ScopeClient::Send(const v1::WithRequest& request) {
  if (!batch_.has_value()) return stream_->Write(request);
  *batch_->mutable_batch()->add_requests() = request;
  return true;
}

bool ScopeClient::SendBatch() {
  return stream_->Write(*std::exchange(batch_, std::nullopt));
}

void ScopeClient::SendAcquire(const std::string& resource) {
  v1::WithRequest request;
  request.mutable_acquire()->set_resource(resource);
  Send(request);
}

void ScopeClient::SendAcquire(const std::string& resource, absl::Duration grace,
                              const std::string& request_id) {
  v1::WithRequest request;
  request.mutable_acquire()->set_resource(resource);
  request.mutable_acquire()->set_request_id(request_id);
  request.mutable_acquire()->mutable_disconnect_grace()->set_seconds(
      absl::ToInt64Seconds(grace));
  Send(request);
}

void ScopeClient::SendResume(const std::string& lease_id,
                             std::uint64_t after_sequence,
                             const std::vector<std::uint64_t>& unanswered) {
  v1::WithRequest request;
  v1::Resume& resume = *request.mutable_resume();
  resume.set_lease_id(lease_id);
  resume.set_after_sequence(after_sequence);
  resume.mutable_unanswered_call_ids()->Assign(unanswered.begin(),
                                               unanswered.end());
  Send(request);
}

void ScopeClient::SendAck(std::uint64_t call_id) {
  v1::WithRequest request;
  request.mutable_ack()->add_call_ids(call_id);
  Send(request);
}

void ScopeClient::SendUse(std::uint64_t call_id, const std::string& method,
                          const std::string& argument) {
  v1::WithRequest request;
  request.mutable_use()->set_call_id(call_id);
  request.mutable_use()->set_method_name(method);
  request.mutable_use()->mutable_argument()->set_data(argument);
  Send(request);
}

void ScopeClient::SendCancel(std::uint64_t call_id) {
  v1::WithRequest request;
  request.mutable_cancel()->set_call_id(call_id);
  Send(request);
}

void ScopeClient::SendRelease(const v1::ReleaseRequest& release) {
  v1::WithRequest request;
  *request.mutable_release() = release;
  Send(request);
}

bool ScopeClient::ReadResponse() {
  if (unread_.empty()) {
    if (!stream_->Read(&response_)) return false;
    ++messages_;
    if (!response_.has_batch()) return true;
    ++batches_;
    unread_.assign(response_.batch().responses().begin(),
                   response_.batch().responses().end());
    EXPECT_GE(unread_.size(), 2) << "a batch of what could come by itself";
    if (unread_.empty()) return ReadResponse();
  }
  response_ = std::move(unread_.front());
  unread_.pop_front();
  return true;
}

bool ScopeClient::Read() {
  if (!ReadResponse()) return false;
  switch (response_.response_case()) {
    case v1::WithResponse::kEvent:
      received_.push_back(PhaseName(response_.event().phase()));
      last_sequence_ = response_.event().sequence();
      break;
    case v1::WithResponse::kEntered:
      received_.push_back("entered");
      break;
    case v1::WithResponse::kUsed:
      received_.push_back(absl::StrCat("used ", response_.used().call_id()));
      break;
    case v1::WithResponse::kExited:
      received_.push_back("exited");
      break;
    case v1::WithResponse::kBatch:
      ADD_FAILURE() << "a batch in a batch";
      break;
    case v1::WithResponse::RESPONSE_NOT_SET:
      ADD_FAILURE() << "an empty response";
  }
  return true;
}

bool ScopeClient::ReadUntil(v1::WithResponse::ResponseCase wanted) {
  while (Read()) {
    if (response_.response_case() == wanted) return true;
  }
  ADD_FAILURE() << "the stream is over: " << Finish();
  response_.Clear();
  return false;
}

void ScopeClient::AwaitEvent(v1::LifecycleEvent::Phase phase) {
  while (ReadUntil(v1::WithResponse::kEvent) &&
         response_.event().phase() != phase) {
  }
}

v1::Lease ScopeClient::AwaitEntered() {
  ReadUntil(v1::WithResponse::kEntered);
  return response_.entered().lease();
}

v1::UseReply ScopeClient::AwaitUsed() {
  ReadUntil(v1::WithResponse::kUsed);
  return response_.used();
}

v1::Receipt ScopeClient::AwaitExited() {
  ReadUntil(v1::WithResponse::kExited);
  return response_.exited();
}

absl::Status ScopeClient::Finish() {
  if (!status_.has_value()) {
    while (Read()) {
    }
    status_ = rpc::FromGrpcStatus(stream_->Finish());
  }
  return *status_;
}

}  // namespace anteroom::service
