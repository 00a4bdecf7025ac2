#include "server/rpc/client_stream.h"

#include <future>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "gtest/gtest.h"
#include "server/coro/event.h"
#include "server/coro/sync_wait.h"
#include "server/error/error.h"
#include "server/rpc/client_call.h"
#include "tests/rpc/rpc_test.h"

namespace anteroom::rpc {
namespace {

using coro::Task;
using Stream = ClientStream<v1::WithRequest, v1::WithResponse>;
using WatchClient =
    ClientStream<v1::WatchEventsRequest, v1::WatchEventsResponse>;

constexpr char kWith[] = "/anteroom.v1.ResourceService/With";
constexpr char kWatch[] = "/anteroom.v1.ResourceService/WatchEvents";

class ClientStreamTest : public RpcTest {
 protected:
  std::shared_ptr<ClientByteStream> Start(
      const char* method = kWith, absl::Duration bound = absl::Seconds(30)) {
    return ClientByteStream::Start(runtime(), generic_, method,
                                   coro::After(clock_.Now(), bound));
  }
  // Runs `body`, with the call that it is given, then ends that.
  template <typename Body>
  absl::Status RunWith(std::shared_ptr<ClientByteStream> bytes, Body body) {
    Stream stream(std::move(bytes));
    coro::SyncWait(body(stream));
    return coro::SyncWait(stream.End());
  }

