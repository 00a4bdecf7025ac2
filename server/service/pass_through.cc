#include "server/service/pass_through.h"

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/error/error.h"
#include "server/rpc/deadline.h"
#include "server/rpc/forward.h"
#include "server/rpc/status.h"
#include "server/service/convert.h"

namespace anteroom::service {
namespace {

using coro::Task;
using lifecycle::Passage;

constexpr char kLeaseKey[] = "anteroom-lease";
constexpr char kFencingTokenKey[] = "anteroom-fencing-token";
// So much later than by us a call is ended by use_timeout on its way: whose end
// it was is then known.
constexpr absl::Duration kMargin = absl::Milliseconds(100);

// What a call says of itself.
struct Named {
  std::string lease_id;
  std::uint64_t fencing_token = 0;  // 0: not checked
  std::string method;               // "package.Service/Method"
};

// The one value of `key`, empty if there is none. INVALID_REQUEST naming `key`.
absl::StatusOr<std::string> OneValue(const grpc::CallbackServerContext& context,
                                     const char* key) {
  const auto [begin, end] = context.client_metadata().equal_range(key);
  if (begin == end) return std::string();
  if (std::next(begin) != end) return InvalidField(key, "is said twice");
  if (begin->second.empty()) return InvalidField(key, "must not be empty");
  return std::string(begin->second.data(), begin->second.size());
}

absl::StatusOr<Named> Read(const grpc::GenericCallbackServerContext& context) {
  Named named;
  named.method = context.method().substr(1);  // it begins with '/'
  const absl::Status method = CheckMethodName("method", named.method);
  if (!method.ok()) return method;
  if (absl::StartsWith(named.method, "anteroom.")) {
    return Error(Reason::kMethodNotFound,
                 absl::StrCat("this server has no method ", named.method));
  }
  absl::StatusOr<std::string> lease = OneValue(context, kLeaseKey);
  if (!lease.ok()) return lease.status();
  if (lease->empty()) {
    return Error(
        Reason::kMethodNotFound,
        absl::StrCat("this server has no method ", named.method,
                     "; to call it on a held object, name the lease in the "
                     "metadata ",
                     kLeaseKey));
  }
  named.lease_id = *std::move(lease);
  const absl::StatusOr<std::string> token = OneValue(context, kFencingTokenKey);
  if (!token.ok()) return token.status();
  if (!token->empty() && !absl::SimpleAtoi(*token, &named.fencing_token)) {
    return InvalidField(kFencingTokenKey, "must be a decimal number");
  }
  return named;
}

// What the caller is told of a call that ended so.
grpc::Status Explain(const Passage& passage, rpc::Forward::End end) {
  const grpc::StatusCode code = end.status.error_code();
  const bool may_be_ours = code == grpc::StatusCode::CANCELLED ||
                           code == grpc::StatusCode::DEADLINE_EXCEEDED ||
                           code == grpc::StatusCode::UNAVAILABLE;
  const absl::Status stopped = passage.StopReason();
  if (may_be_ours && !stopped.ok()) return rpc::ToGrpcStatus(stopped);
  if (end.reached || code != grpc::StatusCode::UNAVAILABLE) {
    return std::move(end.status);
  }
  return rpc::ToGrpcStatus(
      WithReason(absl::UnavailableError(absl::StrCat(
                     "the object's endpoint ", passage.endpoint(),
                     " cannot be reached: ", end.status.error_message())),
                 Reason::kUseFailed));
}

// Until the call is forwarded, or refused.
Task<void> Begin(lifecycle::Anteroom& anteroom, rpc::Endpoints& endpoints,
                 coro::Runtime runtime, std::shared_ptr<rpc::Forward> forward,
                 Named named) {
  Task<absl::StatusOr<std::unique_ptr<Passage>>> pass =
      anteroom.Pass(named.lease_id, named.method, named.fencing_token,
                    forward->call().stop_token(), forward->call().deadline());
  absl::StatusOr<std::unique_ptr<Passage>> passed = co_await std::move(pass);
  if (!passed.ok()) {
    forward->Refuse(passed.status());
    co_return;
  }
  const Passage& passage = **passed;
  rpc::Forward::Target target;
  target.stub =
      endpoints.Get(passage.endpoint(), passage.instance_id(), passage.gone());
  target.method = absl::StrCat("/", named.method);
  target.deadline = rpc::ToSystemTime(runtime.clock,
                                      coro::After(passage.deadline(), kMargin));
  target.stop = passage.stop();
  target.ended = [passage = *std::move(passed)](rpc::Forward::End end) {
    grpc::Status told = Explain(*passage, std::move(end));
    passage->End();
    return told;
  };
  forward->Start(std::move(target));
}

}  // namespace

grpc::ServerGenericBidiReactor* PassThrough::CreateReactor(
    grpc::GenericCallbackServerContext* context) {
  const std::shared_ptr<rpc::Forward> forward =
      rpc::Forward::Create(forwards_, *context);
  absl::StatusOr<Named> named = Read(*context);
  if (!named.ok()) {
    forward->Refuse(named.status());
  } else if (!calls_.group().Spawn(Begin(anteroom_, endpoints_,
                                         calls_.runtime(), forward,
                                         *std::move(named)))) {
    forward->Refuse(rpc::ShuttingDown());
  }
  return forward.get();
}

}  // namespace anteroom::service
