// StreamedUse: one call of a streaming method, with what each side tells the
// other passed on as it comes.
//
// Thread safety: one coroutine.
#ifndef ANTEROOM_SERVER_KINDS_PROVIDER_STREAMED_USE_H_
#define ANTEROOM_SERVER_KINDS_PROVIDER_STREAMED_USE_H_

#include "absl/status/status.h"
#include "anteroom/provider/v1/provider_service.pb.h"
#include "server/coro/linked_stop.h"
#include "server/coro/runtime.h"
#include "server/coro/task.h"
#include "server/coro/task_group.h"
#include "server/kinds/provider/connection.h"
#include "server/lifecycle/resource.h"
#include "server/rpc/client_stream.h"

namespace anteroom::kinds {

class StreamedUse {
 public:
  // Begins the call. All outlive it.
  StreamedUse(coro::Runtime runtime, ProviderConnection& connection,
              lifecycle::UseContext& context, lifecycle::UseChannel& channel);
  StreamedUse(const StreamedUse&) = delete;
  StreamedUse& operator=(const StreamedUse&) = delete;

  // From `first`, the message that says what is called, to the end. Once.
  coro::Task<absl::Status> Run(provider::v1::UseStreamRequest first);

 private:
  // What the caller says, to the provider.
  coro::Task<void> PassOn(provider::v1::UseStreamRequest first);
  // What the provider says, to the caller.
  coro::Task<absl::Status> PassBack();

  ProviderConnection& connection_;
  lifecycle::UseChannel& channel_;
  rpc::ClientStream<provider::v1::UseStreamRequest,
                    provider::v1::UseStreamResponse>
      stream_;
  coro::LinkedStop stop_;
  coro::TaskGroup group_;
  // What was wrong with what the caller said; before the group is joined,
  // PassOn()'s alone.
  absl::Status caller_failure_;
};

}  // namespace anteroom::kinds

#endif  // ANTEROOM_SERVER_KINDS_PROVIDER_STREAMED_USE_H_
