#include "server/rpc/unary.h"

#include "server/error/error.h"
#include "server/rpc/status.h"
#include "server/rpc/tsan.h"

namespace anteroom::rpc {

// Answers a call whose coroutine suspended. Deletes itself when gRPC is done.
class UnaryCall::Reactor : public grpc::ServerUnaryReactor {
 public:
  explicit Reactor(std::shared_ptr<UnaryCall> call) : call_(std::move(call)) {}

  void Answer(const grpc::Status& status) {
    TsanRelease(this);
    Finish(status);
  }

  void OnCancel() override {
    TsanAcquire(this);
    call_->context_.RequestStop();
  }

  void OnDone() override {
    TsanAcquire(this);
    delete this;
  }

 private:
  const std::shared_ptr<UnaryCall> call_;
};

void UnaryCall::End(const absl::Status& status) {
  status_ = rpc::ToGrpcStatus(status);
  if (state_.exchange(State::kEnded, std::memory_order_acq_rel) ==
      State::kReturned) {
    reactor_->Answer(status_);
  }
}

grpc::ServerUnaryReactor* UnaryCall::Return(
    grpc::CallbackServerContext& context) {
  if (state_.load(std::memory_order_acquire) == State::kEnded) {
    grpc::ServerUnaryReactor* const reactor = context.DefaultReactor();
    reactor->Finish(status_);
    return reactor;
  }
  auto* const reactor = new Reactor(shared_from_this());
  reactor_ = reactor;
  if (state_.exchange(State::kReturned, std::memory_order_acq_rel) ==
      State::kEnded) {
    reactor->Answer(status_);
  }
  return reactor;
}

coro::Task<void> RunUnary(std::shared_ptr<UnaryCall> call,
                          coro::Task<absl::Status> handler) {
  absl::Status status;
  try {
    status = co_await std::move(handler);
  } catch (...) {
    status = ErrorOfException("the handler");
  }
  call->End(status);
}

}  // namespace anteroom::rpc
