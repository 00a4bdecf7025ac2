#include "tests/bench/stream_callers.h"

#include <atomic>
#include <memory>
#include <utility>

#include "absl/synchronization/notification.h"
#include "anteroom/v1/resource_service.grpc.pb.h"
#include "bare.grpc.pb.h"
#include "grpcpp/grpcpp.h"
#include "tests/bench/channels.h"
#include "tests/bench/messages.h"

namespace anteroom::bench {
namespace {

using test::bare::v1::BareService;
using Reactor = grpc::ClientBidiReactor<v1::WithRequest, v1::WithResponse>;

// The stream opens with `first`, unless that says nothing.
class StreamCaller : public Caller, Reactor {
 public:
  // `start`: begins the RPC with this reactor.
  template <typename Start>
  StreamCaller(const v1::WithRequest& first, Start start) : request_(first) {
    start(&context_, this);
    AddHold();  // messages are sent from outside of its reactions, too
    StartCall();
    if (first.request_case() == v1::WithRequest::REQUEST_NOT_SET) {
      open_.Notify();
    } else {
      Exchange();
      open_.WaitForNotification();
    }
    request_ = WithUse();
  }
  ~StreamCaller() override {
    closing_ = true;
    context_.TryCancel();
    RemoveHold();
    over_.WaitForNotification();
  }

 private:
  void Begin() override { Exchange(); }

  void Exchange() {
    underway_ = 2;
    StartRead(&response_);
    StartWrite(&request_);
  }
  // Its write may be told of after the answer, and the next has to wait for it.
  void Exchanged() {
    if (--underway_ > 0) return;
    if (!open_.HasBeenNotified()) {
      if (!response_.has_entered()) Fail("a With stream was not entered");
      return open_.Notify();
    }
    CheckEchoed(response_.used().result());
    Done();
  }

  void OnWriteDone(bool ok) override {
    if (ok) Exchanged();
  }
  void OnReadDone(bool ok) override {
    if (ok) Exchanged();
  }
  void OnDone(const grpc::Status& status) override {
    if (!closing_) {
      CheckOk(status, "a stream");
      Fail("a stream ended");
    }
    over_.Notify();
  }

  grpc::ClientContext context_;
  v1::WithRequest request_;
  v1::WithResponse response_;
  std::atomic<int> underway_ = 0;  // a write and a read
  std::atomic<bool> closing_ = false;
  absl::Notification open_;
  absl::Notification over_;
};

}  // namespace

Callers OpenWithUses(const std::string& anteroomd, int width) {
  return OpenCallers(anteroomd, width, [](const auto& channel, int) {
    const auto stub = v1::ResourceService::NewStub(channel);
    return std::make_unique<StreamCaller>(
        WithAcquire(kHeld, v1::AcquireRequest::EVENTS_NONE),
        [&stub](grpc::ClientContext* context, Reactor* reactor) {
          stub->async()->With(context, reactor);
        });
  });
}

Callers OpenBareStreams(const std::string& bare_server, int width) {
  return OpenCallers(bare_server, width, [](const auto& channel, int) {
    const auto stub = BareService::NewStub(channel);
    return std::make_unique<StreamCaller>(
        v1::WithRequest(),
        [&stub](grpc::ClientContext* context, Reactor* reactor) {
          stub->async()->Stream(context, reactor);
        });
  });
}

}  // namespace anteroom::bench
