#include "server/rpc/unary.h"

#include "server/rpc/status.h"
#include "server/rpc/tsan.h"

namespace anteroom::rpc {

// Answers a call whose coroutine suspended. Deletes itself when gRPC is done.
class UnaryCall::Reactor : public grpc::ServerUnaryReactor {
 public:
  // What stops the call: its coroutine may end before this does.
  explicit Reactor(const CallContext& call) : call_(call) {}

  void Answer(const absl::Status& status) {
    TsanRelease(this);
    Finish(ToGrpcStatus(status));
  }

  void OnCancel() override {
    TsanAcquire(this);
    call_.RequestStop();
  }

  void OnDone() override {
    TsanAcquire(this);
    delete this;
  }

 private:
  CallContext call_;
};

void UnaryCall::Answer(Handle handle) {
  promise_type& call = handle.promise();
  call.reactor_->Answer(call.status_);
  // Counted out last.
  const coro::TaskGroup::Ticket ticket = std::move(call.ticket_);
  handle.destroy();
}

grpc::ServerUnaryReactor* UnaryCall::Return(
    grpc::CallbackServerContext& context) {
  promise_type& call = handle_.promise();
  if (call.state_.load(std::memory_order_acquire) == State::kEnded) {
    grpc::ServerUnaryReactor* const reactor = context.DefaultReactor();
    reactor->Finish(ToGrpcStatus(call.status_));
    const coro::TaskGroup::Ticket ticket = std::move(call.ticket_);
    handle_.destroy();
    return reactor;
  }
  auto* const reactor = new Reactor(call.context_);
  call.reactor_ = reactor;
  // If the coroutine comes second the frame may be gone from here on.
  if (call.Leave(State::kReturned)) Answer(handle_);
  return reactor;
}

grpc::ServerUnaryReactor* Refuse(grpc::CallbackServerContext& context,
                                 const absl::Status& status) {
  grpc::ServerUnaryReactor* const reactor = context.DefaultReactor();
  reactor->Finish(ToGrpcStatus(status));
  return reactor;
}

}  // namespace anteroom::rpc
