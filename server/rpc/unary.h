// Unary handlers as coroutines.
//
//   grpc::ServerUnaryReactor* Use(context, request, response) override {
//     return StartUnary(calls_, *context, [&](CallContext& call) {
//       return handlers_.Use(call, *request, *response);
//     });
//   }
//
// Where a frame less matters, the handler is itself the coroutine that the call
// lives in:
//
//   UnaryCall Handlers::Use(TaskGroup::Ticket, CallContext call,
//                           const UseRequest& request, UseResponse& response) {
//     co_return absl::OkStatus();
//   }
//   return StartUnaryCall(calls_, *context, [&](auto ticket, auto call) {
//     return handlers_.Use(std::move(ticket), std::move(call), ...);
//   });
//
// The coroutine starts inline on gRPC's thread, so it must not block. If it
// ends without having suspended, the call is answered with the cheap default
// reactor; else by one of its own, from wherever the coroutine ends. Request
// and response live until then. An exception out of it becomes INTERNAL.
//
// Thread safety: both from any thread.
#ifndef ANTEROOM_SERVER_RPC_UNARY_H_
#define ANTEROOM_SERVER_RPC_UNARY_H_

#include <atomic>
#include <coroutine>
#include <utility>

#include "absl/status/status.h"
#include "grpcpp/server_context.h"
#include "grpcpp/support/server_callback.h"
#include "server/coro/task.h"
#include "server/coro/task_group.h"
#include "server/error/error.h"
#include "server/rpc/calls.h"

namespace anteroom::rpc {

// The coroutine that serves one unary call: a function, or a method, of a
// ticket (which is moved out), the CallContext, and what else it needs. All
// that the call needs is in its frame, so that a call costs no other
// allocation.
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
  // The coroutine's parameters; of a method, its object comes first.
  template <typename... Others>
  promise_type(coro::TaskGroup::Ticket& ticket, CallContext& context,
               Others&...)
      : ticket_(std::move(ticket)), context_(context) {}
  template <typename Self, typename... Others>
  promise_type(Self&, coro::TaskGroup::Ticket& ticket, CallContext& context,
               Others&...)
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
  void unhandled_exception() { status_ = ErrorOfException("the handler"); }

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
  coro::Task<absl::Status> handler = factory(context);
  co_return co_await std::move(handler);
}

// The answer to a call that is not served.
grpc::ServerUnaryReactor* Refuse(grpc::CallbackServerContext& context,
                                 const absl::Status& status);

// Begins to answer a call with the coroutine that `begin(ticket, CallContext)`
// returns.
template <typename Begin>
grpc::ServerUnaryReactor* StartUnaryCall(Calls& calls,
                                         grpc::CallbackServerContext& context,
                                         Begin begin) {
  coro::TaskGroup::Ticket ticket = calls.group().CountIn();
  if (!ticket) return Refuse(context, ShuttingDown());
  UnaryCall call =
      begin(std::move(ticket), CallContext(calls.runtime().clock, context));
  return call.Return(context);
}

// Begins to answer a call with the task that `factory(CallContext&)` returns.
// `factory` is called once, before this returns, and is not a coroutine itself.
template <typename Factory>
grpc::ServerUnaryReactor* StartUnary(Calls& calls,
                                     grpc::CallbackServerContext& context,
                                     Factory factory) {
  return StartUnaryCall(
      calls, context,
      [&factory](coro::TaskGroup::Ticket ticket, CallContext call) {
        return Serve(std::move(ticket), std::move(call), factory);
      });
}

}  // namespace anteroom::rpc

#endif  // ANTEROOM_SERVER_RPC_UNARY_H_
