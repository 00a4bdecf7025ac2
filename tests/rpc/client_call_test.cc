#include "server/rpc/client_call.h"

#include <functional>
#include <future>
#include <stop_token>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "gtest/gtest.h"
#include "server/coro/event.h"
#include "server/coro/sync_wait.h"
#include "server/coro/yield.h"
#include "server/error/error.h"
#include "tests/rpc/rpc_test.h"

namespace anteroom::rpc {
namespace {

using coro::Task;

class ClientCallTest : public RpcTest {
 protected:
  Task<absl::Status> Call(std::stop_token stop, coro::Instant deadline) {
    grpc::ClientContext context;
    v1::UseRequest request;
    request.set_method_name("hello");
    Task<absl::Status> call = CallUnary(
        runtime(), context, std::move(stop), deadline,
        [&](std::function<void(grpc::Status)> done) {
          stub_->async()->Use(&context, &request, &response_, std::move(done));
        });
    co_return co_await std::move(call);
  }

  coro::Instant InAMinute() {
    return coro::After(clock_.Now(), absl::Minutes(1));
  }

  Task<absl::Status> UntilStopped(CallContext& call) {
    began_.set_value();
    coro::Event never(runtime());
    Task<coro::Wake> wait = never.Wait(call.stop_token());
    co_await std::move(wait);
    co_return absl::CancelledError("stopped");
  }

  v1::UseResponse response_;
  std::promise<void> began_;
};

Task<absl::Status> Echo(const v1::UseRequest& request,
                        v1::UseResponse& response) {
  response.mutable_result()->set_data(request.method_name());
  co_return absl::OkStatus();
}

TEST_F(ClientCallTest, ItAnswers) {
  handlers_.use = [](CallContext&, const auto& request, auto& response) {
    return Echo(request, response);
  };
  EXPECT_TRUE(coro::SyncWait(Call({}, InAMinute())).ok());
  EXPECT_EQ(response_.result().data(), "hello");
}

Task<absl::Status> Fail() {
  co_return InvalidField("method_name", "must not be hello");
}

TEST_F(ClientCallTest, AnErrorArrivesWithItsDetails) {
  handlers_.use = [](auto&&...) { return Fail(); };
  const absl::Status status = coro::SyncWait(Call({}, InAMinute()));
  EXPECT_EQ(status, InvalidField("method_name", "must not be hello"));
}

TEST_F(ClientCallTest, AStopCancelsIt) {
  handlers_.use = [this](CallContext& call, auto&&...) {
    return UntilStopped(call);
  };
  std::stop_source stop;
  std::future<absl::Status> status = std::async(std::launch::async, [&] {
    return coro::SyncWait(Call(stop.get_token(), InAMinute()));
  });
  began_.get_future().wait();
  stop.request_stop();
  EXPECT_TRUE(absl::IsCancelled(status.get()));
}

TEST_F(ClientCallTest, AStopThatCameBeforeCancelsIt) {
  handlers_.use = [this](CallContext& call, auto&&...) {
    return UntilStopped(call);
  };
  std::stop_source stop;
  stop.request_stop();
  EXPECT_TRUE(
      absl::IsCancelled(coro::SyncWait(Call(stop.get_token(), InAMinute()))));
}

TEST_F(ClientCallTest, ItsDeadlineEndsIt) {
  handlers_.use = [this](CallContext& call, auto&&...) {
    return UntilStopped(call);
  };
  EXPECT_TRUE(absl::IsDeadlineExceeded(coro::SyncWait(
      Call({}, coro::After(clock_.Now(), absl::Milliseconds(20))))));
}

}  // namespace
}  // namespace anteroom::rpc
