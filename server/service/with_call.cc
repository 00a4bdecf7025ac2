#include "server/service/with_call.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <utility>
#include <vector>

#include "absl/base/attributes.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "grpcpp/support/byte_buffer.h"
#include "server/coro/event.h"
#include "server/error/error.h"
#include "server/lifecycle/scope.h"
#include "server/lifecycle/scope_runner.h"
#include "server/lifecycle/scopes.h"
#include "server/rpc/incoming.h"
#include "server/rpc/status.h"
#include "server/service/convert.h"

namespace anteroom::service {
namespace {

using coro::Task;
using lifecycle::Scope;
using lifecycle::ScopeRunner;

// While more replies queue up no further request is read: a client that does
// not read feels it as flow control, then is cut off.
constexpr rpc::Backlog kMaxBacklog{.messages = 2'000,
                                   .bytes = std::size_t{4} << 20};

// More than a scope can have, live and kept and lost.
constexpr int kMaxUnansweredCallIds = 7000;

// What a request after the first says.
absl::StatusOr<Scope::Input> Decode(v1::WithRequest&& request) {
  switch (request.request_case()) {
    case v1::WithRequest::kUse: {
      v1::UseCall& call = *request.mutable_use();
      auto use = std::make_unique<Scope::Use>();
      use->call_id = call.call_id();
      use->invalid = CheckMethodName("use.method_name", call.method_name());
      use->method = std::move(*call.mutable_method_name());
      use->argument = FromProto(std::move(*call.mutable_argument()));
      return Scope::Input(std::move(use));
    }
    case v1::WithRequest::kRelease: {
      auto cause = FromProto(request.release());
      if (!cause.ok()) return cause.status();
      return Scope::Input(Scope::ReleaseRequested{*std::move(cause)});
    }
    case v1::WithRequest::kCancel:
      return Scope::Input(Scope::CancelRequested{request.cancel().call_id()});
    case v1::WithRequest::kAck:
      return Scope::Input(Scope::Acknowledged{
          {request.ack().call_ids().begin(), request.ack().call_ids().end()}});
    case v1::WithRequest::kAcquire:
      return InvalidField("acquire", "comes once, as the first request");
    case v1::WithRequest::kResume:
      return InvalidField("resume", "comes once, as the first request");
    case v1::WithRequest::REQUEST_NOT_SET:
      break;
  }
  return InvalidField("request", "none of its fields is set");
}

// The stream of a scope, for as long as the scope has it.
class WithCall : public lifecycle::ScopeStream,
                 public std::enable_shared_from_this<WithCall> {
 public:
  // All outlive the call, but for the stream, which is there until Run() ends.
  WithCall(const coro::Runtime& runtime, lifecycle::Anteroom& anteroom,
           WithStream& stream)
      : runtime_(runtime),
        anteroom_(anteroom),
        stream_(stream),
        deadline_(stream.deadline()),
        finished_(runtime) {}

  // Serves the stream of `call` to its end; then its status.
  static Task<absl::Status> Run(std::shared_ptr<WithCall> call);

  void SendEvent(const lifecycle::Event& event) override;
  void SendEntered(const lifecycle::LeasePtr& lease) override;
  void SendUsed(std::uint64_t call_id,
                absl::StatusOr<lifecycle::Payload>&& result) override;
  void SendExited(const lifecycle::Receipt& receipt) override;
  void Flush() override { stream_.Flush(); }
  void Finish(const absl::Status& status) override;
  coro::Instant deadline() const override { return deadline_; }

 private:
  // Of what was read, and how that ended. Not in Run(): what they need while
  // they run would be part of its frame, for as long as the stream is open;
  // inlined, too.
  //
  // Finds the scope that the first request asks for.
  ABSL_ATTRIBUTE_NOINLINE absl::Status Begin(rpc::ReadEnd end,
                                             grpc::ByteBuffer& bytes);
  absl::StatusOr<std::shared_ptr<ScopeRunner>> FindScope(
      const v1::WithRequest& request);
  // Tells the scope one more. False: it was the last.
  ABSL_ATTRIBUTE_NOINLINE bool Feed(rpc::ReadEnd end, grpc::ByteBuffer& bytes);
  // Only posts: it runs wherever the stream's stop is requested.
  struct OnBroken {
    std::shared_ptr<WithCall> call;
    void operator()() const;
  };

  const coro::Runtime& runtime_;
  lifecycle::Anteroom& anteroom_;
  WithStream& stream_;
  const coro::Instant deadline_;
  std::shared_ptr<ScopeRunner> scope_;  // once the first request has come
  std::stop_source reads_stop_;         // once finished
  absl::Status status_;                 // written before `finished_` is set
  coro::Event finished_;
};

Task<absl::Status> WithCall::Run(std::shared_ptr<WithCall> call) {
  WithStream& stream = call->stream_;
  const std::stop_token reads_stop = call->reads_stop_.get_token();
  std::optional<std::stop_callback<OnBroken>> broken;
  grpc::ByteBuffer bytes;
  bool more = true;
  while (more && !reads_stop.stop_requested()) {
    if (stream.Exceeds(kMaxBacklog)) {
      Task<void> room = stream.AwaitBacklog(kMaxBacklog, reads_stop);
      co_await std::move(room);
    }
    const rpc::ReadEnd end = co_await stream.ReadBytes(reads_stop, bytes);
    if (call->scope_ != nullptr) {
      more = call->Feed(end, bytes);
    } else {
      absl::Status begun = call->Begin(end, bytes);
      if (!begun.ok()) co_return begun;
      broken.emplace(stream.stop_token(), OnBroken{call});
    }
  }
  // No more requests: what is under way ends the stream.
  Task<coro::Wake> finished = call->finished_.Wait();
  co_await std::move(finished);
  broken.reset();
  co_return call->status_;
}

void WithCall::OnBroken::operator()() const {
  call->runtime_.executor.Post([call = call] {
    call->scope_->Feed(call, Scope::Broken{coro::Between(
                                 call->runtime_.clock.Now(), call->deadline_)});
  });
}

absl::Status WithCall::Begin(rpc::ReadEnd end, grpc::ByteBuffer& bytes) {
  absl::StatusOr<v1::WithRequest> request = v1::WithRequest();
  if (end == rpc::ReadEnd::kMessage) {
    request = WithStream::Parse(bytes);
    if (!request.ok()) return request.status();
  } else if (stream_.stop_token().stop_requested()) {
    return absl::CancelledError("the stream broke");
  }
  absl::StatusOr<std::shared_ptr<ScopeRunner>> scope = FindScope(*request);
  if (!scope.ok()) return scope.status();
  scope_ = *std::move(scope);
  return absl::OkStatus();
}

absl::StatusOr<std::shared_ptr<ScopeRunner>> WithCall::FindScope(
    const v1::WithRequest& request) {
  if (request.has_acquire()) {
    auto acquire = FromProto(request.acquire(), LeaseBinding::kStream);
    if (!acquire.ok()) return acquire.status();
    return anteroom_.scopes().Acquire(*std::move(acquire), shared_from_this());
  }
  if (request.has_resume()) {
    const v1::Resume& resume = request.resume();
    if (resume.lease_id().empty()) {
      return InvalidField("resume.lease_id", "must not be empty");
    }
    if (resume.unanswered_call_ids_size() > kMaxUnansweredCallIds) {
      return InvalidField(
          "resume.unanswered_call_ids",
          absl::StrCat("are more than ", kMaxUnansweredCallIds));
    }
    Scope::Resumed resumed;
    resumed.after_sequence = resume.after_sequence();
    resumed.unanswered.assign(resume.unanswered_call_ids().begin(),
                              resume.unanswered_call_ids().end());
    return anteroom_.scopes().Resume(resume.lease_id(), std::move(resumed),
                                     shared_from_this());
  }
  return InvalidField("request",
                      "the first request of a With stream must be an acquire "
                      "or a resume");
}

bool WithCall::Feed(rpc::ReadEnd end, grpc::ByteBuffer& bytes) {
  if (end == rpc::ReadEnd::kStopped) return false;  // finished
  if (end == rpc::ReadEnd::kOver) {
    // A broken stream ends here, too, and is said to be broken before.
    if (!stream_.stop_token().stop_requested()) {
      scope_->Feed(shared_from_this(), Scope::HalfClosed{});
    }
    return false;
  }
  absl::StatusOr<v1::WithRequest> request = WithStream::Parse(bytes);
  absl::StatusOr<Scope::Input> input =
      request.ok() ? Decode(*std::move(request)) : request.status();
  scope_->Feed(shared_from_this(),
               input.ok() ? *std::move(input)
                          : Scope::Input(Scope::Malformed{input.status()}));
  return true;
}

void WithCall::SendEvent(const lifecycle::Event& event) {
  v1::WithResponse response;
  *response.mutable_event() = ToProto(event);
  stream_.Queue(response);
}

void WithCall::SendEntered(const lifecycle::LeasePtr& lease) {
  v1::WithResponse response;
  *response.mutable_entered()->mutable_lease() =
      ToProto(*lease, LeaseId::kShown);
  stream_.Queue(response);
}

void WithCall::SendUsed(std::uint64_t call_id,
                        absl::StatusOr<lifecycle::Payload>&& result) {
  v1::WithResponse response;
  response.mutable_used()->set_call_id(call_id);
  if (result.ok()) {
    ToProto(*std::move(result), response.mutable_used()->mutable_result());
  } else {
    *response.mutable_used()->mutable_error() = rpc::ToProto(result.status());
  }
  stream_.Queue(response);
}

void WithCall::SendExited(const lifecycle::Receipt& receipt) {
  v1::WithResponse response;
  *response.mutable_exited() = ToProto(receipt);
  stream_.Queue(response);
}

void WithCall::Finish(const absl::Status& status) {
  status_ = status;
  reads_stop_.request_stop();
  finished_.Set();
}

}  // namespace

Task<absl::Status> RunWith(const coro::Runtime& runtime,
                           lifecycle::Anteroom& anteroom, WithStream& stream) {
  return WithCall::Run(std::make_shared<WithCall>(runtime, anteroom, stream));
}

}  // namespace anteroom::service
