// Calls: the calls that a server is answering, and what each of them sees.
//
// Life: handlers hand each call to it; Join() refuses new ones (DRAINING) and
// waits for those under way. grpc::Server::Shutdown(deadline) cancels what is
// still open at its deadline, so that Join() ends.
//
// Thread safety: Calls, all methods from any thread. CallContext, one call's.
#ifndef ANTEROOM_SERVER_RPC_CALLS_H_
#define ANTEROOM_SERVER_RPC_CALLS_H_

#include <stop_token>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "grpcpp/server_context.h"
#include "server/coro/clock.h"
#include "server/coro/runtime.h"
#include "server/coro/task.h"
#include "server/coro/task_group.h"

namespace anteroom::rpc {

class Calls {
 public:
  struct Options {
    // A client that does not take a message for so long is cut off.
    absl::Duration write_timeout = absl::Seconds(30);
    // Messages, and their bytes, queued to one client at most; it is cut off
    // beyond.
    std::size_t max_queued_messages = 10'000;
    std::size_t max_queued_bytes = std::size_t{64} << 20;
  };

  explicit Calls(coro::Runtime runtime) : Calls(runtime, Options()) {}
  Calls(coro::Runtime runtime, const Options& options)
      : runtime_(runtime), options_(options), group_(runtime) {}
  Calls(const Calls&) = delete;
  Calls& operator=(const Calls&) = delete;

  const coro::Runtime& runtime() const { return runtime_; }
  const Options& options() const { return options_; }
  // Where handlers run.
  coro::TaskGroup& group() { return group_; }

  // Refuses calls from now on.
  void Close() { group_.Close(); }
  // Refuses calls from now on and waits for those under way.
  coro::Task<void> Join() { return group_.Join(); }

 private:
  const coro::Runtime runtime_;
  const Options options_;
  coro::TaskGroup group_;
};

// What a handler sees of its call.
class CallContext {
 public:
  CallContext(const coro::Clock& clock,
              const grpc::CallbackServerContext& context);

  // Stopped when the client cancels, its connection breaks, the deadline
  // passes, or the server shuts down.
  std::stop_token stop_token() const { return stop_.get_token(); }
  // The client's deadline; kNever if it set none.
  coro::Instant deadline() const { return deadline_; }

  // By the reactor.
  void RequestStop() { stop_.request_stop(); }

 private:
  std::stop_source stop_;
  const coro::Instant deadline_;
};

// What a call is told that came too late: UNAVAILABLE `DRAINING`.
absl::Status ShuttingDown();

}  // namespace anteroom::rpc

#endif  // ANTEROOM_SERVER_RPC_CALLS_H_
