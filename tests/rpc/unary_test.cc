#include "server/rpc/unary.h"

#include <future>
#include <memory>
#include <stdexcept>
#include <string>

#include "absl/status/status.h"
#include "gtest/gtest.h"
#include "server/coro/event.h"
#include "server/coro/sync_wait.h"
#include "server/coro/yield.h"
#include "server/error/error.h"
#include "server/rpc/status.h"
#include "tests/rpc/rpc_test.h"

namespace anteroom::rpc {
namespace {

using coro::Task;

class UnaryTest : public RpcTest {
 protected:
  Task<absl::Status> Echo(const v1::UseRequest& request,
                          v1::UseResponse& response) {
    response.mutable_result()->set_data(request.method_name());
    co_return absl::OkStatus();
  }

  Task<absl::Status> EchoLater(const v1::UseRequest& request,
                               v1::UseResponse& response) {
    co_await coro::Yield(*executor_);
    response.mutable_result()->set_data(request.method_name());
    co_return absl::OkStatus();
  }

  // Tells `began`, then waits for the call's stop and tells `ended`.
  Task<absl::Status> UntilStopped(CallContext& call) {
    began_.set_value();
    coro::Event never(runtime());
    Task<coro::Wake> wait = never.Wait(call.stop_token());
    co_await std::move(wait);
    ended_.set_value();
    co_return absl::CancelledError("stopped");
  }

  std::promise<void> began_;
  std::promise<void> ended_;
};

TEST_F(UnaryTest, AHandlerThatNeverSuspendsAnswers) {
  handlers_.use = [this](CallContext&, const auto& request, auto& response) {
    return Echo(request, response);
  };
  std::string result;
  EXPECT_TRUE(Use("hello", &result).ok());
  EXPECT_EQ(result, "hello");
}

TEST_F(UnaryTest, AHandlerThatSuspendsAnswersFromTheExecutor) {
  handlers_.use = [this](CallContext&, const auto& request, auto& response) {
    return EchoLater(request, response);
  };
  for (int i = 0; i < 1000; ++i) {
    std::string result;
    ASSERT_TRUE(Use("hello", &result).ok());
    ASSERT_EQ(result, "hello");
  }
}

Task<absl::Status> Fail() {
  co_return Error(Reason::kLeaseNotFound, "no such lease");
}

TEST_F(UnaryTest, AnErrorArrivesWithItsReason) {
  handlers_.use = [](auto&&...) { return Fail(); };
  const absl::Status status = FromGrpcStatus(Use("x"));
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_TRUE(HasReason(status, Reason::kLeaseNotFound));
}

Task<absl::Status> Throw(coro::Executor& executor, bool later) {
  if (later) co_await coro::Yield(executor);
  throw std::runtime_error("oops");
}

TEST_F(UnaryTest, AnExceptionIsInternal) {
  for (const bool later : {false, true}) {
    handlers_.use = [this, later](auto&&...) {
      return Throw(*executor_, later);
    };
    const grpc::Status status = Use("x");
    EXPECT_EQ(status.error_code(), grpc::StatusCode::INTERNAL);
    EXPECT_EQ(status.error_message(), "the handler threw: oops");
  }
}

TEST_F(UnaryTest, TheClientsCancelStopsTheHandler) {
  handlers_.use = [this](CallContext& call, auto&&...) {
    return UntilStopped(call);
  };
  grpc::ClientContext context;
  Bound(context);
  std::future<grpc::Status> status = std::async(std::launch::async, [&] {
    v1::UseResponse response;
    return stub_->Use(&context, v1::UseRequest(), &response);
  });
  began_.get_future().wait();
  context.TryCancel();
  ended_.get_future().wait();
  EXPECT_EQ(status.get().error_code(), grpc::StatusCode::CANCELLED);
}

TEST_F(UnaryTest, TheServersShutdownStopsTheHandler) {
  handlers_.use = [this](CallContext& call, auto&&...) {
    return UntilStopped(call);
  };
  v1::UseResponse response;
  v1::UseRequest request;
  std::promise<grpc::Status> status;
  grpc::ClientContext context;
  Bound(context);
  stub_->async()->Use(
      &context, &request, &response,
      [&](const grpc::Status& ended) { status.set_value(ended); });
  began_.get_future().wait();
  server_->Shutdown(std::chrono::system_clock::now());
  ended_.get_future().wait();
  EXPECT_FALSE(status.get_future().get().ok());
}

TEST_F(UnaryTest, TheClientsDeadlineIsKnownAndStopsTheHandler) {
  std::promise<coro::Instant> deadline;
  handlers_.use = [&](CallContext& call, auto&&...) {
    deadline.set_value(call.deadline());
    return UntilStopped(call);
  };
  const coro::Instant before = clock_.Now();
  grpc::ClientContext context;
  Bound(context);
  context.set_deadline(std::chrono::system_clock::now() +
                       std::chrono::milliseconds(50));
  v1::UseResponse response;
  EXPECT_EQ(stub_->Use(&context, v1::UseRequest(), &response).error_code(),
            grpc::StatusCode::DEADLINE_EXCEEDED);
  ended_.get_future().wait();
  const coro::Instant seen = deadline.get_future().get();
  EXPECT_GT(seen, before);
  EXPECT_LT(seen, before + std::chrono::hours(1));
}

TEST_F(UnaryTest, WithoutADeadlineThereIsNone) {
  std::promise<coro::Instant> deadline;
  handlers_.use = [&](CallContext& call, const auto& request, auto& response) {
    deadline.set_value(call.deadline());
    return Echo(request, response);
  };
  grpc::ClientContext context;
  v1::UseResponse response;
  EXPECT_TRUE(stub_->Use(&context, v1::UseRequest(), &response).ok());
  EXPECT_EQ(deadline.get_future().get(), coro::kNever);
}

TEST_F(UnaryTest, OnceClosedCallsAreRefusedAsDraining) {
  handlers_.use = [this](CallContext&, const auto& request, auto& response) {
    return Echo(request, response);
  };
  calls_.Close();
  const absl::Status status = FromGrpcStatus(Use("x"));
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_TRUE(HasReason(status, Reason::kDraining));
}

}  // namespace
}  // namespace anteroom::rpc
