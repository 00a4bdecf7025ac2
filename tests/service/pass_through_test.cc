// Calls of other services' methods, through a lease: to a real server of such a
// service, and back.
#include "server/service/pass_through.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/rpc/status.h"
#include "tests/rpc/raw_call.h"
#include "tests/service/service_test.h"
#include "tests/support/echo_server.h"
#include "tests/support/endpoint_kind.h"

namespace anteroom::service {
namespace {

using absl::StatusCode;
using testing::EchoRequest;
using testing::EchoResponse;
using testing::EchoServer;
using testing::EchoService;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Nobody listens there.
constexpr char kNowhere[] = "127.0.0.1:1";

std::string RandomBytes(std::size_t size) {
  std::mt19937 bits(7);
  std::string bytes(size, '\0');
  for (char& byte : bytes) byte = static_cast<char>(bits());
  return bytes;
}

EchoRequest Say(const std::string& data, int count = 0) {
  EchoRequest request;
  request.set_data(data);
  request.set_count(count);
  return request;
}

EchoResponse Answer(const std::string& data) {
  EchoResponse response;
  response.set_data(data);
  return response;
}

// What the client's side of a chat is told, to its end.
template <typename Stream>
std::vector<std::string> Rest(Stream& stream) {
  std::vector<std::string> rest;
  EchoResponse response;
  while (stream.Read(&response)) rest.push_back(response.data());
  return rest;
}

std::string Value(const std::multimap<grpc::string_ref, grpc::string_ref>& all,
                  const char* key) {
  const auto found = all.find(key);
  if (found == all.end()) return "none";
  return std::string(found->second.data(), found->second.size());
}

// There before the server is, and after it.
struct WithEcho {
  EchoServer echo_;
};

class PassThroughTest : protected WithEcho, public ServiceTest {
 protected:
  PassThroughTest()
      : ServiceTest(R"pb(resources {
                           name: "hello"
                           hello {}
                         })pb",
                    [this](coro::Runtime, lifecycle::Anteroom& anteroom) {
                      lifecycle::Policy policy;
                      policy.use_grace = absl::ZeroDuration();
                      Add(anteroom, "echo", policy, echo_.address());
                      Add(anteroom, "nowhere", policy, kNowhere);
                      policy.use_timeout = absl::Milliseconds(50);
                      Add(anteroom, "brief", policy, echo_.address());
                      policy.use_timeout = absl::InfiniteDuration();
                      policy.default_ttl = policy.max_ttl =
                          absl::Milliseconds(50);
                      Add(anteroom, "expiring", policy, echo_.address());
                    }),
        stub_(EchoService::NewStub(channel_)) {}
  ~PassThroughTest() override { Drain(); }

  static void Add(lifecycle::Anteroom& anteroom, const std::string& name,
                  const lifecycle::Policy& policy, const std::string& address) {
    const absl::Status added = anteroom.AddResource(
        name, policy, std::make_unique<testing::EndpointKind>(address));
    ASSERT_TRUE(added.ok()) << added;
  }

  std::string Hold(const std::string& resource) {
    const auto lease = Acquire(resource);
    EXPECT_TRUE(lease.ok()) << lease.status();
    return lease->lease_id();
  }
  // A context for a call through `lease`.
  std::unique_ptr<grpc::ClientContext> Through(const std::string& lease) {
    auto context = std::make_unique<grpc::ClientContext>();
    Bound(*context);
    context->AddMetadata("anteroom-lease", lease);
    return context;
  }
  absl::StatusOr<std::string> Echo(grpc::ClientContext& context,
                                   const std::string& data) {
    EchoResponse response;
    const grpc::Status status = stub_->Echo(&context, Say(data), &response);
    if (!status.ok()) return rpc::FromGrpcStatus(status);
    return response.data();
  }
  absl::Status EchoThrough(const std::string& lease) {
    return Echo(*Through(lease), "").status();
  }
  // A chat that says nothing until its caller or its lease is gone; `began` is
  // set once it has begun, `cancelled` once it knows.
  void ChatWaits() {
    echo_.SetChat(
        [this](grpc::ServerContext& context, EchoServer::ChatStream& stream) {
          began_ = true;
          stream.SendInitialMetadata();
          EchoRequest request;
          while (stream.Read(&request)) {
          }
          cancelled_.set_value(context.IsCancelled());
          return grpc::Status::OK;
        });
  }
  // Whether the service saw that a waiting chat was cancelled; true, too, of
  // one whose time was over before it got there.
  bool ServiceSawItEnd() { return !began_ || cancelled_.get_future().get(); }
  // How a chat through `lease` ends that waits, once `end` was done to it.
  template <typename End>
  absl::Status ChatUntil(const std::string& lease, End end) {
    ChatWaits();
    const auto context = Through(lease);
    const auto chat = stub_->Chat(context.get());
    chat->WaitForInitialMetadata();
    end(*context);
    EXPECT_THAT(Rest(*chat), ElementsAre());
    EXPECT_TRUE(ServiceSawItEnd());
    return rpc::FromGrpcStatus(chat->Finish());
  }

