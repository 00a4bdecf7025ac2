// One With call: moves messages between its stream and the state machine that
// decides what they mean (lifecycle/scope.h).
#ifndef ANTEROOM_SERVER_SERVICE_WITH_CALL_H_
#define ANTEROOM_SERVER_SERVICE_WITH_CALL_H_

#include "absl/status/status.h"
#include "anteroom/v1/resource_service.pb.h"
#include "server/coro/runtime.h"
#include "server/coro/task.h"
#include "server/lifecycle/anteroom.h"
#include "server/rpc/bidi_stream.h"

namespace anteroom::service {

using WithStream = rpc::BidiStream<v1::WithRequest, v1::WithResponse>;

// Serves one With stream to its end: when it returns, the scope's lease, if
// there was one, has ended, and all that it started is joined.
coro::Task<absl::Status> RunWith(const coro::Runtime& runtime,
                                 lifecycle::Anteroom& anteroom,
                                 WithStream& stream);

}  // namespace anteroom::service

#endif  // ANTEROOM_SERVER_SERVICE_WITH_CALL_H_
