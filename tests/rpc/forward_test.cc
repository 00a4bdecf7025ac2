// A call through a Forward, in raw bytes. Typed calls of every shape are in
// tests/service/pass_through_test.cc.
#include "server/rpc/forward.h"

#include <future>
#include <memory>
#include <stop_token>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "server/coro/sync_wait.h"
#include "server/error/error.h"
#include "server/rpc/status.h"
#include "server/rpc/tsan.h"
#include "tests/rpc/raw_call.h"
#include "tests/rpc/rpc_test.h"

namespace anteroom::rpc {
namespace {

// Says back each message until the half-close; then "OK".
class EchoReactor : public grpc::ServerGenericBidiReactor {
 public:
  EchoReactor() { StartRead(&message_); }
  void OnReadDone(bool ok) override {
    TsanAcquire(this);
    TsanRelease(this);
    if (ok) {
      StartWrite(&message_);
    } else {
      Finish(grpc::Status::OK);
    }
  }
  void OnWriteDone(bool) override {
    TsanAcquire(this);
    TsanRelease(this);
    StartRead(&message_);
  }
  void OnDone() override {
    TsanAcquire(this);
    delete this;
  }

 private:
  grpc::ByteBuffer message_;
};

// Writes `count` MiB without being asked, then ends.
class FloodReactor : public grpc::ServerGenericBidiReactor {
 public:
  explicit FloodReactor(int count) : left_(count) { OnWriteDone(true); }
  void OnWriteDone(bool ok) override {
    TsanAcquire(this);
    TsanRelease(this);
    if (ok && left_-- > 0) {
      StartWrite(&message_);
    } else {
      Finish(grpc::Status::OK);
    }
  }
  void OnDone() override {
    TsanAcquire(this);
    delete this;
  }

 private:
  int left_;
  const std::string bytes_ = std::string(1 << 20, 'x');
  const grpc::Slice slice_{bytes_};
  const grpc::ByteBuffer message_{&slice_, 1};
};

class Service : public grpc::CallbackGenericService {
 public:
  grpc::ServerGenericBidiReactor* CreateReactor(
      grpc::GenericCallbackServerContext* context) override {
    if (context->method() == "/x.Y/Flood") return new FloodReactor(64);
    return new EchoReactor;
  }
};

// Forwards every call.
class Front : public grpc::CallbackGenericService {
 public:
  explicit Front(Calls& calls) : forwards_(calls) {}

  grpc::ServerGenericBidiReactor* CreateReactor(
      grpc::GenericCallbackServerContext* context) override {
    TsanAcquire(this);
    const auto forward = Forward::Create(forwards_, *context);
    if (context->method() == "/x.Y/Refused") {
      forward->Refuse(Error(Reason::kDraining, "go away"));
    } else {
      Forward::Target target;
      target.stub = stub;
      target.method = context->method();
      target.stop = stop.get_token();
      target.ended = [this](const Forward::End& end) {
        ended.set_value(end.status.error_code());
        return end.status.ok()
                   ? end.status
                   : grpc::Status(grpc::StatusCode::ABORTED, "it was stopped");
      };
      forward->Start(std::move(target));
    }
    return forward.get();
  }

  Shapes& shapes() { return forwards_.shapes; }

  std::shared_ptr<grpc::GenericStub> stub;
  std::stop_source stop;
  std::promise<grpc::StatusCode> ended;

 private:
  Forwards forwards_;
};

class ForwardTest : public RpcTest {
 protected:
  explicit ForwardTest(const Calls::Options& options = {}) : RpcTest(options) {
    service_server_ = Serve(service_, service_channel_);
    front_.stub = std::make_shared<grpc::GenericStub>(service_channel_);
    front_server_ = Serve(front_, channel_);
    TsanRelease(&front_);
  }
  ~ForwardTest() override {
    front_server_->Shutdown(std::chrono::system_clock::now());
    service_server_->Shutdown(std::chrono::system_clock::now());
  }