  std::unique_ptr<EchoService::Stub> stub_;
  std::atomic<bool> began_ = false;
  std::promise<bool> cancelled_;
};

TEST_F(PassThroughTest, AUnaryCallGoesThroughTheLease) {
  const std::string lease = Hold("echo");
  // Again and again: how a method is forwarded depends on its last call.
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(*Echo(*Through(lease), "hello"), "hello");
  }
}

TEST_F(PassThroughTest, AStreamOfResponsesGoesThroughTheLease) {
  const std::string lease = Hold("echo");
  for (const int count : {3, 0, 1, 3}) {
    const auto context = Through(lease);
    const auto stream = stub_->Repeat(context.get(), Say("again", count));
    EXPECT_THAT(Rest(*stream), std::vector<std::string>(count, "again"));
    EXPECT_TRUE(stream->Finish().ok());
  }
}

TEST_F(PassThroughTest, AStreamOfRequestsGoesThroughTheLease) {
  const std::string lease = Hold("echo");
  for (const int count : {3, 0, 1, 3}) {
    const auto context = Through(lease);
    EchoResponse response;
    const auto stream = stub_->Collect(context.get(), &response);
    std::string said;
    for (int i = 0; i < count; ++i) {
      ASSERT_TRUE(stream->Write(Say(absl::StrCat(i))));
      said += absl::StrCat(i);
    }
    EXPECT_TRUE(stream->WritesDone());
    EXPECT_TRUE(stream->Finish().ok());
    EXPECT_EQ(response.data(), said);
  }
}

TEST_F(PassThroughTest, AChatGoesToAndFroUntilTheHalfClose) {
  const std::string lease = Hold("echo");
  for (int round = 0; round < 3; ++round) {
    const auto context = Through(lease);
    const auto chat = stub_->Chat(context.get());
    EchoResponse response;
    for (const char* const word : {"one", "two", "three"}) {
      ASSERT_TRUE(chat->Write(Say(word)));
      ASSERT_TRUE(chat->Read(&response));
      EXPECT_EQ(response.data(), word);
    }
    EXPECT_TRUE(chat->WritesDone());
    EXPECT_THAT(Rest(*chat), ElementsAre());
    EXPECT_TRUE(chat->Finish().ok());
  }
}

TEST_F(PassThroughTest, AMebibyteGoesBothWaysUntouched) {
  const std::string lease = Hold("echo");
  const std::string data = RandomBytes(std::size_t{1} << 20);
  EXPECT_EQ(*Echo(*Through(lease), data), data);
  const auto context = Through(lease);
  const auto chat = stub_->Chat(context.get());
  EchoResponse response;
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(chat->Write(Say(data)));
    ASSERT_TRUE(chat->Read(&response));
    EXPECT_EQ(response.data(), data);
  }
  EXPECT_TRUE(chat->WritesDone());
  EXPECT_TRUE(chat->Finish().ok());
}

