// Init and Enter of an object in the user's process, either of which may be
// what awaits it: see object.h.
#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/kinds/provider/messages.h"
#include "server/kinds/provider/object.h"

namespace anteroom::kinds {
namespace {

using coro::Task;
using lifecycle::Payload;
using provider::v1::EnterResponse;

// It goes along with every call.
constexpr std::size_t kMaxHandleBytes = std::size_t{64} << 10;

void Report(const provider::v1::Progress& progress,
            lifecycle::InitContext& context) {
  const double fraction = progress.fraction();
  context.Report(std::isnan(fraction) ? 0 : std::clamp(fraction, 0.0, 1.0),
                 progress.message());
}

}  // namespace

absl::Status ProviderObject::SetHandle(const std::string& handle,
                                       const char* method) {
  if (handle.size() > kMaxHandleBytes) {
    return connection_.Broken(method,
                              absl::StrCat("has a handle of ", handle.size(),
                                           " bytes: 64 KiB is the most"));
  }
  coro::MutexLock lock(mu_);
  if (!handle.empty()) handle_ = handle;
  return absl::OkStatus();
}

Task<absl::Status> ProviderObject::Init(lifecycle::InitContext& context) {
  EnteringPtr entering;
  {
    coro::MutexLock lock(mu_);
    entering = std::move(awaits_init_);
    if (entering != nullptr) entering->init_reads = true;
  }
  Task<absl::Status> init = entering == nullptr
                                ? CallInit(context)
                                : FollowInit(*entering, "Enter", context);
  const absl::Status status = co_await std::move(init);
  if (entering != nullptr && !status.ok()) {
    // Not to be found in the way of the next attempt.
    Task<void> close = entering->Close();
    co_await std::move(close);
  }
  bool left = false;
  {
    coro::MutexLock lock(mu_);
    init_failure_ = std::string(status.message());
    if (entering != nullptr) {
      entering->init_reads = false;
      left = entering->left;
    }
  }
  if (left) {
    Task<void> close = entering->Close();
    co_await std::move(close);
  }
  if (status.ok()) initialized_ = true;
  TellIfLost(status);
  co_return status;
}

Task<absl::Status> ProviderObject::CallInit(lifecycle::InitContext& context) {
  provider::v1::InitRequest request;
  FillObject(*request.mutable_object());
  request.set_idempotency_key(NextKeyOf("init"));
  Initializing call(connection_, context.deadline());
  Task<void> send = call.Send(request, context.stop());
  co_await std::move(send);
  Task<absl::Status> follow = FollowInit(call, "Init", context);
  const absl::Status status = co_await std::move(follow);
  Task<void> close = call.Close();
  co_await std::move(close);
  co_return status;
}

template <typename Call>
Task<absl::Status> ProviderObject::FollowInit(Call& call, const char* method,
                                              lifecycle::InitContext& context) {
  while (true) {
    auto next = call.Next(context.stop());
    const auto update = co_await std::move(next);
    if (!update.ok()) co_return update.status();
    if (!update->has_value()) co_return absl::OkStatus();
    if ((*update)->has_progress()) Report((*update)->progress(), context);
    if (!(*update)->has_initialized()) continue;
    const absl::Status accepted =
        SetHandle((*update)->initialized().handle(), method);
    if (!accepted.ok()) co_return accepted;
    // What else a call of Enter tells is the Enter hook's to hear.
    if constexpr (std::is_same_v<Call, Entering>) co_return absl::OkStatus();
  }
}

Task<absl::StatusOr<Payload>> ProviderObject::Enter(
    lifecycle::EnterContext& context) {
  while (true) {
    auto call = CallEnter(context);
    absl::StatusOr<std::optional<Payload>> value = co_await std::move(call);
    if (!value.ok()) {
      TellIfLost(value.status());
      co_return value.status();
    }
    if (value->has_value()) co_return **std::move(value);
  }
}

Task<absl::StatusOr<std::optional<Payload>>> ProviderObject::CallEnter(
    lifecycle::EnterContext& context) {
  provider::v1::EnterRequest request;
  FillObject(*request.mutable_object());
  FillLease(context.lease(), *request.mutable_lease());
  *request.mutable_argument() = ToProto(context.argument());
  request.set_idempotency_key(NextKeyOf("enter"));
  const bool may_init = hooks_.init && !initialized_;
  const auto entering = std::make_shared<Entering>(
      connection_,
      may_init ? context.deadline_with_init() : context.deadline());
  Task<void> send = entering->Send(request, context.stop());
  co_await std::move(send);
  auto follow = FollowEnter(entering, context);
  absl::StatusOr<std::optional<Payload>> value = co_await std::move(follow);
  bool left = false;
  {
    coro::MutexLock lock(mu_);
    left = entering->left = entering->init_reads;
  }
  if (!left) {
    Task<void> close = entering->Close();
    co_await std::move(close);
  }
  co_return value;
}

Task<absl::StatusOr<std::optional<Payload>>> ProviderObject::FollowEnter(
    EnteringPtr entering, lifecycle::EnterContext& context) {
  Payload value;
  while (true) {
    auto next = entering->Next(context.stop());
    const absl::StatusOr<std::optional<EnterResponse>> update =
        co_await std::move(next);
    if (!update.ok()) co_return update.status();
    if (!update->has_value()) co_return value;
    if ((*update)->has_initializing()) {
      Task<absl::Status> init = AwaitInit(entering, context);
      const absl::Status initialized = co_await std::move(init);
      if (!initialized.ok()) co_return initialized;
      if (entering->failed()) co_return std::nullopt;
    } else if ((*update)->has_initialized()) {
      const absl::Status accepted =
          SetHandle((*update)->initialized().handle(), "Enter");
      if (!accepted.ok()) co_return accepted;
    } else if ((*update)->has_entered()) {
      value = FromProto((*update)->entered().value());
    }
  }
}

Task<absl::Status> ProviderObject::AwaitInit(EnteringPtr entering,
                                             lifecycle::EnterContext& context) {
  {
    coro::MutexLock lock(mu_);
    if (awaits_init_ == nullptr) awaits_init_ = entering;
  }
  Task<absl::Status> init = context.Init();
  const absl::Status initialized = co_await std::move(init);
  coro::MutexLock lock(mu_);
  // Nobody took it: the init was under way by itself.
  if (awaits_init_ == entering) awaits_init_ = nullptr;
  co_return initialized;
}

}  // namespace anteroom::kinds