  grpc::GenericStub generic_{channel_};
};

Task<absl::Status> UntilStopped(coro::Runtime runtime, WithStream& stream,
                                std::promise<void>* began) {
  began->set_value();
  coro::Event never(runtime);
  Task<coro::Wake> wait = never.Wait(stream.stop_token());
  co_await std::move(wait);
  co_return absl::CancelledError("stopped");
}

// Sends `count` requests, one after the other's answer.
Task<void> PingPong(Stream& stream, int count, int* answered) {
  for (int i = 0; i < count; ++i) {
    Task<bool> write = stream.Write(Call(i), {});
    if (!co_await std::move(write)) co_return;
    auto read = stream.Read({});
    const auto response = co_await std::move(read);
    if (!response.ok() || !response->has_value()) co_return;
    *answered += (*response)->used().call_id() == static_cast<unsigned>(i);
  }
  stream.CloseWrites();
  auto read = stream.Read({});
  const auto response = co_await std::move(read);
  *answered += response.ok() && !response->has_value();
}

TEST_F(ClientStreamTest, EachSideHearsTheOtherInOrderToTheEnd) {
  handlers_.with = Echo;
  int answered = 0;
  const absl::Status status = RunWith(Start(), [&](Stream& stream) {
    return PingPong(stream, 500, &answered);
  });
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(answered, 501);
}

Task<absl::Status> SendThenFail(WithStream& stream) {
  for (int i = 0; i < 100; ++i) stream.Send(Reply(i));
  co_return InvalidField("use", "must not be so");
}

Task<void> ReadAll(Stream& stream, int* count) {
  while (true) {
    auto read = stream.Read({});
    const auto response = co_await std::move(read);
    if (!response.ok() || !response->has_value()) co_return;
    ++*count;
  }
}

TEST_F(ClientStreamTest, AnErrorComesAfterAllMessagesWithItsDetails) {
  handlers_.with = SendThenFail;
  int count = 0;
  const absl::Status status =
      RunWith(Start(), [&](Stream& stream) { return ReadAll(stream, &count); });
  EXPECT_EQ(count, 100);
  EXPECT_EQ(status, InvalidField("use", "must not be so"));
}

Task<absl::Status> Tell(WatchStream& stream) {
  for (int i = 1; i <= 3; ++i) {
    v1::WatchEventsResponse response;
    response.mutable_event()->set_sequence(i);
    Task<bool> write = stream.Write(std::move(response));
    if (!co_await std::move(write)) co_return absl::CancelledError("broken");
  }
  co_return absl::OkStatus();
}

Task<absl::Status> Watch(std::shared_ptr<ClientByteStream> bytes,
                         std::uint64_t* last) {
  WatchClient stream(std::move(bytes));
  Task<bool> write = stream.Write(v1::WatchEventsRequest(), {});
  co_await std::move(write);
  stream.CloseWrites();
  while (true) {
    auto read = stream.Read({});
    const auto response = co_await std::move(read);
    if (!response.ok() || !response->has_value()) break;
    *last = (*response)->event().sequence();
  }
  Task<absl::Status> end = stream.End();
  co_return co_await std::move(end);
}

TEST_F(ClientStreamTest, OneRequestMayBeAnsweredByAStream) {
  handlers_.watch = Tell;
  std::uint64_t last = 0;
  const absl::Status status = coro::SyncWait(Watch(Start(kWatch), &last));
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(last, 3);
}

Task<void> ReadUntil(Stream& stream, std::stop_token stop,
                     absl::Status* status) {
  auto read = stream.Read(std::move(stop));
  *status = (co_await std::move(read)).status();
}

TEST_F(ClientStreamTest, AStoppedReadLeavesItsMessageToTheNext) {
  handlers_.with = Echo;
  Stream stream(Start());
  std::stop_source stop;
  stop.request_stop();
  absl::Status stopped;
  coro::SyncWait(ReadUntil(stream, stop.get_token(), &stopped));
  EXPECT_TRUE(absl::IsCancelled(stopped)) << stopped;
  int answered = 0;
  coro::SyncWait(PingPong(stream, 3, &answered));
  EXPECT_EQ(answered, 4);
  EXPECT_TRUE(coro::SyncWait(stream.End()).ok());
}

TEST_F(ClientStreamTest, EndingACallThatIsNotReadToItsEndCancelsIt) {
  std::promise<void> began;
  handlers_.with = [&](WithStream& stream) {
    return UntilStopped(runtime(), stream, &began);
  };
  Stream stream(Start());
  began.get_future().wait();
  EXPECT_TRUE(absl::IsCancelled(coro::SyncWait(stream.End())));
}

Task<void> WriteUntilOver(Stream& stream, std::stop_token stop, int* taken) {
  v1::WithRequest large = Call(1);
  large.mutable_use()->mutable_argument()->set_data(std::string(1 << 20, 'x'));
  while (true) {
    Task<bool> write = stream.Write(large, stop);
    if (!co_await std::move(write)) co_return;
    ++*taken;
  }
}

TEST_F(ClientStreamTest, AStopEndsAWriteThatNobodyReads) {
  std::promise<void> began;
  handlers_.with = [&](WithStream& stream) {
    return UntilStopped(runtime(), stream, &began);
  };
  std::stop_source stop;
  int taken = 0;
  Stream stream(Start());
  std::future<void> writes = std::async(std::launch::async, [&] {
    coro::SyncWait(WriteUntilOver(stream, stop.get_token(), &taken));
  });
  began.get_future().wait();
  stop.request_stop();
  writes.get();
  EXPECT_TRUE(absl::IsCancelled(coro::SyncWait(stream.End())));
}

TEST_F(ClientStreamTest, ItsDeadlineEndsIt) {
  std::promise<void> began;
  handlers_.with = [&](WithStream& stream) {
    return UntilStopped(runtime(), stream, &began);
  };
  int count = 0;
  const absl::Status status =
      RunWith(Start(kWith, absl::Milliseconds(50)),
              [&](Stream& stream) { return ReadAll(stream, &count); });
  EXPECT_TRUE(absl::IsDeadlineExceeded(status)) << status;
}

Task<absl::Status> FirstRead(std::shared_ptr<ClientByteStream> bytes) {
  Stream stream(std::move(bytes));
  stream.CloseWrites();
  auto read = stream.Read({});
  const auto response = co_await std::move(read);
  Task<absl::Status> end = stream.End();
  (void)co_await std::move(end);
  co_return response.status();
}

Task<absl::Status> SendNotUtf8(WithStream& stream) {
  v1::WithResponse response;
  response.mutable_entered()->mutable_lease()->set_lease_id("\xff");
  stream.Send(response);
  co_return absl::OkStatus();
}

TEST_F(ClientStreamTest, AMessageThatDoesNotParseIsAnErrorAndNoEnd) {
  handlers_.with = SendNotUtf8;
  EXPECT_TRUE(absl::IsInternal(coro::SyncWait(FirstRead(Start()))));
}

TEST_F(ClientStreamTest, ACallToNobodySaysSo) {
  grpc::GenericStub nobody(grpc::CreateChannel(
      "unix:/nonexistent", grpc::InsecureChannelCredentials()));
  int count = 0;
  const absl::Status status = RunWith(
      ClientByteStream::Start(runtime(), nobody, kWith,
                              coro::After(clock_.Now(), absl::Seconds(30))),
      [&](Stream& stream) { return PingPong(stream, 1, &count); });
  EXPECT_TRUE(absl::IsUnavailable(status)) << status;
}

Task<absl::Status> Answer(v1::UseResponse& response) {
  response.mutable_result()->set_content_type("\xff");
  co_return absl::OkStatus();
}

TEST_F(ClientStreamTest, AUnaryAnswerThatDoesNotParseIsAnError) {
  handlers_.use = [](CallContext&, const auto&, auto& response) {
    return Answer(response);
  };
  const auto response = coro::SyncWait(CallMethod<v1::UseResponse>(
      runtime(), generic_, "/anteroom.v1.ResourceService/Use", v1::UseRequest(),
      {{}, coro::After(clock_.Now(), absl::Seconds(30))}));
  EXPECT_TRUE(absl::IsInternal(response.status())) << response.status();
}

}  // namespace
}  // namespace anteroom::rpc
