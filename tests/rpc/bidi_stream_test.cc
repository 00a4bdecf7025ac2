#include "server/rpc/bidi_stream.h"

#include <future>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "gtest/gtest.h"
#include "server/coro/event.h"
#include "server/coro/task_group.h"
#include "server/coro/yield.h"
#include "server/error/error.h"
#include "server/rpc/status.h"
#include "tests/rpc/raw_call.h"
#include "tests/rpc/rpc_test.h"

namespace anteroom::rpc {
namespace {

using coro::Task;
using Request = absl::StatusOr<std::optional<v1::WithRequest>>;

class BidiStreamTest : public RpcTest {
 protected:
  using RpcTest::RpcTest;

  std::unique_ptr<grpc::ClientReaderWriter<v1::WithRequest, v1::WithResponse>>
  Open() {
    Bound(context_);
    return stub_->With(&context_);
  }

  grpc::ClientContext context_;
};

TEST_F(BidiStreamTest, RepliesKeepTheOrderInWhichTheyWereSent) {
  handlers_.with = Echo;
  const auto stream = Open();
  constexpr int kCount = 2000;
  std::future<void> writer = std::async(std::launch::async, [&] {
    for (int i = 0; i < kCount; ++i) stream->Write(Call(i));
    stream->WritesDone();
  });
  v1::WithResponse response;
  for (int i = 0; i < kCount; ++i) {
    ASSERT_TRUE(stream->Read(&response));
    ASSERT_EQ(response.used().call_id(), i);
  }
  EXPECT_FALSE(stream->Read(&response));
  writer.get();
  EXPECT_TRUE(stream->Finish().ok());
}

Task<absl::Status> SendThenFail(WithStream& stream) {
  for (int i = 0; i < 100; ++i) stream.Send(Reply(i));
  co_return Error(Reason::kDraining, "no more");
}

TEST_F(BidiStreamTest, WhatWasSentIsWrittenBeforeTheStatus) {
  handlers_.with = SendThenFail;
  const auto stream = Open();
  v1::WithResponse response;
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(stream->Read(&response));
  EXPECT_FALSE(stream->Read(&response));
  EXPECT_TRUE(HasReason(FromGrpcStatus(stream->Finish()), Reason::kDraining));
}

Task<absl::Status> QueueThenEnd(WithStream& stream) {
  for (int i = 0; i < 100; ++i) stream.Queue(Reply(i));
  co_return absl::OkStatus();
}

TEST_F(BidiStreamTest, WhatWasQueuedIsWrittenWithTheEnd) {
  handlers_.with = QueueThenEnd;
  const auto stream = Open();
  v1::WithResponse response;
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(stream->Read(&response));
    EXPECT_EQ(response.used().call_id(), i);
  }
  EXPECT_FALSE(stream->Read(&response));
  EXPECT_TRUE(stream->Finish().ok());
}

// Says all, then waits for a request.
Task<absl::Status> FlushThenRead(WithStream& stream) {
  for (int i = 0; i < 100; ++i) stream.Queue(Reply(i));
  stream.Flush();
  auto read = stream.Read();
  co_return (co_await std::move(read)).status();
}

TEST_F(BidiStreamTest, AFlushHasAllWrittenThatWasQueued) {
  handlers_.with = FlushThenRead;
  const auto stream = Open();
  v1::WithResponse response;
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(stream->Read(&response));
    EXPECT_EQ(response.used().call_id(), i);
  }
  stream->WritesDone();
  EXPECT_FALSE(stream->Read(&response));
  EXPECT_TRUE(stream->Finish().ok());
}

TEST_F(BidiStreamTest, AHalfCloseIsTheEndOfRequests) {
  handlers_.with = Echo;
  const auto stream = Open();
  stream->WritesDone();
  EXPECT_TRUE(stream->Finish().ok());
}

// gRPC's own typed streams cannot tell the two apart.
TEST_F(BidiStreamTest, AMessageThatDoesNotParseIsNoHalfClose) {
  handlers_.with = Echo;
  testing::RawCall call(channel_, "/anteroom.v1.ResourceService/With");
  ASSERT_TRUE(call.Write(Call(7).SerializeAsString()));
  EXPECT_EQ(call.Read(), Reply(7).SerializeAsString());
  ASSERT_TRUE(call.Write("\xff\xff\xff garbage"));
  EXPECT_FALSE(call.Read().has_value());
  const absl::Status status = FromGrpcStatus(call.Finish());
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(HasReason(status, Reason::kInvalidRequest));
}

// Reads with a stop that has come already, then once more without.
Task<absl::Status> ReadTwice(WithStream& stream,
                             std::promise<absl::Status>& first) {
  std::stop_source stop;
  stop.request_stop();
  auto stopped = stream.Read(stop.get_token());
  first.set_value((co_await std::move(stopped)).status());
  auto read = stream.Read();
  const Request request = co_await std::move(read);
  if (!request.ok()) co_return request.status();
  stream.Send(Reply((*request)->use().call_id()));
  co_return absl::OkStatus();
}

TEST_F(BidiStreamTest, AReadThatWasStoppedLosesNoMessage) {
  std::promise<absl::Status> first;
  handlers_.with = [&](WithStream& stream) { return ReadTwice(stream, first); };
  const auto stream = Open();
  EXPECT_TRUE(absl::IsCancelled(first.get_future().get()));
  stream->Write(Call(42));
  v1::WithResponse response;
  ASSERT_TRUE(stream->Read(&response));
  EXPECT_EQ(response.used().call_id(), 42);
  EXPECT_TRUE(stream->Finish().ok());
}

