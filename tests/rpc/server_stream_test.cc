#include "server/rpc/server_stream.h"

#include <future>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "gtest/gtest.h"
#include "server/coro/event.h"
#include "server/error/error.h"
#include "server/rpc/status.h"
#include "tests/rpc/rpc_test.h"

namespace anteroom::rpc {
namespace {

using coro::Task;

class ServerStreamTest : public RpcTest {
 protected:
  using RpcTest::RpcTest;

  std::unique_ptr<grpc::ClientReader<v1::WatchEventsResponse>> Open() {
    Bound(context_);
    return stub_->WatchEvents(&context_, v1::WatchEventsRequest());
  }

  grpc::ClientContext context_;
};

// Sends `count` events, numbered, then fails if asked to.
Task<absl::Status> Count(WatchStream& stream, int count, absl::Status status) {
  for (int i = 0; i < count; ++i) {
    v1::WatchEventsResponse response;
    response.mutable_event()->set_sequence(i);
    Task<bool> write = stream.Write(std::move(response));
    if (!co_await std::move(write)) co_return absl::CancelledError("gone");
  }
  co_return status;
}

TEST_F(ServerStreamTest, ResponsesArriveInOrderThenTheStatus) {
  handlers_.watch = [](WatchStream& stream) {
    return Count(stream, 500, Error(Reason::kEventsLost, "gone"));
  };
  const auto stream = Open();
  v1::WatchEventsResponse response;
  for (int i = 0; i < 500; ++i) {
    ASSERT_TRUE(stream->Read(&response));
    ASSERT_EQ(response.event().sequence(), i);
  }
  EXPECT_FALSE(stream->Read(&response));
  const absl::Status status = FromGrpcStatus(stream->Finish());
  EXPECT_TRUE(HasReason(status, Reason::kEventsLost));
}

// Sends headers, then nothing until it is stopped.
Task<absl::Status> Silent(coro::Runtime runtime, WatchStream& stream,
                          std::promise<void>& stopped) {
  stream.SendHeaders();
  coro::Event never(runtime);
  Task<coro::Wake> wait = never.Wait(stream.stop_token());
  co_await std::move(wait);
  stopped.set_value();
  co_return absl::CancelledError("stopped");
}

TEST_F(ServerStreamTest, HeadersComeBeforeTheFirstResponseAndACancelStopsIt) {
  std::promise<void> stopped;
  handlers_.watch = [&](WatchStream& stream) {
    return Silent(runtime(), stream, stopped);
  };
  const auto stream = Open();
  stream->WaitForInitialMetadata();
  context_.TryCancel();
  stopped.get_future().wait();
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::CANCELLED);
}

Task<absl::Status> Throw(WatchStream&) {
  throw 7;
  co_return absl::OkStatus();
}

TEST_F(ServerStreamTest, AnExceptionIsInternal) {
  handlers_.watch = [](WatchStream& stream) { return Throw(stream); };
  EXPECT_EQ(Open()->Finish().error_code(), grpc::StatusCode::INTERNAL);
}

class ServerStreamSlowReaderTest : public ServerStreamTest {
 protected:
  ServerStreamSlowReaderTest()
      : ServerStreamTest({.write_timeout = absl::Milliseconds(50)}) {}
};

// Far beyond what the connection's buffers take.
Task<absl::Status> Flood(WatchStream& stream, std::promise<bool>& all_taken) {
  v1::WatchEventsResponse response;
  response.mutable_event()->set_message(std::string(1 << 20, 'x'));
  bool taken = true;
  for (int i = 0; i < 1000 && taken; ++i) {
    Task<bool> write = stream.Write(response);
    taken = co_await std::move(write);
  }
  all_taken.set_value(taken);
  co_return absl::OkStatus();
}

TEST_F(ServerStreamSlowReaderTest, AClientThatTakesNothingIsCutOff) {
  std::promise<bool> all_taken;
  handlers_.watch = [&](WatchStream& stream) {
    return Flood(stream, all_taken);
  };
  const auto stream = Open();
  EXPECT_FALSE(all_taken.get_future().get());
}

}  // namespace
}  // namespace anteroom::rpc
