// UseStream over the network: order, flow control, both directions, and how it
// ends.
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/rpc/status.h"
#include "tests/service/service_test.h"

namespace anteroom::service {
namespace {

using absl::StatusCode;
using ::testing::ElementsAre;

constexpr char kConfig[] = R"pb(
  resources {
    name: "hello"
    hello {}
  }
  resources {
    name: "slow"
    policy { use_grace {} }
    hello { use_takes { seconds: 3600 } }
  }
)pb";

// Its streaming method `upper` answers each message in capitals, and the number
// of them at last.
class UpperObject : public lifecycle::Object {
 public:
  coro::Task<absl::StatusOr<lifecycle::Payload>> Use(
      lifecycle::UseContext&, absl::string_view method,
      lifecycle::PayloadView) override {
    co_return lifecycle::MethodNotFound(method);
  }

  coro::Task<absl::Status> UseStream(lifecycle::UseContext& context,
                                     absl::string_view,
                                     lifecycle::PayloadView argument,
                                     lifecycle::UseChannel& channel) override {
    int messages = 0;
    while (true) {
      auto read = channel.Read(context.stop());
      absl::StatusOr<std::optional<lifecycle::Payload>> next =
          co_await std::move(read);
      if (!next.ok()) co_return next.status();
      if (!next->has_value()) break;
      ++messages;
      lifecycle::Payload upper = **std::move(next);
      for (char& c : upper.data) c = static_cast<char>(std::toupper(c));
      coro::Task<absl::Status> write =
          channel.Write(std::move(upper), context.stop());
      const absl::Status written = co_await std::move(write);
      if (!written.ok()) co_return written;
    }
    coro::Task<absl::Status> write = channel.Write(
        {"", absl::StrCat(argument.data, messages)}, context.stop());
    co_return co_await std::move(write);
  }
};

class UpperKind : public lifecycle::Kind {
 public:
  lifecycle::Hooks hooks() const override { return {}; }
  std::unique_ptr<lifecycle::Object> Construct(
      const lifecycle::InstanceInfo&, lifecycle::InstanceContext&) override {
    return std::make_unique<UpperObject>();
  }
};

class UseStreamTest : public ServiceTest {
 protected:
  UseStreamTest()
      : ServiceTest(kConfig, [](coro::Runtime, lifecycle::Anteroom& anteroom) {
          ASSERT_TRUE(
              anteroom.AddResource("upper", {}, std::make_unique<UpperKind>())
                  .ok());
        }) {}

  struct Call {
    grpc::ClientContext context;
    std::unique_ptr<
        grpc::ClientReaderWriter<v1::UseStreamRequest, v1::UseStreamResponse>>
        stream;

    bool Say(const std::string& data) const {
      v1::UseStreamRequest request;
      request.mutable_argument()->set_data(data);
      return stream->Write(request);
    }
    std::optional<std::string> Hear() const {
      v1::UseStreamResponse response;
      if (!stream->Read(&response)) return std::nullopt;
      return response.result().data();
    }
    // What is still said, and how it ended.
    std::vector<std::string> Rest() const {
      std::vector<std::string> rest;
      while (auto next = Hear()) rest.push_back(*std::move(next));
      return rest;
    }
    absl::Status End() const { return rpc::FromGrpcStatus(stream->Finish()); }
  };