TEST_F(PassThroughTest, AnAnswerMayBeLargerThanWhatTheServerItselfTakes) {
  const std::string data = RandomBytes(std::size_t{5} << 20);
  echo_.SetChat([&data](grpc::ServerContext&, EchoServer::ChatStream& stream) {
    stream.Write(Answer(data));
    return grpc::Status::OK;
  });
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(-1);
  const auto stub = EchoService::NewStub(
      grpc::CreateCustomChannel(server_->addresses().front(),
                                grpc::InsecureChannelCredentials(), arguments));
  const auto context = Through(Hold("echo"));
  const auto chat = stub->Chat(context.get());
  EchoResponse response;
  ASSERT_TRUE(chat->Read(&response));
  EXPECT_EQ(response.data(), data);
  EXPECT_TRUE(chat->Finish().ok());
}

TEST_F(PassThroughTest, ARequestTooLargeForTheServerIsRefused) {
  EXPECT_EQ(Echo(*Through(Hold("echo")), RandomBytes(std::size_t{5} << 20))
                .status()
                .code(),
            StatusCode::kResourceExhausted);
}

TEST_F(PassThroughTest, MetadataGoesBothWaysUntouched) {
  const std::string binary("\0\xff\x80 bytes", 9);
  std::promise<std::multimap<std::string, std::string>> seen;
  echo_.SetChat([&](grpc::ServerContext& context, EchoServer::ChatStream&) {
    std::multimap<std::string, std::string> all;
    for (const auto& [key, value] : context.client_metadata()) {
      all.emplace(std::string(key.data(), key.size()),
                  std::string(value.data(), value.size()));
    }
    seen.set_value(std::move(all));
    context.AddInitialMetadata("first", "1");
    context.AddInitialMetadata("first-bin", binary);
    context.AddTrailingMetadata("last", "2");
    context.AddTrailingMetadata("last-bin", binary);
    return grpc::Status::OK;
  });
  const auto context = Through(Hold("echo"));
  context->AddMetadata("x-word", "one");
  context->AddMetadata("x-word", "two");
  context->AddMetadata("x-bytes-bin", binary);
  context->AddMetadata("anteroom-fencing-token", "0");
  const auto chat = stub_->Chat(context.get());
  chat->WritesDone();
  EXPECT_THAT(Rest(*chat), ElementsAre());
  ASSERT_TRUE(chat->Finish().ok());
  const auto all = seen.get_future().get();
  std::vector<std::string> words;
  for (auto [at, end] = all.equal_range("x-word"); at != end; ++at) {
    words.push_back(at->second);
  }
  EXPECT_THAT(words, ElementsAre("one", "two"));
  EXPECT_EQ(all.find("x-bytes-bin")->second, binary);
  EXPECT_FALSE(all.contains("anteroom-lease"));
  EXPECT_FALSE(all.contains("anteroom-fencing-token"));
  EXPECT_EQ(Value(context->GetServerInitialMetadata(), "first"), "1");
  EXPECT_EQ(Value(context->GetServerInitialMetadata(), "first-bin"), binary);
  EXPECT_EQ(Value(context->GetServerTrailingMetadata(), "last"), "2");
  EXPECT_EQ(Value(context->GetServerTrailingMetadata(), "last-bin"), binary);
}

TEST_F(PassThroughTest, AStatusKeepsItsCodeMessageAndDetails) {
  const std::string details("\x08\x05 any bytes \xff\0!", 15);
  const std::string lease = Hold("echo");
  for (const auto code :
       {grpc::StatusCode::NOT_FOUND, grpc::StatusCode::UNAVAILABLE,
        grpc::StatusCode::CANCELLED, grpc::StatusCode::UNIMPLEMENTED}) {
    echo_.SetChat([&](grpc::ServerContext&, EchoServer::ChatStream&) {
      return grpc::Status(code, "not here: \xC3\xA4%", details);
    });
    const auto context = Through(lease);
    const auto chat = stub_->Chat(context.get());
    EXPECT_THAT(Rest(*chat), ElementsAre());
    const grpc::Status status = chat->Finish();
    EXPECT_EQ(status.error_code(), code);
    EXPECT_EQ(status.error_message(), "not here: \xC3\xA4%");
    EXPECT_EQ(status.error_details(), details);
  }
}