// Waits for the stop, which it tells.
Task<absl::Status> UntilStopped(coro::Runtime runtime, WithStream& stream,
                                std::promise<void>& began,
                                std::promise<void>& stopped) {
  began.set_value();
  coro::Event never(runtime);
  Task<coro::Wake> wait = never.Wait(stream.stop_token());
  co_await std::move(wait);
  stopped.set_value();
  co_return absl::CancelledError("stopped");
}

TEST_F(BidiStreamTest, TheClientsCancelStopsTheHandler) {
  std::promise<void> began;
  std::promise<void> stopped;
  handlers_.with = [&](WithStream& stream) {
    return UntilStopped(runtime(), stream, began, stopped);
  };
  const auto stream = Open();
  began.get_future().wait();
  context_.TryCancel();
  stopped.get_future().wait();
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::CANCELLED);
}

TEST_F(BidiStreamTest, ACancelEndsTheReadThatWaits) {
  std::promise<absl::Status> ended;
  handlers_.with = [&](WithStream& stream) -> Task<absl::Status> {
    return [](WithStream& stream,
              std::promise<absl::Status>& ended) -> Task<absl::Status> {
      Task<absl::Status> echo = Echo(stream);
      ended.set_value(co_await std::move(echo));
      co_return absl::OkStatus();
    }(stream, ended);
  };
  const auto stream = Open();
  stream->Write(Call(1));
  v1::WithResponse response;
  ASSERT_TRUE(stream->Read(&response));
  context_.TryCancel();
  EXPECT_TRUE(ended.get_future().get().ok());  // as after a half-close
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::CANCELLED);
}

Task<absl::Status> Throw(WithStream&) {
  throw 7;
  co_return absl::OkStatus();
}

TEST_F(BidiStreamTest, AnExceptionIsInternal) {
  handlers_.with = Throw;
  EXPECT_EQ(Open()->Finish().error_code(), grpc::StatusCode::INTERNAL);
}

TEST_F(BidiStreamTest, OnceClosedStreamsAreRefusedAsDraining) {
  handlers_.with = Echo;
  calls_.Close();
  EXPECT_TRUE(HasReason(FromGrpcStatus(Open()->Finish()), Reason::kDraining));
}

// One task alone may send while another reads: many tasks send here.
Task<void> SendMany(coro::Runtime runtime, WithStream& stream,
                    std::uint64_t from) {
  for (std::uint64_t i = from; i < from + 100; ++i) {
    co_await coro::Yield(runtime.executor);
    stream.Send(Reply(i));
  }
}

Task<absl::Status> SendFromMany(coro::Runtime runtime, WithStream& stream) {
  coro::TaskGroup group(runtime);
  for (int i = 0; i < 10; ++i) group.Spawn(SendMany(runtime, stream, i * 1000));
  Task<void> joined = group.Join();
  co_await std::move(joined);
  co_return absl::OkStatus();
}

TEST_F(BidiStreamTest, ManyMaySendAtOnceAndNothingIsLost) {
  handlers_.with = [this](WithStream& stream) {
    return SendFromMany(runtime(), stream);
  };
  const auto stream = Open();
  v1::WithResponse response;
  std::map<std::uint64_t, std::uint64_t> next;
  int count = 0;
  while (stream->Read(&response)) {
    const std::uint64_t sender = response.used().call_id() / 1000;
    EXPECT_EQ(response.used().call_id() % 1000, next[sender]++);
    ++count;
  }
  EXPECT_EQ(count, 1000);
  EXPECT_TRUE(stream->Finish().ok());
}

// A message far beyond what the connection's buffers take, many times.
Task<absl::Status> Flood(coro::Runtime runtime, WithStream& stream, int count,
                         std::promise<void>& stopped) {
  v1::WithResponse response;
  response.mutable_event()->set_message(std::string(1 << 20, 'x'));
  for (int i = 0; i < count; ++i) stream.Send(response);
  coro::Event never(runtime);
  Task<coro::Wake> wait = never.Wait(stream.stop_token());
  co_await std::move(wait);
  stopped.set_value();
  co_return absl::OkStatus();
}

class BidiSlowReaderTest : public BidiStreamTest {
 protected:
  BidiSlowReaderTest()
      : BidiStreamTest({.write_timeout = absl::Milliseconds(50)}) {}
};

TEST_F(BidiSlowReaderTest, AClientThatTakesNothingIsCutOff) {
  std::promise<void> stopped;
  handlers_.with = [&](WithStream& stream) {
    return Flood(runtime(), stream, 100, stopped);
  };
  const auto stream = Open();
  stopped.get_future().wait();
}

class BidiManyMessagesTest : public BidiStreamTest {
 protected:
  BidiManyMessagesTest()
      : BidiStreamTest(
            {.write_timeout = absl::Hours(1), .max_queued_messages = 10}) {}
};

TEST_F(BidiManyMessagesTest, AClientForWhomTooMuchQueuesUpIsCutOff) {
  std::promise<void> stopped;
  handlers_.with = [&](WithStream& stream) {
    return Flood(runtime(), stream, 100, stopped);
  };
  const auto stream = Open();
  stopped.get_future().wait();
}

}  // namespace
}  // namespace anteroom::rpc
