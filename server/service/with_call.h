// One With call: moves messages between its stream and the state machine that
// decides what they mean (lifecycle/scope.h).
#ifndef ANTEROOM_SERVER_SERVICE_WITH_CALL_H_
#define ANTEROOM_SERVER_SERVICE_WITH_CALL_H_

#include "absl/status/status.h"
#include "server/coro/runtime.h"
#include "server/coro/task.h"
#include "server/lifecycle/anteroom.h"
#include "server/service/with_responses.h"

namespace anteroom::service {

// Serves one With stream to its end: when it returns, the scope's lease, if
// there was one, has ended, and all that it started is joined.
coro::Task<absl::Status> RunWith(const coro::Runtime& runtime,
                                 lifecycle::Anteroom& anteroom,
                                 WithStream& stream);

}  // namespace anteroom::service

#endif  // ANTEROOM_SERVER_SERVICE_WITH_CALL_H_
