// Asks a program's gRPC health service (grpc.health.v1.Health).
#ifndef ANTEROOM_SERVER_KINDS_PROCESS_HEALTH_H_
#define ANTEROOM_SERVER_KINDS_PROCESS_HEALTH_H_

#include <memory>
#include <stop_token>

#include "absl/status/status.h"
#include "grpcpp/channel.h"
#include "server/coro/clock.h"
#include "server/coro/runtime.h"
#include "server/coro/task.h"

namespace anteroom::kinds {

// A channel to `port` of 127.0.0.1, shared with nothing else.
std::shared_ptr<grpc::Channel> ChannelTo(int port);

// OK: it says SERVING of the server as a whole. `stop` cancels the call;
// `deadline` is not kNever. Resumes on the executor.
coro::Task<absl::Status> CheckHealth(coro::Runtime runtime,
                                     std::shared_ptr<grpc::Channel> channel,
                                     std::stop_token stop,
                                     coro::Instant deadline);

}  // namespace anteroom::kinds

#endif  // ANTEROOM_SERVER_KINDS_PROCESS_HEALTH_H_
