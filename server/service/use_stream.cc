#include "server/service/use_stream.h"

#include <cstddef>
#include <optional>
#include <stop_token>
#include <utility>

#include "absl/status/statusor.h"
#include "server/error/error.h"
#include "server/service/convert.h"

namespace anteroom::service {
namespace {

using coro::Task;

// A method waits while more of its results queues up for a caller that reads
// too slowly.
constexpr rpc::Backlog kMaxBacklog{.messages = 256,
                                   .bytes = std::size_t{1} << 20};

absl::Status CallerGone() {
  return absl::CancelledError("the call was stopped, or its caller is gone");
}

class StreamChannel : public lifecycle::UseChannel {
 public:
  explicit StreamChannel(MethodStream& stream) : stream_(stream) {}

  Task<absl::StatusOr<std::optional<lifecycle::Payload>>> Read(
      std::stop_token stop) override {
    auto read = stream_.Read(std::move(stop));
    const absl::StatusOr<std::optional<v1::UseStreamRequest>> request =
        co_await std::move(read);
    if (!request.ok()) co_return request.status();
    if (!request->has_value()) {
      if (stream_.stop_token().stop_requested()) co_return CallerGone();
      co_return std::nullopt;
    }
    const v1::UseStreamRequest& next = **request;
    if (!next.lease_id().empty() || !next.method_name().empty() ||
        next.fencing_token() != 0) {
      co_return InvalidField(!next.lease_id().empty()      ? "lease_id"
                             : !next.method_name().empty() ? "method_name"
                                                           : "fencing_token",
                             "is said in the first message only");
    }
    co_return FromProto(next.argument());
  }

  Task<absl::Status> Write(lifecycle::Payload message,
                           std::stop_token stop) override {
    Task<void> room = stream_.AwaitBacklog(kMaxBacklog, stop);
    co_await std::move(room);
    if (stop.stop_requested() || stream_.stop_token().stop_requested()) {
      co_return CallerGone();
    }
    v1::UseStreamResponse response;
    ToProto(std::move(message), response.mutable_result());
    stream_.Send(response);
    co_return absl::OkStatus();
  }

 private:
  MethodStream& stream_;
};

}  // namespace

Task<absl::Status> RunUseStream(lifecycle::Anteroom& anteroom,
                                MethodStream& stream) {
  auto read = stream.Read(stream.stop_token());
  const absl::StatusOr<std::optional<v1::UseStreamRequest>> first =
      co_await std::move(read);
  if (!first.ok()) co_return first.status();
  if (!first->has_value() || (*first)->lease_id().empty()) {
    co_return InvalidField("lease_id",
                           "must not be empty in the first message");
  }
  const v1::UseStreamRequest& request = **first;
  const absl::Status named =
      CheckMethodName("method_name", request.method_name());
  if (!named.ok()) co_return named;
  StreamChannel channel(stream);
  Task<absl::Status> use = anteroom.UseStream(
      request.lease_id(), request.method_name(), ViewOf(request.argument()),
      channel, request.fencing_token(), stream.stop_token(), stream.deadline());
  co_return co_await std::move(use);
}

}  // namespace anteroom::service
