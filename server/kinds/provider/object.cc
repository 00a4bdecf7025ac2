// The hooks but Init and Enter, which are in initialize.cc.
#include "server/kinds/provider/object.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "server/coro/sleep.h"
#include "server/error/error.h"
#include "server/kinds/provider/messages.h"
#include "server/kinds/provider/streamed_use.h"
#include "server/lifecycle/backoff.h"
#include "server/rpc/status.h"

namespace anteroom::kinds {
namespace {

using coro::Task;
using lifecycle::Payload;
using lifecycle::PayloadView;

// Between calls of an Exit or a Close that did not reach the provider.
constexpr absl::Duration kFirstPause = absl::Milliseconds(100);
constexpr absl::Duration kLongestPause = absl::Seconds(1);
// For the Close of what may not even have been made.
constexpr absl::Duration kUndoBound = absl::Seconds(5);

void SetAttempt(int attempt, provider::v1::ExitRequest& request) {
  request.set_attempt(attempt);
}
void SetAttempt(int, provider::v1::CloseRequest&) {}

// Whether a call that ended so may have had its effect.
bool MayHaveHappened(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kCancelled:
    case absl::StatusCode::kDeadlineExceeded:
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kInternal:           // what it answered was wrong
    case absl::StatusCode::kResourceExhausted:  // or too large
      return true;
    default:
      return false;
  }
}

// A provider says it in whatever words it has.
absl::Status AsMethodError(absl::Status status) {
  if (!absl::IsUnimplemented(status)) return status;
  return WithReason(std::move(status), Reason::kMethodNotFound);
}

}  // namespace

ProviderObject::ProviderObject(Provider& provider,
                               const lifecycle::InstanceInfo& info,
                               std::string id, lifecycle::Hooks hooks,
                               lifecycle::InstanceContext& instance)
    : provider_(provider),
      connection_(provider.connection()),
      info_(info),
      id_(std::move(id)),
      hooks_(hooks),
      instance_(instance) {}

ProviderObject::~ProviderObject() {
  if (watched_ != 0) provider_.watch().Remove(watched_);
}

void ProviderObject::FillObject(provider::v1::ObjectRef& object) const {
  object.set_kind(provider_.parameters().kind);
  object.set_resource(info_.resource);
  object.set_instance_id(id_);
  coro::MutexLock lock(mu_);
  object.set_handle(handle_);
}

Task<absl::Status> ProviderObject::Construct(
    lifecycle::ConstructContext& context) {
  provider::v1::ConstructRequest request;
  FillObject(*request.mutable_object());
  request.set_key(info_.key);
  *request.mutable_parameters() = provider_.parameters().parameters;
  request.set_idempotency_key(KeyOf("construct"));
  auto call = connection_.Call<provider::v1::ConstructResponse>(
      "Construct", std::move(request), {context.stop(), context.deadline()});
  const absl::StatusOr<provider::v1::ConstructResponse> response =
      co_await std::move(call);
  if (!response.ok()) co_return response.status();
  const absl::Status accepted = SetHandle(response->handle(), "Construct");
  if (!accepted.ok()) co_return accepted;
  watched_ = provider_.watch().Add(instance_);
  co_return absl::OkStatus();
}

Task<void> ProviderObject::UndoConstruct(const absl::Status& status) {
  if (!hooks_.close || !MayHaveHappened(status)) co_return;
  provider::v1::CloseRequest request;
  FillObject(*request.mutable_object());
  request.set_reason("its constructor failed");
  request.set_idempotency_key(KeyOf("close"));
  auto call = connection_.Call<provider::v1::CloseResponse>(
      "Close", std::move(request),
      {{}, coro::After(provider_.runtime().clock.Now(), kUndoBound)});
  (void)co_await std::move(call);  // there may be nothing to be closed
}

Task<absl::StatusOr<Payload>> ProviderObject::Use(
    lifecycle::UseContext& context, absl::string_view method,
    PayloadView argument) {
  provider::v1::UseRequest request;
  FillObject(*request.mutable_object());
  FillLease(context.lease(), *request.mutable_lease());
  request.set_method_name(std::string(method));
  *request.mutable_argument() = ToProto(argument);
  request.set_idempotency_key(NextKeyOf("use"));
  auto call = Call<provider::v1::UseResponse>(
      "Use", std::move(request), {context.stop(), context.deadline()});
  const absl::StatusOr<provider::v1::UseResponse> response =
      co_await std::move(call);
  if (!response.ok()) co_return AsMethodError(response.status());
  co_return FromProto(response->result());
}

