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
#include "google/protobuf/arena.h"
#include "google/protobuf/repeated_ptr_field.h"
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

// While more replies queue up no further message is read: a client that does
// not read feels it as flow control, then is cut off.
constexpr rpc::Backlog kMaxBacklog{.messages = 2'000,
                                   .bytes = std::size_t{4} << 20};

// More than a scope can have, live and kept and lost.
constexpr int kMaxUnansweredCallIds = 7000;

// So many are handled before the backlog is looked at again.
constexpr int kMaxBatch = 100;

using RequestBatch = google::protobuf::RepeatedPtrField<v1::WithRequest>;

absl::Status CheckBatch(const RequestBatch& requests) {
  if (requests.empty()) {
    return InvalidField("batch.requests", "must not be empty");
  }
  if (requests.size() > kMaxBatch) {
    return InvalidField("batch.requests",
                        absl::StrCat("are more than ", kMaxBatch));
  }
  return absl::OkStatus();
}

// A request's memory, for as long as it is looked at: its parts need no pieces
// of their own.
class RequestArena {
 public:
  v1::WithRequest& New() {
    return *google::protobuf::Arena::CreateMessage<v1::WithRequest>(&arena_);
  }

 private:
  // Has room for a batch of a few requests.
  alignas(8) char block_[1024];
  google::protobuf::Arena arena_{block_, sizeof(block_)};
};

// What a request after the first says. Parts of `request` may be moved out.
absl::StatusOr<Scope::Input> Decode(v1::WithRequest& request) {
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
    case v1::WithRequest::kBatch:
      return InvalidField("batch.requests", "holds a batch");
    case v1::WithRequest::REQUEST_NOT_SET:
      break;
  }
  return InvalidField("request", "none of its fields is set");
}

// The same, where one that is no request ends the scope.
Scope::Input InputOf(v1::WithRequest& request) {
  auto input = Decode(request);
  if (!input.ok()) return Scope::Malformed{input.status()};
  return *std::move(input);
}

// An error of one request of a batch says which that is.
absl::Status OfBatch(absl::Status error, int index) {
  return WithMetadata(std::move(error), "batch_index", absl::StrCat(index));
}

std::vector<Scope::Input> InputsOf(RequestBatch& requests, int from) {
  std::vector<Scope::Input> inputs;
  inputs.reserve(requests.size() - from);
  for (int i = from; i < requests.size(); ++i) {
    auto input = Decode(requests[i]);
    if (!input.ok()) input = Scope::Malformed{OfBatch(input.status(), i)};
    inputs.push_back(*std::move(input));
  }
  return inputs;
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
        responses_(stream),
        deadline_(stream.deadline()),
        finished_(runtime) {}

  // Serves the stream of `call` to its end; then its status.
  static Task<absl::Status> Run(std::shared_ptr<WithCall> call);

  void SendEvent(const lifecycle::Event& event) override;
  void SendEntered(const lifecycle::LeasePtr& lease) override;
  void SendUsed(std::uint64_t call_id,
                absl::StatusOr<lifecycle::Payload>&& result) override;
  void SendExited(const lifecycle::Receipt& receipt) override;
  void Flush() override {
    responses_.QueueBatch();
    stream_.Flush();
  }
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
  absl::StatusOr<std::shared_ptr<ScopeRunner>> BeginBatch(
      RequestBatch& requests);
  // `rest`: what came together with it.
  absl::StatusOr<std::shared_ptr<ScopeRunner>> FindScope(
      const v1::WithRequest& first, std::vector<Scope::Input> rest);
  // Tells the scope one more. False: it was the last.
  ABSL_ATTRIBUTE_NOINLINE bool Feed(rpc::ReadEnd end, grpc::ByteBuffer& bytes);
  void FeedBatch(RequestBatch& requests);
  // Only posts: it runs wherever the stream's stop is requested.
  struct OnBroken {
    std::shared_ptr<WithCall> call;
    void operator()() const;
  };

  const coro::Runtime& runtime_;
  lifecycle::Anteroom& anteroom_;
  WithStream& stream_;
  WithResponses responses_;
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
  if (!call->finished_.is_set()) {  // to wait for it costs a frame
    Task<coro::Wake> finished = call->finished_.Wait();
    co_await std::move(finished);
  }
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
  RequestArena arena;
  v1::WithRequest& request = arena.New();
  if (end == rpc::ReadEnd::kMessage) {
    const absl::Status parsed = WithStream::Parse(bytes, request);
    if (!parsed.ok()) return parsed;
  } else if (stream_.stop_token().stop_requested()) {
    return absl::CancelledError("the stream broke");
  }
  absl::StatusOr<std::shared_ptr<ScopeRunner>> scope =
      request.has_batch()
          ? BeginBatch(*request.mutable_batch()->mutable_requests())
          : FindScope(request, {});
  if (!scope.ok()) return scope.status();
  scope_ = *std::move(scope);
  return absl::OkStatus();
}

