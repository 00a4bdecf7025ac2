#include "server/kinds/process/health.h"

#include <functional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "google/protobuf/unknown_field_set.h"
#include "grpcpp/create_channel.h"
#include "grpcpp/generic/generic_stub.h"
#include "grpcpp/security/credentials.h"
#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/channel_arguments.h"
#include "server/rpc/client_call.h"

namespace anteroom::kinds {
namespace {

constexpr char kCheck[] = "/grpc.health.v1.Health/Check";
// HealthCheckResponse.status, and its SERVING.
constexpr int kStatusField = 1;
constexpr int kServing = 1;
// A program that has just begun to listen is not to be waited for.
constexpr int kFirstReconnectMs = 20;
constexpr int kLongestReconnectMs = 200;

bool SaysServing(const grpc::ByteBuffer& response) {
  grpc::Slice bytes;
  if (!response.DumpToSingleSlice(&bytes).ok()) return false;
  google::protobuf::UnknownFieldSet fields;
  if (!fields.ParseFromArray(bytes.begin(), static_cast<int>(bytes.size()))) {
    return false;
  }
  for (int i = 0; i < fields.field_count(); ++i) {
    const google::protobuf::UnknownField& field = fields.field(i);
    if (field.number() == kStatusField &&
        field.type() == google::protobuf::UnknownField::TYPE_VARINT) {
      return field.varint() == kServing;
    }
  }
  return false;
}

}  // namespace

std::shared_ptr<grpc::Channel> ChannelTo(int port) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, kFirstReconnectMs);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, kLongestReconnectMs);
  return grpc::CreateCustomChannel(absl::StrCat("127.0.0.1:", port),
                                   grpc::InsecureChannelCredentials(),
                                   arguments);
}

coro::Task<absl::Status> CheckHealth(coro::Runtime runtime,
                                     std::shared_ptr<grpc::Channel> channel,
                                     std::stop_token stop,
                                     coro::Instant deadline) {
  grpc::GenericStub stub(channel);
  grpc::ClientContext context;
  // A HealthCheckRequest that names no service is empty.
  const grpc::Slice nothing;
  const grpc::ByteBuffer request(&nothing, 1);
  grpc::ByteBuffer response;
  coro::Task<absl::Status> call =
      rpc::CallUnary(runtime, context, std::move(stop), deadline,
                     [&](std::function<void(grpc::Status)> done) {
                       stub.UnaryCall(&context, kCheck, {}, &request, &response,
                                      std::move(done));
                     });
  const absl::Status status = co_await std::move(call);
  if (!status.ok()) co_return status;
  if (SaysServing(response)) co_return absl::OkStatus();
  co_return absl::UnavailableError("it does not say SERVING");
}

}  // namespace anteroom::kinds