  std::unique_ptr<Call> Begin(const v1::UseStreamRequest& first) {
    auto call = std::make_unique<Call>();
    Bound(call->context);
    call->stream = stub_->UseStream(&call->context);
    call->stream->Write(first);
    return call;
  }
  std::unique_ptr<Call> Begin(const std::string& lease_id,
                              const std::string& method,
                              const std::string& argument) {
    v1::UseStreamRequest first;
    first.set_lease_id(lease_id);
    first.set_method_name(method);
    first.mutable_argument()->set_data(argument);
    return Begin(first);
  }
  std::string Hold(const std::string& resource) {
    const auto lease = Acquire(resource);
    EXPECT_TRUE(lease.ok()) << lease.status();
    return lease->lease_id();
  }
  // How a call that begins so ends.
  absl::Status Refused(const v1::UseStreamRequest& first) {
    const auto call = Begin(first);
    EXPECT_EQ(call->Hear(), std::nullopt);
    return call->End();
  }
};

TEST_F(UseStreamTest, CountAnswersEachNumberInItsOrder) {
  const auto call = Begin(Hold("hello"), "count", "4");
  EXPECT_THAT(call->Rest(), ElementsAre("0", "1", "2", "3"));
  EXPECT_TRUE(call->End().ok());
}

TEST_F(UseStreamTest, ALongStreamWaitsForItsReaderAndLosesNothing) {
  constexpr int kMessages = 200'000;  // more than may queue up
  const auto call = Begin(Hold("hello"), "count", absl::StrCat(kMessages));
  int next = 0;
  while (const auto number = call->Hear()) {
    ASSERT_EQ(*number, absl::StrCat(next++));
  }
  EXPECT_EQ(next, kMessages);
  EXPECT_TRUE(call->End().ok());
}

TEST_F(UseStreamTest, MessagesGoBothWaysUntilTheCallerHasSaidAll) {
  const auto call = Begin(Hold("upper"), "upper", "messages: ");
  for (const char* const word : {"one", "two"}) {
    ASSERT_TRUE(call->Say(word));
    EXPECT_EQ(call->Hear(), word == std::string("one") ? "ONE" : "TWO");
  }
  call->stream->WritesDone();
  EXPECT_THAT(call->Rest(), ElementsAre("messages: 2"));
  EXPECT_TRUE(call->End().ok());
}

TEST_F(UseStreamTest, TheFirstMessageMustSayWhichMethodOfWhichLease) {
  v1::UseStreamRequest request;
  request.set_method_name("count");
  absl::Status status = Refused(request);
  EXPECT_THAT(status,
              Fails(StatusCode::kInvalidArgument, Reason::kInvalidRequest));
  EXPECT_EQ(DetailOf(status).field_violations.begin()->first, "lease_id");
  request.set_lease_id(Hold("hello"));
  request.clear_method_name();
  status = Refused(request);
  EXPECT_EQ(DetailOf(status).field_violations.begin()->first, "method_name");
  Call silent;
  Bound(silent.context);
  silent.stream = stub_->UseStream(&silent.context);
  silent.stream->WritesDone();
  EXPECT_THAT(silent.End(),
              Fails(StatusCode::kInvalidArgument, Reason::kInvalidRequest));
}

TEST_F(UseStreamTest, NoLaterMessageMayNameALease) {
  const std::string lease = Hold("upper");
  const auto call = Begin(lease, "upper", "");
  v1::UseStreamRequest again;
  again.set_lease_id(lease);
  call->stream->Write(again);
  EXPECT_EQ(call->Hear(), std::nullopt);
  const absl::Status status = call->End();
  EXPECT_THAT(status,
              Fails(StatusCode::kInvalidArgument, Reason::kInvalidRequest));
  EXPECT_EQ(DetailOf(status).field_violations.begin()->first, "lease_id");
}

TEST_F(UseStreamTest, WhatIsNotThereIsSaidSo) {
  v1::UseStreamRequest request;
  request.set_lease_id("no such lease");
  request.set_method_name("count");
  EXPECT_THAT(Refused(request),
              Fails(StatusCode::kNotFound, Reason::kLeaseNotFound));
  request.set_lease_id(Hold("hello"));
  request.set_method_name("a_method");  // is no streaming one
  EXPECT_THAT(Refused(request),
              Fails(StatusCode::kUnimplemented, Reason::kMethodNotFound));
  request.set_method_name("count");
  request.mutable_argument()->set_data("many");
  EXPECT_THAT(Refused(request),
              Fails(StatusCode::kInvalidArgument, Reason::kUseFailed));
  request.mutable_argument()->set_data("1");
  request.set_fencing_token(1);
  EXPECT_THAT(Refused(request), Fails(StatusCode::kFailedPrecondition,
                                      Reason::kStaleFencingToken));
  request.clear_fencing_token();
  ASSERT_TRUE(Release(request.lease_id()).ok());
  EXPECT_THAT(Refused(request),
              Fails(StatusCode::kFailedPrecondition, Reason::kLeaseEnded));
}

TEST_F(UseStreamTest, AReleaseCancelsAStreamOnceUseGraceIsOver) {
  // USED is recorded only while somebody watches.
  const lifecycle::EventLog::Watch watch(built_.anteroom->events());
  const std::string lease = Hold("slow");
  const auto call = Begin(lease, "count", "1");
  AwaitPhase("slow", v1::LifecycleEvent::PHASE_USED);
  const auto receipt = Release(lease);
  ASSERT_TRUE(receipt.ok()) << receipt.status();
  EXPECT_EQ(call->Hear(), std::nullopt);
  EXPECT_THAT(call->End(), Fails(StatusCode::kAborted, Reason::kUseCancelled));
}

TEST_F(UseStreamTest, ACallerThatGoesAwayDoesNotKeepTheLease) {
  // USED is recorded only while somebody watches.
  const lifecycle::EventLog::Watch watch(built_.anteroom->events());
  const std::string lease = Hold("slow");
  const auto call = Begin(lease, "count", "1");
  AwaitPhase("slow", v1::LifecycleEvent::PHASE_USED);
  call->context.TryCancel();
  EXPECT_EQ(call->End().code(), StatusCode::kCancelled);
  EXPECT_TRUE(Release(lease).ok());
}

}  // namespace
}  // namespace anteroom::service
