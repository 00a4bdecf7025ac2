#include "server/service/with_call.h"

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <utility>
#include <variant>

#include "absl/status/statusor.h"
#include "server/coro/event.h"
#include "server/coro/mutex.h"
#include "server/coro/task_group.h"
#include "server/error/error.h"
#include "server/lifecycle/scope.h"
#include "server/rpc/status.h"
#include "server/service/convert.h"

namespace anteroom::service {
namespace {

using coro::Task;
using lifecycle::Scope;

// While so many bytes of replies queue up no further request is read: a client
// that does not read feels it as flow control, then is cut off.
constexpr std::size_t kMaxBacklogBytes = std::size_t{4} << 20;

// `sink` receives the lease's events, if the client wants them.
absl::StatusOr<Scope::Input> Decode(
    const v1::WithRequest& request,
    std::shared_ptr<lifecycle::EventSink> sink) {
  switch (request.request_case()) {
    case v1::WithRequest::kAcquire: {
      auto acquire = FromProto(request.acquire(), LeaseBinding::kStream);
      if (!acquire.ok()) return acquire.status();
      if (request.acquire().events() != v1::AcquireRequest::EVENTS_NONE) {
        acquire->options.sink = std::move(sink);
      }
      return Scope::Input(*std::move(acquire));
    }
    case v1::WithRequest::kUse:
      return Scope::Input(Scope::UseRequested{
          request.use().call_id(), request.use().method_name(),
          FromProto(request.use().argument()),
          CheckMethodName("use.method_name", request.use().method_name())});
    case v1::WithRequest::kRelease: {
      auto cause = FromProto(request.release());
      if (!cause.ok()) return cause.status();
      return Scope::Input(Scope::ReleaseRequested{*std::move(cause)});
    }
    case v1::WithRequest::kCancel:
      return Scope::Input(Scope::CancelRequested{request.cancel().call_id()});
    case v1::WithRequest::kResume:
      return Error(Reason::kNotImplemented,
                   "resume: this server does not support resuming a stream "
                   "yet");
    case v1::WithRequest::kAck:
    case v1::WithRequest::REQUEST_NOT_SET:
      break;
  }
  return InvalidField("request", "none of its fields is set");
}

// Everything between one stream and its scope.
//
// Inputs come from many threads: the reader, uses that end, events. They queue
// up in `inputs_`; whoever finds no pump at work becomes the pump, feeds them
// to the scope one by one and performs what it says. So the scope sees one
// input at a time, replies keep their order, and no lock is held meanwhile.
class WithCall : public lifecycle::EventSink,
                 public std::enable_shared_from_this<WithCall> {
 public:
  WithCall(coro::Runtime runtime, lifecycle::Anteroom& anteroom,
           WithStream& stream)
      : runtime_(runtime),
        anteroom_(anteroom),
        stream_(stream),
        group_(runtime),
        finished_(runtime) {}

  // Serves the stream to its end; then its status.
  Task<absl::Status> Run();

  // Under locks of the lifecycle: only stores, and posts.
  void OnEvent(const lifecycle::Event& event) override {
    if (!Enqueue(Scope::Happened{event})) return;
    runtime_.executor.Post([self = shared_from_this()] { self->Pump(); });
  }

 private:
  // True: the caller must see to it that Pump() runs.
  bool Enqueue(Scope::Input input) {
    coro::MutexLock lock(mu_);
    inputs_.push_back(std::move(input));
    return !std::exchange(pumping_, true);
  }
  void Feed(Scope::Input input) {
    if (Enqueue(std::move(input))) Pump();
  }
  void Pump();

  void Perform(Scope::StartAcquire effect);
  void Perform(Scope::StopAcquire) { acquire_stop_.request_stop(); }
  void Perform(Scope::StartUse effect);
  void Perform(const Scope::StopUse& effect);
  void Perform(Scope::EndLease effect);
  void Perform(const Scope::SendEvent& effect);
  void Perform(const Scope::SendEntered& effect);
  void Perform(Scope::SendUsed effect);
  void Perform(const Scope::SendExited& effect);
  void Perform(const Scope::Finish& effect);

  Task<void> ReadRequests();
  Task<void> Acquire(Scope::AcquireRequested request);
  Task<void> Use(Scope::UseRequested request, std::stop_token stop);
  Task<void> AwaitEnd(std::shared_ptr<lifecycle::Lease> lease);

  const coro::Runtime runtime_;
  lifecycle::Anteroom& anteroom_;
  WithStream& stream_;
  coro::TaskGroup group_;
  std::stop_source acquire_stop_;
  std::stop_source reads_stop_;  // once finished
  coro::Event finished_;

  // The pump's alone.
  Scope scope_;
  std::shared_ptr<lifecycle::Lease> lease_;
  std::map<std::uint64_t, std::stop_source> use_stops_;

  coro::Mutex mu_;
  std::deque<Scope::Input> inputs_ ABSL_GUARDED_BY(mu_);
  bool pumping_ ABSL_GUARDED_BY(mu_) = false;
  std::optional<absl::Status> final_status_ ABSL_GUARDED_BY(mu_);
};

Task<absl::Status> WithCall::Run() {
  {
    // Only posts: it runs wherever the stop is requested.
    const std::stop_callback broken(
        stream_.stop_token(), [this, self = shared_from_this()] {
          runtime_.executor.Post([self] { self->Feed(Scope::Broken{}); });
        });
    Task<void> requests = ReadRequests();
    co_await std::move(requests);
    // No more requests: what is under way ends the scope.
    Task<coro::Wake> finished = finished_.Wait();
    co_await std::move(finished);
  }
  Task<void> joined = group_.Join();
  co_await std::move(joined);
  coro::MutexLock lock(mu_);
  co_return *final_status_;
}

Task<void> WithCall::ReadRequests() {
  while (!reads_stop_.stop_requested()) {
    Task<void> room =
        stream_.AwaitBacklog(kMaxBacklogBytes, reads_stop_.get_token());
    co_await std::move(room);
    auto read = stream_.Read(reads_stop_.get_token());
    absl::StatusOr<std::optional<v1::WithRequest>> request =
        co_await std::move(read);
    if (absl::IsCancelled(request.status())) continue;  // the scope is done
    if (!request.ok()) {
      Feed(Scope::Malformed{request.status()});
    } else if (!request->has_value()) {
      Feed(Scope::HalfClosed{});
      co_return;
    } else if (!(*request)->has_ack()) {
      // (Without a disconnect_grace no reply is kept to be acknowledged.)
      absl::StatusOr<Scope::Input> input =
          Decode(**request, shared_from_this());
      Feed(input.ok() ? *std::move(input)
                      : Scope::Input(Scope::Malformed{input.status()}));
    }
  }
}

void WithCall::Pump() {
  while (true) {
    Scope::Input input;
    {
      coro::MutexLock lock(mu_);
      if (inputs_.empty()) {
        pumping_ = false;
        return;
      }
      input = std::move(inputs_.front());
      inputs_.pop_front();
    }
    if (const auto* use = std::get_if<Scope::UseEnded>(&input)) {
      use_stops_.erase(use->call_id);
    }
    for (Scope::Effect& effect : scope_.Handle(std::move(input))) {
      std::visit([this](auto& what) { Perform(std::move(what)); }, effect);
    }
  }
}

void WithCall::Perform(Scope::StartAcquire effect) {
  group_.Spawn(Acquire(std::move(effect.request)));
}

Task<void> WithCall::Acquire(Scope::AcquireRequested request) {
  auto acquire = anteroom_.Acquire(
      std::move(request.resource), std::move(request.options), request.max_wait,
      acquire_stop_.get_token(), stream_.deadline());
  absl::StatusOr<std::shared_ptr<lifecycle::Lease>> lease =
      co_await std::move(acquire);
  Feed(Scope::Acquired{std::move(lease)});
}

void WithCall::Perform(const Scope::SendEntered& effect) {
  lease_ = effect.lease;
  v1::WithResponse response;
  *response.mutable_entered()->mutable_lease() =
      ToProto(*lease_, LeaseId::kShown);
  stream_.Send(response);
  group_.Spawn(AwaitEnd(lease_));
}

Task<void> WithCall::AwaitEnd(std::shared_ptr<lifecycle::Lease> lease) {
  Task<coro::Wake> ended = lease->ended().Wait();
  co_await std::move(ended);
  Feed(Scope::LeaseEnded{lease->receipt()});
}

void WithCall::Perform(Scope::StartUse effect) {
  const std::stop_source stop;
  use_stops_.insert_or_assign(effect.use.call_id, stop);
  group_.Spawn(Use(std::move(effect.use), stop.get_token()));
}

Task<void> WithCall::Use(Scope::UseRequested request, std::stop_token stop) {
  auto use =
      anteroom_.Use(lease_->id(), request.method, request.argument,
                    /*fencing_token=*/0, std::move(stop), stream_.deadline());
  absl::StatusOr<lifecycle::Payload> result = co_await std::move(use);
  Feed(Scope::UseEnded{request.call_id, std::move(result)});
}

void WithCall::Perform(const Scope::StopUse& effect) {
  const auto stop = use_stops_.find(effect.call_id);
  if (stop != use_stops_.end()) stop->second.request_stop();
}

void WithCall::Perform(Scope::EndLease effect) {
  lease_->pool().End(lease_, std::move(effect.cause));
}

void WithCall::Perform(const Scope::SendEvent& effect) {
  v1::WithResponse response;
  *response.mutable_event() = ToProto(effect.event);
  stream_.Send(response);
}

void WithCall::Perform(Scope::SendUsed effect) {
  v1::WithResponse response;
  response.mutable_used()->set_call_id(effect.call_id);
  if (effect.result.ok()) {
    *response.mutable_used()->mutable_result() =
        ToProto(*std::move(effect.result));
  } else {
    *response.mutable_used()->mutable_error() =
        rpc::ToProto(effect.result.status());
  }
  stream_.Send(response);
}

void WithCall::Perform(const Scope::SendExited& effect) {
  v1::WithResponse response;
  *response.mutable_exited() = ToProto(effect.receipt);
  stream_.Send(response);
}

void WithCall::Perform(const Scope::Finish& effect) {
  {
    coro::MutexLock lock(mu_);
    final_status_ = effect.status;
  }
  reads_stop_.request_stop();
  finished_.Set();
}

}  // namespace

Task<absl::Status> RunWith(coro::Runtime runtime, lifecycle::Anteroom& anteroom,
                           WithStream& stream) {
  const auto call = std::make_shared<WithCall>(runtime, anteroom, stream);
  Task<absl::Status> run = call->Run();
  co_return co_await std::move(run);
}

}  // namespace anteroom::service