TEST_F(PassThroughTest, WhatWasSaidBeforeAnErrorArrives) {
  echo_.SetChat([](grpc::ServerContext&, EchoServer::ChatStream& stream) {
    for (const char* const word : {"a", "b", "c"}) stream.Write(Answer(word));
    return grpc::Status(grpc::StatusCode::ABORTED, "enough");
  });
  const std::string lease = Hold("echo");
  for (int i = 0; i < 3; ++i) {
    const auto context = Through(lease);
    const auto chat = stub_->Chat(context.get());
    EXPECT_THAT(Rest(*chat), ElementsAre("a", "b", "c"));
    EXPECT_EQ(chat->Finish().error_code(), grpc::StatusCode::ABORTED);
  }
}

// The status comes while the last response but one is being written: whichever
// of the two threads is later ends the call.
TEST_F(PassThroughTest, AStatusThatMeetsAWriteEndsTheCallOnce) {
  const std::string lease = Hold("echo");
  std::vector<std::jthread> clients;
  for (int client = 0; client < 8; ++client) {
    clients.emplace_back([&] {
      for (int i = 0; i < 100; ++i) {
        const auto context = Through(lease);
        const auto stream = stub_->Repeat(context.get(), Say("again", 2));
        EXPECT_THAT(Rest(*stream), ElementsAre("again", "again"));
        EXPECT_TRUE(stream->Finish().ok());
      }
    });
  }
}

TEST_F(PassThroughTest, TheServiceMayBeTheFirstToSpeak) {
  echo_.SetChat([](grpc::ServerContext&, EchoServer::ChatStream& stream) {
    stream.SendInitialMetadata();
    EchoRequest request;
    if (!stream.Read(&request)) return grpc::Status::CANCELLED;
    stream.Write(Answer("first"));
    if (!stream.Read(&request)) return grpc::Status::CANCELLED;
    return grpc::Status::OK;
  });
  const auto context = Through(Hold("echo"));
  const auto chat = stub_->Chat(context.get());
  chat->WaitForInitialMetadata();  // nothing was said yet
  EchoResponse response;
  ASSERT_TRUE(chat->Write(Say("hello")));
  ASSERT_TRUE(chat->Read(&response));  // before the next is said
  ASSERT_TRUE(chat->Write(Say("good bye")));
  EXPECT_TRUE(chat->Finish().ok());
}

TEST_F(PassThroughTest, TheServiceSeesTheClientsDeadline) {
  std::promise<std::chrono::system_clock::time_point> seen;
  echo_.SetChat([&seen](grpc::ServerContext& context, EchoServer::ChatStream&) {
    seen.set_value(context.deadline());
    return grpc::Status::OK;
  });
  const auto context = Through(Hold("echo"));
  const auto deadline =
      std::chrono::system_clock::now() + std::chrono::hours(2);
  context->set_deadline(deadline);
  const auto chat = stub_->Chat(context.get());
  EXPECT_TRUE(chat->Finish().ok());
  // Each hop tells what is left, rounded.
  const auto difference = seen.get_future().get() - deadline;
  EXPECT_LT(std::chrono::abs(difference), std::chrono::minutes(1));
}

TEST_F(PassThroughTest, TheClientsCancelReachesTheService) {
  const std::string lease = Hold("echo");
  const absl::Status status = ChatUntil(
      lease, [](grpc::ClientContext& context) { context.TryCancel(); });
  EXPECT_EQ(status.code(), StatusCode::kCancelled);
  EXPECT_TRUE(Release(lease).ok());
}

