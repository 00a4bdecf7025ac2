// UseStream: a streaming method of a held object, on one stream.
#ifndef ANTEROOM_SERVER_SERVICE_USE_STREAM_H_
#define ANTEROOM_SERVER_SERVICE_USE_STREAM_H_

#include "absl/status/status.h"
#include "anteroom/v1/resource_service.pb.h"
#include "server/coro/task.h"
#include "server/lifecycle/anteroom.h"
#include "server/rpc/bidi_stream.h"

namespace anteroom::service {

using MethodStream =
    rpc::BidiStream<v1::UseStreamRequest, v1::UseStreamResponse>;

// Calls the method that the first request names; then its status. `stream`
// must live until the task has ended.
coro::Task<absl::Status> RunUseStream(lifecycle::Anteroom& anteroom,
                                      MethodStream& stream);

}  // namespace anteroom::service

#endif  // ANTEROOM_SERVER_SERVICE_USE_STREAM_H_
