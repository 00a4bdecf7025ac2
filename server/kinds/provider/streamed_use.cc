#include "server/kinds/provider/streamed_use.h"

#include <optional>
#include <utility>

#include "absl/status/statusor.h"
#include "server/kinds/provider/messages.h"

namespace anteroom::kinds {

using coro::Task;
using lifecycle::Payload;
using provider::v1::UseStreamRequest;
using provider::v1::UseStreamResponse;

StreamedUse::StreamedUse(coro::Runtime runtime, ProviderConnection& connection,
                         lifecycle::UseContext& context,
                         lifecycle::UseChannel& channel)
    : connection_(connection),
      channel_(channel),
      stream_(connection.Open("UseStream", context.deadline())),
      stop_(runtime, coro::kNever, {context.stop()}),
      group_(runtime) {}

Task<absl::Status> StreamedUse::Run(UseStreamRequest first) {
  group_.Spawn(PassOn(std::move(first)));
  Task<absl::Status> back = PassBack();
  const absl::Status passed_back = co_await std::move(back);
  stop_.RequestStop();  // the provider hears no more
  Task<void> joined = group_.Join();
  co_await std::move(joined);
  Task<absl::Status> end = stream_.End();
  const absl::Status ended = co_await std::move(end);
  if (!caller_failure_.ok()) co_return caller_failure_;
  if (!passed_back.ok()) co_return passed_back;
  co_return connection_.Explain(ended);
}

Task<void> StreamedUse::PassOn(UseStreamRequest first) {
  UseStreamRequest request = std::move(first);
  while (true) {
    Task<bool> write = stream_.Write(request, stop_.token());
    if (!co_await std::move(write)) co_return;
    auto read = channel_.Read(stop_.token());
    absl::StatusOr<std::optional<Payload>> said = co_await std::move(read);
    if (!said.ok()) {
      if (stop_.token().stop_requested()) co_return;
      caller_failure_ = said.status();
      stop_.RequestStop();
      co_return;
    }
    if (!said->has_value()) break;
    request.Clear();
    *request.mutable_argument() = ToProto(**said);
  }
  stream_.CloseWrites();
}

Task<absl::Status> StreamedUse::PassBack() {
  while (true) {
    auto read = stream_.Read(stop_.token());
    const absl::StatusOr<std::optional<UseStreamResponse>> response =
        co_await std::move(read);
    if (!response.ok()) {
      if (stop_.token().stop_requested()) co_return response.status();
      co_return connection_.Broken("UseStream", "does not parse");
    }
    if (!response->has_value()) co_return absl::OkStatus();
    Task<absl::Status> write =
        channel_.Write(FromProto((*response)->result()), stop_.token());
    const absl::Status written = co_await std::move(write);
    if (!written.ok()) co_return written;
  }
}

}  // namespace anteroom::kinds