TEST_F(PassThroughTest, TheClientsDeadlineEndsTheCallAtTheService) {
  ChatWaits();
  const auto context = Through(Hold("echo"));
  context->set_deadline(std::chrono::system_clock::now() +
                        std::chrono::milliseconds(50));
  const auto chat = stub_->Chat(context.get());
  EXPECT_THAT(Rest(*chat), ElementsAre());
  EXPECT_EQ(chat->Finish().error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
  EXPECT_TRUE(ServiceSawItEnd());
}

TEST_F(PassThroughTest, TheServicesCancelReachesTheClient) {
  echo_.SetChat(
      [](grpc::ServerContext& context, EchoServer::ChatStream& stream) {
        EchoRequest request;
        stream.Read(&request);
        context.TryCancel();
        return grpc::Status::OK;
      });
  const auto context = Through(Hold("echo"));
  const auto chat = stub_->Chat(context.get());
  ASSERT_TRUE(chat->Write(Say("")));
  EXPECT_THAT(Rest(*chat), ElementsAre());
  EXPECT_EQ(chat->Finish().error_code(), grpc::StatusCode::CANCELLED);
}

TEST_F(PassThroughTest, AServiceMayEndACallBeforeTheClientHasSaidAll) {
  echo_.SetChat([](grpc::ServerContext&, EchoServer::ChatStream& stream) {
    EchoRequest request;
    stream.Read(&request);
    return grpc::Status(grpc::StatusCode::OUT_OF_RANGE, "too much");
  });
  const auto context = Through(Hold("echo"));
  const auto chat = stub_->Chat(context.get());
  const std::string data = RandomBytes(std::size_t{1} << 16);
  while (chat->Write(Say(data))) {
  }
  EXPECT_EQ(chat->Finish().error_code(), grpc::StatusCode::OUT_OF_RANGE);
}

TEST_F(PassThroughTest, AClientThatDoesNotReadStopsTheService) {
  constexpr int kMessages = 200;  // MiB
  constexpr int kBound = 50;
  std::atomic<int> written = 0;
  const std::string data = RandomBytes(std::size_t{1} << 20);
  echo_.SetChat([&](grpc::ServerContext&, EchoServer::ChatStream& stream) {
    while (written < kMessages && stream.Write(Answer(data))) ++written;
    return grpc::Status::OK;
  });
  const std::string lease = Hold("echo");
  const auto context = Through(lease);
  const auto chat = stub_->Chat(context.get());
  EchoResponse response;
  ASSERT_TRUE(chat->Read(&response));
  // Others are served meanwhile, for as long as all of it would take.
  for (int i = 0; i < 40; ++i) {
    ASSERT_EQ(Echo(*Through(lease), data)->size(), data.size());
  }
  EXPECT_LT(written, kBound);
  int read = 1;
  while (chat->Read(&response)) {
    ASSERT_EQ(response.data(), data);
    ++read;
  }
  EXPECT_EQ(read, kMessages);
  EXPECT_TRUE(chat->Finish().ok());
}

TEST_F(PassThroughTest, AServiceThatDoesNotReadStopsTheClient) {
  constexpr int kMessages = 200;
  constexpr int kBound = 50;
  std::promise<void> reads;
  std::atomic<int> read = 0;
  echo_.SetChat([&](grpc::ServerContext&, EchoServer::ChatStream& stream) {
    reads.get_future().wait();
    EchoRequest request;
    while (stream.Read(&request)) ++read;
    return grpc::Status::OK;
  });
  const std::string lease = Hold("echo");
  const std::string data = RandomBytes(std::size_t{1} << 20);
  const auto context = Through(lease);
  const auto chat = stub_->Chat(context.get());
  std::atomic<int> written = 0;
  std::thread writer([&] {
    while (written < kMessages && chat->Write(Say(data))) ++written;
    chat->WritesDone();
  });
  for (int i = 0; i < 40; ++i) {
    ASSERT_EQ(Echo(*Through(lease), data)->size(), data.size());
  }
  EXPECT_LT(written, kBound);
  reads.set_value();
  writer.join();
  EXPECT_TRUE(chat->Finish().ok());
  EXPECT_EQ(read, kMessages);
}

TEST_F(PassThroughTest, AReleaseCancelsTheCallAndTheServiceSeesIt) {
  const std::string lease = Hold("echo");
  EXPECT_THAT(ChatUntil(lease,
                        [&](grpc::ClientContext&) {
                          EXPECT_TRUE(Release(lease).ok());
                        }),
              Fails(StatusCode::kAborted, Reason::kUseCancelled));
  EXPECT_THAT(EchoThrough(lease),
              Fails(StatusCode::kFailedPrecondition, Reason::kLeaseEnded));
}

TEST_F(PassThroughTest, ARevocationCancelsTheCall) {
  const std::string lease = Hold("echo");
  EXPECT_THAT(ChatUntil(lease,
                        [&](grpc::ClientContext&) {
                          pool("echo").Revoke(*built_.anteroom->Find(lease),
                                              absl::ZeroDuration(),
                                              lifecycle::ExitReason::kRevoked);
                        }),
              Fails(StatusCode::kAborted, Reason::kUseCancelled));
}

TEST_F(PassThroughTest, TheLeasesExpiryCancelsTheCallAtMaxTtl) {
  EXPECT_THAT(ChatUntil(Hold("expiring"), [](grpc::ClientContext&) {}),
              Fails(StatusCode::kAborted, Reason::kUseCancelled));
}

TEST_F(PassThroughTest, UseTimeoutEndsTheCall) {
  EXPECT_THAT(ChatUntil(Hold("brief"), [](grpc::ClientContext&) {}),
              Fails(StatusCode::kDeadlineExceeded, Reason::kUseTimedOut));
}

TEST_F(PassThroughTest, ADrainEndsTheCall) {
  EXPECT_THAT(
      ChatUntil(Hold("echo"), [this](grpc::ClientContext&) { Drain(); }),
      Fails(StatusCode::kAborted, Reason::kUseCancelled));
}

TEST_F(PassThroughTest, TheExitWaitsForTheCall) {
  std::promise<void> may_end;
  echo_.SetChat([&](grpc::ServerContext&, EchoServer::ChatStream& stream) {
    stream.SendInitialMetadata();
    may_end.get_future().wait();
    return grpc::Status::OK;
  });
  const std::string lease = Hold("echo");
  const auto context = Through(lease);
  const auto chat = stub_->Chat(context.get());
  chat->WaitForInitialMetadata();
  EXPECT_TRUE((*built_.anteroom->Find(lease))->in_use());
  may_end.set_value();
  EXPECT_TRUE(chat->Finish().ok());
  EXPECT_FALSE((*built_.anteroom->Find(lease))->in_use());
}

TEST_F(PassThroughTest, TheEventSaysWhichMethod) {
  const lifecycle::EventLog::Watch watch(built_.anteroom->events());
  ASSERT_TRUE(EchoThrough(Hold("echo")).ok());
  EXPECT_EQ(AwaitPhase("echo", v1::LifecycleEvent::PHASE_USED).message(),
            "test.echo.v1.EchoService/Echo");
}

TEST_F(PassThroughTest, WithoutALeaseAMethodIsUnknownAndTheMessageSaysHow) {
  grpc::ClientContext context;
  Bound(context);
  const absl::Status status = Echo(context, "").status();
  EXPECT_THAT(status,
              Fails(StatusCode::kUnimplemented, Reason::kMethodNotFound));
  EXPECT_THAT(std::string(status.message()), HasSubstr("anteroom-lease"));
}

TEST_F(PassThroughTest, WhatALeaseDoesNotAllowIsRefused) {
  EXPECT_THAT(EchoThrough("no such lease"),
              Fails(StatusCode::kNotFound, Reason::kLeaseNotFound));
  EXPECT_THAT(EchoThrough(Hold("hello")),
              Fails(StatusCode::kUnimplemented, Reason::kMethodNotFound));
  EXPECT_THAT(EchoThrough(""),
              Fails(StatusCode::kInvalidArgument, Reason::kInvalidRequest));
  const std::string lease = Hold("echo");
  const auto twice = Through(lease);
  twice->AddMetadata("anteroom-lease", lease);
  EXPECT_THAT(Echo(*twice, "").status(),
              Fails(StatusCode::kInvalidArgument, Reason::kInvalidRequest));
}

TEST_F(PassThroughTest, AFencingTokenMustBeTheLeases) {
  const std::string lease = Hold("echo");
  const std::uint64_t token = GetLease(lease)->fencing_token();
  const auto with_token = [&](const std::string& said) {
    const auto context = Through(lease);
    context->AddMetadata("anteroom-fencing-token", said);
    return Echo(*context, "").status();
  };
  EXPECT_TRUE(with_token(absl::StrCat(token)).ok());
  EXPECT_THAT(
      with_token(absl::StrCat(token + 1)),
      Fails(StatusCode::kFailedPrecondition, Reason::kStaleFencingToken));
  const absl::Status malformed = with_token("seven");
  EXPECT_THAT(malformed,
              Fails(StatusCode::kInvalidArgument, Reason::kInvalidRequest));
  EXPECT_EQ(DetailOf(malformed).field_violations.begin()->first,
            "anteroom-fencing-token");
}

TEST_F(PassThroughTest, OurOwnMethodsAreNeverForwarded) {
  const std::string lease = Hold("echo");
  for (const char* const method :
       {"/anteroom.v1.ResourceService/NoSuchMethod",
        "/anteroom.provider.v1.ProviderService/Close"}) {
    testing::RawCall call(channel_, method, {{"anteroom-lease", lease}});
    EXPECT_EQ(call.Read(), std::nullopt);
    EXPECT_THAT(rpc::FromGrpcStatus(call.Finish()),
                Fails(StatusCode::kUnimplemented, Reason::kMethodNotFound));
  }
}

TEST_F(PassThroughTest, AMethodThatTheServiceHasNotIsUnimplementedThere) {
  testing::RawCall call(channel_, "/test.echo.v1.EchoService/NoSuchMethod",
                        {{"anteroom-lease", Hold("echo")}});
  EXPECT_EQ(call.Read(), std::nullopt);
  const absl::Status status = rpc::FromGrpcStatus(call.Finish());
  EXPECT_EQ(status.code(), StatusCode::kUnimplemented);
  EXPECT_EQ(DetailOf(status).reason, "");
}

TEST_F(PassThroughTest, AnEndpointThatNobodyServesIsNamed) {
  const std::string lease = Hold("nowhere");
  const absl::Status status = EchoThrough(lease);
  EXPECT_THAT(status, Fails(StatusCode::kUnavailable, Reason::kUseFailed));
  EXPECT_THAT(std::string(status.message()), HasSubstr(kNowhere));
  EXPECT_FALSE((*built_.anteroom->Find(lease))->in_use());
}

TEST_F(PassThroughTest, ManyCallsAtOnceAllGetTheirOwnAnswer) {
  constexpr int kThreads = 8;
  constexpr int kCalls = 100;
  const std::string lease = Hold("echo");
  std::vector<std::thread> callers;
  for (int caller = 0; caller < kThreads; ++caller) {
    callers.emplace_back([&, caller] {
      for (int i = 0; i < kCalls; ++i) {
        const std::string said = absl::StrCat(caller, ":", i);
        EXPECT_EQ(*Echo(*Through(lease), said), said);
        const auto context = Through(lease);
        const auto chat = stub_->Chat(context.get());
        chat->Write(Say(said));
        if (i % 3 == 0) context->TryCancel();  // at any moment
        chat->WritesDone();
        const std::vector<std::string> rest = Rest(*chat);
        const grpc::Status status = chat->Finish();
        if (i % 3 != 0) EXPECT_THAT(rest, ElementsAre(said));
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  // Whose caller left may still be on its way to its end, for which this waits.
  EXPECT_TRUE(Release(lease).ok());
}

TEST_F(PassThroughTest, AServiceThatDiesFailsTheCallsUnderWay) {
  std::promise<void> dying;
  echo_.SetChat([&](grpc::ServerContext& context,
                    EchoServer::ChatStream& stream) {
    stream.SendInitialMetadata();
    EchoRequest request;
    while (stream.Read(&request)) {
    }
    return context.IsCancelled() ? grpc::Status::CANCELLED : grpc::Status::OK;
  });
  const std::string lease = Hold("echo");
  const auto context = Through(lease);
  const auto chat = stub_->Chat(context.get());
  chat->WaitForInitialMetadata();
  echo_.Kill();
  EXPECT_THAT(Rest(*chat), ElementsAre());
  EXPECT_FALSE(chat->Finish().ok());
  EXPECT_THAT(EchoThrough(lease),
              Fails(StatusCode::kUnavailable, Reason::kUseFailed));
}

}  // namespace
}  // namespace anteroom::service