Task<absl::Status> ProviderObject::UseStream(lifecycle::UseContext& context,
                                             absl::string_view method,
                                             PayloadView argument,
                                             lifecycle::UseChannel& channel) {
  provider::v1::UseStreamRequest first;
  FillObject(*first.mutable_object());
  FillLease(context.lease(), *first.mutable_lease());
  first.set_method_name(std::string(method));
  *first.mutable_argument() = ToProto(argument);
  first.set_idempotency_key(NextKeyOf("use"));
  StreamedUse use(provider_.runtime(), connection_, context, channel);
  Task<absl::Status> run = use.Run(std::move(first));
  const absl::Status status = co_await std::move(run);
  TellIfLost(status);
  co_return status.ok() ? status : AsMethodError(status);
}

Task<absl::StatusOr<lifecycle::ExitResult>> ProviderObject::Exit(
    lifecycle::ExitContext& context) {
  provider::v1::ExitRequest request;
  FillObject(*request.mutable_object());
  FillLease(context.lease(), *request.mutable_lease());
  request.set_reason(ToProto(context.cause().reason));
  if (!context.cause().error.ok()) {
    *request.mutable_error() = rpc::ToProto(context.cause().error);
  }
  request.set_idempotency_key(
      KeyOf(absl::StrCat("exit/", context.lease().name)));
  auto call = CallUntilReached<provider::v1::ExitResponse>(
      "Exit", std::move(request), context);
  const absl::StatusOr<provider::v1::ExitResponse> response =
      co_await std::move(call);
  if (!response.ok()) co_return response.status();
  lifecycle::ExitResult result;
  result.suppress = response->suppress();
  result.tainted = response->tainted();
  co_return result;
}

Task<absl::Status> ProviderObject::Close(lifecycle::CloseContext& context) {
  provider::v1::CloseRequest request;
  FillObject(*request.mutable_object());
  request.set_reason(CloseReason());
  request.set_idempotency_key(KeyOf("close"));
  auto call = CallUntilReached<provider::v1::CloseResponse>(
      "Close", std::move(request), context);
  const absl::StatusOr<provider::v1::CloseResponse> response =
      co_await std::move(call);
  co_return response.status();
}

Task<absl::Status> ProviderObject::Check(lifecycle::CheckContext& context) {
  provider::v1::CheckRequest request;
  FillObject(*request.mutable_object());
  request.set_idempotency_key(NextKeyOf("check"));
  auto call = Call<provider::v1::CheckResponse>(
      "Check", std::move(request), {context.stop(), context.deadline()});
  const absl::StatusOr<provider::v1::CheckResponse> response =
      co_await std::move(call);
  co_return response.status();
}

absl::StatusOr<std::string> ProviderObject::Endpoint(
    const Payload& value) const {
  if (!provider_.parameters().proxy) return Object::Endpoint(value);
  const auto json = nlohmann::json::parse(value.data, nullptr,
                                          /*allow_exceptions=*/false);
  if (json.is_object()) {
    const auto endpoint = json.find("endpoint");
    if (endpoint != json.end() && endpoint->is_string()) {
      return endpoint->get<std::string>();
    }
  }
  return connection_.address();
}

template <typename Response, typename Request>
Task<absl::StatusOr<Response>> ProviderObject::Call(const char* method,
                                                    Request request,
                                                    rpc::CallOptions options) {
  auto call = connection_.Call<Response>(method, std::move(request),
                                         std::move(options));
  absl::StatusOr<Response> response = co_await std::move(call);
  TellIfLost(response.status());
  co_return response;
}

template <typename Response, typename Request>
Task<absl::StatusOr<Response>> ProviderObject::CallUntilReached(
    const char* method, Request request, lifecycle::HookContext& context) {
  const coro::Runtime& runtime = provider_.runtime();
  for (int attempt = 1;; ++attempt) {
    SetAttempt(attempt, request);
    auto call =
        Call<Response>(method, request, {context.stop(), context.deadline()});
    absl::StatusOr<Response> response = co_await std::move(call);
    if (!absl::IsUnavailable(response.status()) ||
        HasReason(response.status(), Reason::kInstanceLost)) {
      co_return response;
    }
    const coro::Instant next =
        coro::After(runtime.clock.Now(),
                    lifecycle::BackoffAfter(attempt, kFirstPause, kLongestPause,
                                            runtime.random));
    if (next >= context.deadline()) co_return response;
    Task<coro::Wake> pause = coro::SleepUntil(runtime, next, context.stop());
    if (co_await std::move(pause) != coro::Wake::kTimedOut) co_return response;
  }
}

void ProviderObject::TellIfLost(const absl::Status& status) const {
  if (HasReason(status, Reason::kInstanceLost)) instance_.Lost(status);
}

std::string ProviderObject::KeyOf(absl::string_view call) const {
  return absl::StrCat(id_, "/", call);
}

std::string ProviderObject::NextKeyOf(absl::string_view call) {
  return absl::StrCat(id_, "/", call, "/", last_call_.fetch_add(1) + 1);
}

std::string ProviderObject::CloseReason() const {
  coro::MutexLock lock(mu_);
  if (init_failure_.empty()) return "no longer needed";
  return absl::StrCat("its init failed: ", init_failure_);
}

}  // namespace anteroom::kinds