  static std::unique_ptr<grpc::Server> Serve(
      grpc::CallbackGenericService& service,
      std::shared_ptr<grpc::Channel>& channel) {
    int port = 0;
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(),
                             &port);
    builder.RegisterCallbackGenericService(&service);
    auto server = builder.BuildAndStart();
    channel = grpc::CreateChannel(absl::StrCat("127.0.0.1:", port),
                                  grpc::InsecureChannelCredentials());
    return server;
  }

  Service service_;
  std::shared_ptr<grpc::Channel> service_channel_;
  std::unique_ptr<grpc::Server> service_server_;
  Front front_{calls_};
  std::unique_ptr<grpc::Server> front_server_;
};

TEST_F(ForwardTest, BytesThatAreNoMessageGoThroughUntouched) {
  testing::RawCall call(channel_, "/x.Y/Echo");
  for (const std::string& bytes :
       {std::string("\xff\xff\xff\xff garbage \0", 14), std::string(),
        std::string(1 << 20, '\xee')}) {
    ASSERT_TRUE(call.Write(bytes));
    EXPECT_EQ(call.Read(), bytes);
  }
  EXPECT_TRUE(call.HalfClose());
  EXPECT_EQ(call.Read(), std::nullopt);
  EXPECT_TRUE(call.Finish().ok());
  EXPECT_EQ(front_.ended.get_future().get(), grpc::StatusCode::OK);
}

TEST_F(ForwardTest, ACallWithoutAnyMessageEndsWithItsHalfClose) {
  testing::RawCall call(channel_, "/x.Y/Echo");
  EXPECT_TRUE(call.HalfClose());
  EXPECT_EQ(call.Read(), std::nullopt);
  EXPECT_TRUE(call.Finish().ok());
}

TEST_F(ForwardTest, AMessageThatWaitedForNothingIsRememberedBeforeTheEnd) {
  const std::shared_ptr<Shape> shape = front_.shapes().Of("/x.Y/Echo");
  EXPECT_TRUE(shape->one_request.holds());
  EXPECT_TRUE(shape->one_response.holds());
  testing::RawCall call(channel_, "/x.Y/Echo");
  ASSERT_TRUE(call.Write("a"));
  EXPECT_EQ(call.Read(), "a");
  EXPECT_FALSE(shape->one_request.holds());
  EXPECT_FALSE(shape->one_response.holds());
}

TEST_F(ForwardTest, AStopEndsTheCallAndItsOwnerSaysHow) {
  testing::RawCall call(channel_, "/x.Y/Echo");
  ASSERT_TRUE(call.Write("a"));
  EXPECT_EQ(call.Read(), "a");
  front_.stop.request_stop();
  EXPECT_EQ(front_.ended.get_future().get(), grpc::StatusCode::CANCELLED);
  EXPECT_EQ(call.Read(), std::nullopt);
  EXPECT_EQ(call.Finish().error_code(), grpc::StatusCode::ABORTED);
}

TEST_F(ForwardTest, AStopThatCameBeforeEndsTheCallToo) {
  front_.stop.request_stop();
  testing::RawCall call(channel_, "/x.Y/Echo");
  EXPECT_EQ(call.Read(), std::nullopt);
  EXPECT_EQ(call.Finish().error_code(), grpc::StatusCode::ABORTED);
}

TEST_F(ForwardTest, ARefusedCallIsToldWhy) {
  testing::RawCall call(channel_, "/x.Y/Refused");
  EXPECT_EQ(call.Read(), std::nullopt);
  EXPECT_TRUE(HasReason(FromGrpcStatus(call.Finish()), Reason::kDraining));
}

class ForwardSlowReaderTest : public ForwardTest {
 protected:
  ForwardSlowReaderTest()
      : ForwardTest({.write_timeout = absl::Milliseconds(50)}) {}
};

TEST_F(ForwardSlowReaderTest, WhoTakesNothingIsCutOffOnceTheCallHasEnded) {
  testing::RawCall call(channel_, "/x.Y/Flood");
  front_.stop.request_stop();  // there is a write that cannot end
  EXPECT_EQ(front_.ended.get_future().get(), grpc::StatusCode::CANCELLED);
  front_server_->Shutdown();  // waits until the call is over
}

}  // namespace
}  // namespace anteroom::rpc
