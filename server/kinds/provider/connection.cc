#include "server/kinds/provider/connection.h"

#include <algorithm>

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "grpcpp/create_channel.h"
#include "grpcpp/security/credentials.h"
#include "grpcpp/support/channel_arguments.h"
#include "server/error/error.h"

namespace anteroom::kinds {
namespace {

// No call is without a bound, should everybody else forget one.
constexpr absl::Duration kLongestCall = absl::Hours(24);
// A provider that comes back is found soon.
constexpr int kFirstReconnectMs = 100;
constexpr int kSlowestReconnectMs = 1000;

std::shared_ptr<grpc::Channel> ChannelTo(const std::string& address) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, kFirstReconnectMs);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, kSlowestReconnectMs);
  // An operator's proxy is for the way out, not to what stands beside us.
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  return grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(),
                                   arguments);
}

}  // namespace

ProviderConnection::ProviderConnection(coro::Runtime runtime,
                                       std::string address)
    : runtime_(runtime),
      address_(std::move(address)),
      channel_(ChannelTo(address_)),
      stub_(channel_) {}

bool ProviderConnection::Connect() {
  return channel_->GetState(/*try_to_connect=*/true) == GRPC_CHANNEL_READY;
}

std::shared_ptr<rpc::ClientByteStream> ProviderConnection::Open(
    const char* method, coro::Instant deadline) {
  return rpc::ClientByteStream::Start(runtime_, stub_, PathOf(method),
                                      Bounded(deadline));
}

absl::Status ProviderConnection::Explain(const absl::Status& status) const {
  if (status.ok()) return status;
  const ErrorDetail detail = DetailOf(status);
  absl::Status explained(status.code(), MessageOf(status));
  if (HasReason(status, Reason::kInstanceLost)) {
    explained = Error(Reason::kInstanceLost, status.message());
  } else if (HasReason(status, Reason::kMethodNotFound)) {
    explained = WithReason(std::move(explained), Reason::kMethodNotFound);
  }
  for (const auto& [field, description] : detail.field_violations) {
    explained = WithFieldViolation(std::move(explained), field, description);
  }
  if (detail.retry_delay.has_value()) {
    explained = WithRetryDelay(std::move(explained), *detail.retry_delay);
  }
  for (const auto& [type_url, value] : detail.foreign) {
    explained.SetPayload(type_url, absl::Cord(absl::string_view(value)));
  }
  return explained;
}

absl::Status ProviderConnection::Broken(absl::string_view method,
                                        absl::string_view how) const {
  return absl::InternalError(absl::StrCat("what the provider at ", address_,
                                          " answered to ", method, " ", how));
}

std::string ProviderConnection::MessageOf(const absl::Status& status) const {
  if (absl::IsUnavailable(status)) {
    return absl::StrCat("the provider at ", address_,
                        " is unavailable: ", status.message());
  }
  if (status.message().empty()) {
    return absl::StrCat("the provider at ", address_, " said no more than ",
                        absl::StatusCodeToString(status.code()));
  }
  return std::string(status.message());
}

std::string ProviderConnection::PathOf(const char* method) {
  return absl::StrCat("/anteroom.provider.v1.ProviderService/", method);
}

coro::Instant ProviderConnection::Bounded(coro::Instant deadline) const {
  return std::min(deadline, coro::After(runtime_.clock.Now(), kLongestCall));
}

}  // namespace anteroom::kinds
