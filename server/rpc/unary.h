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
#include <coroutine>
#include <exception>
#include <utility>

#include "absl/status/status.h"
#include "grpcpp/server_context.h"
#include "grpcpp/support/server_callback.h"
#include "server/coro/task.h"
#include "server/coro/task_group.h"
#include "server/error/error.h"
#include "server/rpc/calls.h"

namespace anteroom::rpc {

// The coroutine that serves one unary call. All that the call needs is in its
// frame, so that a call costs no other allocation.
//
// `state` is kRunning until either the coroutine has ended (kEnded: the handler
// then answers) or the handler has returned a reactor (kReturned: the coroutine
// then answers). Whoever comes second answers, and frees the frame.
class UnaryCall {
 public:
  class promise_type;

  // By the handler, once, after the coroutine has suspended or ended.
  grpc::ServerUnaryReactor* Return(grpc::CallbackServerContext& context);

 private:
  class Reactor;
  enum class State { kRunning, kEnded, kReturned };
  using Handle = std::coroutine_handle<promise_type>;

  explicit UnaryCall(Handle handle) : handle_(handle) {}
  static void Answer(Handle handle);

  const Handle handle_;
};

class UnaryCall::promise_type {
 public:
  // The parameters of Serve(): the ticket is moved out.
  template <typename Factory>
  promise_type(coro::TaskGroup::Ticket& ticket, CallContext& context, Factory&)
      : ticket_(std::move(ticket)), context_(context) {}

  UnaryCall get_return_object() {
    return UnaryCall(Handle::from_promise(*this));
  }
  std::suspend_never initial_suspend() const noexcept { return {}; }
  auto final_suspend() const noexcept {
    struct End {
      bool await_ready() const noexcept { return false; }
      void await_suspend(Handle handle) const noexcept {
        // If the handler comes second the frame may be gone from here on.
        if (handle.promise().Leave(State::kEnded)) Answer(handle);
      }
      void await_resume() const noexcept {}
    };
    return End{};
  }
  void return_value(absl::Status status) { status_ = std::move(status); }
  [[noreturn]] void unhandled_exception() const noexcept { std::terminate(); }

 private:
  friend UnaryCall;

  // True: the other has come before.
  bool Leave(State state) {
    return state_.exchange(state, std::memory_order_acq_rel) != State::kRunning;
  }

  coro::TaskGroup::Ticket ticket_;
  CallContext& context_;
  std::atomic<State> state_{State::kRunning};
  absl::Status status_;         // written before kEnded
  Reactor* reactor_ = nullptr;  // written before kReturned
};

// Runs the task that `factory` returns. It is called at once.
template <typename Factory>
UnaryCall Serve(coro::TaskGroup::Ticket /*moved out*/, CallContext context,
                Factory& factory) {
  absl::Status status;
  try {
    coro::Task<absl::Status> handler = factory(context);
    status = co_await std::move(handler);
  } catch (...) {
    status = ErrorOfException("the handler");
  }
  co_return status;
}

// The answer to a call that is not served.
grpc::ServerUnaryReactor* Refuse(grpc::CallbackServerContext& context,
                                 const absl::Status& status);

// Begins to answer a call with the task that `factory(CallContext&)` returns.
// `factory` is called once, before this returns, and is not a coroutine itself.
template <typename Factory>
grpc::ServerUnaryReactor* StartUnary(Calls& calls,
                                     grpc::CallbackServerContext& context,
                                     Factory factory) {
  coro::TaskGroup::Ticket ticket = calls.group().CountIn();
  if (!ticket) return Refuse(context, ShuttingDown());
  UnaryCall call = Serve(std::move(ticket),
                         CallContext(calls.runtime().clock, context), factory);
  return call.Return(context);
}

}  // namespace anteroom::rpc

#endif  // ANTEROOM_SERVER_RPC_UNARY_H_