absl::StatusOr<std::shared_ptr<ScopeRunner>> WithCall::BeginBatch(
    RequestBatch& requests) {
  absl::Status valid = CheckBatch(requests);
  if (!valid.ok()) return valid;
  responses_.AllowBatches();
  auto scope = FindScope(requests[0], InputsOf(requests, 1));
  if (!scope.ok()) return OfBatch(scope.status(), 0);
  return scope;
}

absl::StatusOr<std::shared_ptr<ScopeRunner>> WithCall::FindScope(
    const v1::WithRequest& first, std::vector<Scope::Input> rest) {
  if (first.has_acquire()) {
    auto acquire = FromProto(first.acquire(), LeaseBinding::kStream);
    if (!acquire.ok()) return acquire.status();
    return anteroom_.scopes().Acquire(*std::move(acquire), shared_from_this(),
                                      std::move(rest));
  }
  if (first.has_resume()) {
    const v1::Resume& resume = first.resume();
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
                                     shared_from_this(), std::move(rest));
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
  RequestArena arena;
  v1::WithRequest& request = arena.New();
  absl::Status parsed = WithStream::Parse(bytes, request);
  if (!parsed.ok()) {
    scope_->Feed(shared_from_this(), Scope::Malformed{std::move(parsed)});
  } else if (request.has_batch()) {
    FeedBatch(*request.mutable_batch()->mutable_requests());
  } else {
    scope_->Feed(shared_from_this(), InputOf(request));
  }
  return true;
}

void WithCall::FeedBatch(RequestBatch& requests) {
  absl::Status valid = CheckBatch(requests);
  if (valid.ok()) {
    responses_.AllowBatches();
    scope_->Feed(shared_from_this(), InputsOf(requests, 0));
  } else {
    scope_->Feed(shared_from_this(), Scope::Malformed{std::move(valid)});
  }
}

void WithCall::SendEvent(const lifecycle::Event& event) {
  responses_.Add([&event](v1::WithResponse& response) {
    ToProto(event, response.mutable_event());
  });
}

void WithCall::SendEntered(const lifecycle::LeasePtr& lease) {
  responses_.Add([&lease](v1::WithResponse& response) {
    ToProto(*lease, LeaseId::kShown,
            response.mutable_entered()->mutable_lease());
  });
}

void WithCall::SendUsed(std::uint64_t call_id,
                        absl::StatusOr<lifecycle::Payload>&& result) {
  responses_.Add([call_id, &result](v1::WithResponse& response) {
    v1::UseReply& used = *response.mutable_used();
    used.set_call_id(call_id);
    if (result.ok()) {
      ToProto(*std::move(result), used.mutable_result());
    } else {
      *used.mutable_error() = rpc::ToProto(result.status());
    }
  });
}

void WithCall::SendExited(const lifecycle::Receipt& receipt) {
  responses_.Add([&receipt](v1::WithResponse& response) {
    ToProto(receipt, response.mutable_exited());
  });
}

void WithCall::Finish(const absl::Status& status) {
  responses_.QueueBatch();
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
