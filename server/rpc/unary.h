// Unary handlers as coroutines.
//
//   grpc::ServerUnaryReactor* Use(context, request, response) override {
//     return StartUnary(calls_, *context, [&](CallContext& call) {
//       return handlers_.Use(call, *request, *response);
//     });
//   }
//
// The coroutine starts inline on gRPC's thread, so it must not block. If it
// ends without having suspended, the call is answered with the cheap default
// reactor; else by one of its own, from wherever the coroutine ends. Request
// and response live until then. An exception out of it becomes INTERNAL.
//
// Thread safety: StartUnary from any thread.
#ifndef ANTEROOM_SERVER_RPC_UNARY_H_
#define ANTEROOM_SERVER_RPC_UNARY_H_

#include <atomic>
#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "grpcpp/server_context.h"
#include "grpcpp/support/server_callback.h"
#include "server/coro/task.h"
#include "server/rpc/calls.h"

namespace anteroom::rpc {

// One unary call: shared by its coroutine and, if there is one, its reactor.
//
// `state_` is kRunning until either the coroutine ends (kEnded: the handler
// then answers) or the handler has returned a reactor (kReturned: the coroutine
// then answers). Whoever comes second answers.
class UnaryCall : public std::enable_shared_from_this<UnaryCall> {
 public:
  UnaryCall(const coro::Clock& clock,
            const grpc::CallbackServerContext& context)
      : context_(clock, context) {}

  CallContext& context() { return context_; }

  // By the coroutine, once, last.
  void End(const absl::Status& status);
  // By the handler, once, after the coroutine has suspended or ended.
  grpc::ServerUnaryReactor* Return(grpc::CallbackServerContext& context);

 private:
  class Reactor;
  enum class State { kRunning, kEnded, kReturned };

  CallContext context_;
  std::atomic<State> state_{State::kRunning};
  grpc::Status status_;         // written before kEnded
  Reactor* reactor_ = nullptr;  // written before kReturned
};

// Runs `handler` and answers `call`.
coro::Task<void> RunUnary(std::shared_ptr<UnaryCall> call,
                          coro::Task<absl::Status> handler);

// Begins to answer a call with the task that `factory(CallContext&)` returns.
// `factory` is called once, before this returns, and is not a coroutine itself.
template <typename Factory>
grpc::ServerUnaryReactor* StartUnary(Calls& calls,
                                     grpc::CallbackServerContext& context,
                                     Factory factory) {
  auto call = std::make_shared<UnaryCall>(calls.runtime().clock, context);
  if (!calls.group().Spawn(RunUnary(call, factory(call->context())))) {
    call->End(ShuttingDown());
  }
  return call->Return(context);
}

}  // namespace anteroom::rpc

#endif  // ANTEROOM_SERVER_RPC_UNARY_H_
