#include "server/rpc/forward.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "server/rpc/metadata.h"
#include "server/rpc/status.h"
#include "server/rpc/tsan.h"

namespace anteroom::rpc {
namespace {

// gRPC says it only in its words for debugging.
bool Reached(const grpc::Status& status, const grpc::ClientContext& context) {
  return status.ok() ||
         absl::StrContains(context.debug_error_string(), "from peer");
}

}  // namespace

std::shared_ptr<Forward> Forward::Create(Forwards& forwards,
                                         grpc::CallbackServerContext& context) {
  std::shared_ptr<Forward> forward(new Forward(forwards, context));
  coro::MutexLock lock(forward->mu_);
  forward->self_ = forward;
  return forward;
}

Forward::Forward(Forwards& forwards, grpc::CallbackServerContext& context)
    : forwards_(forwards),
      context_(context),
      call_(forwards.calls.runtime().clock, context) {
  CopyMetadata(
      context.client_metadata(),
      [&client = client()](const std::string& key, const std::string& value) {
        client.context.AddMetadata(key, value);
      });
}

void Forward::Start(Target target) {
  const std::shared_ptr<Forward> self = shared_from_this();
  target_ = std::move(target);
  shape_ = forwards_.shapes.Of(target_.method);
  Client& client = this->client();
  client.stub = std::move(target_.stub);
  client.context.set_deadline(std::min(target_.deadline, context_.deadline()));
  on_stop_.emplace(target_.stop, Cancel{this});
  const bool holds = shape_->one_request.holds();
  {
    coro::MutexLock lock(mu_);
    lingers_ = holds;
    if (holds) requests_.Hold();
    if (shape_->one_response.holds()) responses_.Hold();
  }
  ReadRequest();
  if (holds) forwards_.linger.Add(weak_from_this());
  PushRequests();
}

void Forward::Refuse(const absl::Status& status) {
  TsanRelease(this);
  Finish(ToGrpcStatus(status));
}

void Forward::LingerOver() {
  {
    coro::MutexLock lock(mu_);
    lingers_ = false;
    if (stage_ == Stage::kNone) {
      if (requests_.LetGo()) shape_->one_request.Note(false);
    } else if (headers_arrived_) {
      if (responses_.LetGo()) shape_->one_response.Note(false);
    }
  }
  PushRequests();
  PushResponses();
}

// ---- from the client to the service ----

void Forward::ReadRequest() {
  {
    coro::MutexLock lock(mu_);
    if (!requests_.TakeRead()) return;
  }
  TsanRelease(this);
  StartRead(&incoming_request_);
}

void Forward::OnReadDone(bool ok) {
  TsanAcquire(this);
  {
    coro::MutexLock lock(mu_);
    if (ok) {
      requests_.Arrived(incoming_request_);
    } else {
      requests_.End();
    }
  }
  // No half-close: the client is gone, or its message was too large.
  if (!ok && context_.IsCancelled()) CancelUpstream();
  ReadRequest();
  PushRequests();
}

void Forward::PushRequests() {
  RequestStep step = RequestStep::kNothing;
  {
    coro::MutexLock lock(mu_);
    if (stage_ == Stage::kOpen) {
      step = NextRequestStep();
    } else if (stage_ == Stage::kNone && !requests_.holding()) {
      stage_ = Stage::kStarting;
      step = RequestStep::kLaunch;
    }
  }
  if (step == RequestStep::kLaunch) {
    Launch();
  } else {
    Perform(step);
  }
}

Forward::RequestStep Forward::NextRequestStep() {
  if (requests_.TakeWrite()) {
    if (!requests_.out_is_last()) return RequestStep::kWrite;
    half_closed_ = true;
    return RequestStep::kWriteLast;
  }
  if (requests_.writing() || !requests_.ended()) return RequestStep::kNothing;
  if (!std::exchange(half_closed_, true)) {
    requests_.TakeOther();
    return RequestStep::kWritesDone;
  }
  return std::exchange(requests_held_, false) ? RequestStep::kRelease
                                              : RequestStep::kNothing;
}

void Forward::Perform(RequestStep step) {
  if (step == RequestStep::kNothing) return;
  const grpc::ByteBuffer* message = nullptr;
  {
    coro::MutexLock lock(mu_);
    message = &requests_.out();
  }
  TsanRelease(this);
  switch (step) {
    case RequestStep::kWrite:
      upstream_.StartWrite(message);
      break;
    case RequestStep::kWriteLast:
      upstream_.StartWriteLast(message, grpc::WriteOptions());
      break;
    case RequestStep::kWritesDone:
      upstream_.StartWritesDone();
      break;
    case RequestStep::kRelease:
      upstream_.RemoveHold();
      break;
    case RequestStep::kNothing:
    case RequestStep::kLaunch:
      break;
  }
}

void Forward::Launch() {
  // The call may end as soon as it is started.
  const std::shared_ptr<Forward> self = shared_from_this();
  RequestStep first = RequestStep::kNothing;
  {
    coro::MutexLock lock(mu_);
    first = NextRequestStep();
    responses_.TakeRead();
  }
  // The headers travel with what comes first.
  Client& client = this->client();
  client.context.set_initial_metadata_corked(first != RequestStep::kNothing);
  client.stub->PrepareBidiStreamingCall(&client.context, target_.method,
                                        grpc::StubOptions(), &upstream_);
  upstream_.AddMultipleHolds(2);
  TsanRelease(this);
  upstream_.StartRead(&incoming_response_);
  Perform(first);
  upstream_.StartCall();
  {
    coro::MutexLock lock(mu_);
    stage_ = Stage::kOpen;
  }
  PushRequests();
}

void Forward::EndRequests() {
  requests_.Break();
  requests_.End();
  half_closed_ = true;
}

void Forward::RequestWritten(bool ok) {
  {
    coro::MutexLock lock(mu_);
    requests_.Written();
    if (!ok) EndRequests();  // the status tells why
  }
  ReadRequest();
  PushRequests();
}

void Forward::Upstream::OnWriteDone(bool ok) {
  TsanAcquire(&forward_);
  forward_.RequestWritten(ok);
}

void Forward::Upstream::OnWritesDoneDone(bool ok) {
  TsanAcquire(&forward_);
  forward_.RequestWritten(ok);
}

// ---- from the service to the client ----

void Forward::Upstream::OnReadInitialMetadataDone(bool ok) {
  TsanAcquire(&forward_);
  if (!ok) return;  // there are none, and the status follows
  bool lingers = false;
  {
    coro::MutexLock lock(forward_.mu_);
    forward_.headers_arrived_ = true;
    lingers = forward_.responses_.holding() &&
              !std::exchange(forward_.lingers_, true);
  }
  if (lingers) forward_.forwards_.linger.Add(forward_.weak_from_this());
  forward_.PushResponses();
}

void Forward::ReadResponse() {
  {
    coro::MutexLock lock(mu_);
    if (!responses_.TakeRead()) return;
  }
  TsanRelease(this);
  upstream_.StartRead(&incoming_response_);
}

void Forward::Upstream::OnReadDone(bool ok) {
  TsanAcquire(&forward_);
  {
    coro::MutexLock lock(forward_.mu_);
    if (ok) {
      forward_.headers_arrived_ = true;
      forward_.responses_.Arrived(forward_.incoming_response_);
    } else {
      forward_.responses_.End();
      forward_.EndRequests();
    }
  }
  if (ok) {
    forward_.ReadResponse();
    forward_.PushResponses();
  } else {
    forward_.PushRequests();
    TsanRelease(&forward_);
    RemoveHold();  // OnDone follows
  }
}

void Forward::PushResponses() {
  ResponseStep step = ResponseStep::kNothing;
  const grpc::ByteBuffer* message = nullptr;
  grpc::Status told;
  {
    coro::MutexLock lock(mu_);
    step = NextResponseStep();
    message = &responses_.out();
    if (told_.has_value()) told = *told_;
  }
  if (step == ResponseStep::kNothing) return;
  TsanRelease(this);
  switch (step) {
    case ResponseStep::kHeaders:
      StartSendInitialMetadata();
      break;
    case ResponseStep::kWrite:
      StartWrite(message);
      break;
    case ResponseStep::kWriteAndFinish:
      StartWriteAndFinish(message, grpc::WriteOptions(), told);
      break;
    case ResponseStep::kFinish:
      Finish(told);
      break;
    case ResponseStep::kNothing:
      break;
  }
}

Forward::ResponseStep Forward::NextResponseStep() {
  if (finished_ || responses_.writing()) return ResponseStep::kNothing;
  ResponseStep step = ResponseStep::kNothing;
  if (told_.has_value() && responses_.out_is_last()) {
    finished_ = true;
    step = responses_.has_out() ? ResponseStep::kWriteAndFinish
                                : ResponseStep::kFinish;
  } else if (responses_.TakeWrite()) {
    step = ResponseStep::kWrite;
  } else if (headers_arrived_ && !headers_passed_ && responses_.TakeOther()) {
    step = ResponseStep::kHeaders;
  }
  if (step != ResponseStep::kNothing) PassHeaders();
  return step;
}

void Forward::ResponseWritten(bool ok) {
  {
    coro::MutexLock lock(mu_);
    responses_.Written();
    if (!ok) responses_.Break();
  }
  if (!ok) CancelUpstream();  // the client is gone
  ReadResponse();
  PushResponses();
}

void Forward::OnWriteDone(bool ok) {
  TsanAcquire(this);
  ResponseWritten(ok);
}

void Forward::OnSendInitialMetadataDone(bool ok) {
  TsanAcquire(this);
  ResponseWritten(ok);
}

// ---- the end ----

void Forward::OnCancel() {
  TsanAcquire(this);
  CancelUpstream();
  call_.RequestStop();
}

void Forward::Upstream::OnDone(const grpc::Status& status) {
  TsanAcquire(&forward_);
  forward_.UpstreamDone(status);
}

void Forward::UpstreamDone(const grpc::Status& status) {
  // Once it is told, a write that ends meanwhile finishes the client's call,
  // and nothing else keeps this.
  const std::shared_ptr<Forward> self = shared_from_this();
  on_stop_.reset();
  Client& client = this->client();
  CopyMetadata(client.context.GetServerTrailingMetadata(),
               [this](const std::string& key, const std::string& value) {
                 context_.AddTrailingMetadata(key, value);
               });
  grpc::Status told = target_.ended({status, Reached(status, client.context)});
  std::shared_ptr<Client> done;
  bool bounded = false;
  {
    coro::MutexLock lock(mu_);
    PassHeaders();
    done = std::move(client_);
    // What is written may wait in gRPC, too, for a client that does not read.
    bounded = responses_.writing() || responses_.messages() > 1;
    if (status.ok()) {
      shape_->one_request.Note(requests_.messages() == 1);
      shape_->one_response.Note(responses_.messages() == 1);
    }
  }
  done.reset();
  if (bounded) BoundEnd();
  {
    coro::MutexLock lock(mu_);
    told_ = std::move(told);
  }
  PushResponses();
}

void Forward::PassHeaders() {
  if (std::exchange(headers_passed_, true)) return;
  CopyMetadata(client_->context.GetServerInitialMetadata(),
               [this](const std::string& key, const std::string& value) {
                 context_.AddInitialMetadata(key, value);
               });
}

void Forward::CancelUpstream() {
  std::shared_ptr<Client> client;
  {
    coro::MutexLock lock(mu_);
    client = client_;
  }
  if (client != nullptr) client->context.TryCancel();
}

Forward::Client& Forward::client() {
  coro::MutexLock lock(mu_);
  return *client_;
}

void Forward::BoundEnd() {
  const coro::Runtime& runtime = forwards_.calls.runtime();
  const coro::Timers::Id timer = runtime.timers.Schedule(
      coro::After(runtime.clock.Now(), forwards_.calls.options().write_timeout),
      [weak = weak_from_this()] {
        const std::shared_ptr<Forward> forward = weak.lock();
        if (forward == nullptr) return;
        coro::MutexLock lock(forward->mu_);
        // After OnDone the context is gone.
        if (forward->self_ != nullptr) forward->context_.TryCancel();
      });
  coro::MutexLock lock(mu_);
  end_timer_ = timer;
}

void Forward::OnDone() {
  TsanAcquire(this);
  std::shared_ptr<Forward> self;  // dies last
  coro::Timers::Id timer = coro::Timers::Id::kNone;
  {
    coro::MutexLock lock(mu_);
    self = std::move(self_);
    timer = end_timer_;
  }
  forwards_.calls.runtime().timers.Cancel(timer);
}

}  // namespace anteroom::rpc
