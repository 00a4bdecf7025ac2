#include "tests/kinds/provider/fake_provider.h"

#include <chrono>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "grpcpp/security/server_credentials.h"
#include "grpcpp/server_builder.h"
#include "server/coro/check.h"
#include "server/coro/event.h"
#include "server/coro/sync_wait.h"
#include "server/rpc/unary.h"

namespace anteroom::kinds {
namespace {

using coro::Task;

template <typename Update>
Task<absl::Status> TellAll(rpc::ServerStream<Update>& stream,
                           std::vector<Update> updates, absl::Status status) {
  for (Update& update : updates) {
    Task<bool> write = stream.Write(std::move(update));
    if (!co_await std::move(write)) co_return absl::CancelledError("broken");
  }
  co_return status;
}

// Every method, the bidirectional one in raw messages.
using Methods = pb::ProviderService::WithRawCallbackMethod_UseStream<
    pb::ProviderService::WithCallbackMethod_Describe<
        pb::ProviderService::WithCallbackMethod_Construct<
            pb::ProviderService::WithCallbackMethod_Init<
                pb::ProviderService::WithCallbackMethod_Enter<
                    pb::ProviderService::WithCallbackMethod_Use<
                        pb::ProviderService::WithCallbackMethod_Exit<
                            pb::ProviderService::WithCallbackMethod_Close<
                                pb::ProviderService::WithCallbackMethod_Check<
                                    pb::ProviderService::Service>>>>>>>>>;

}  // namespace

class FakeProvider::Service : public Methods {
 public:
  explicit Service(FakeProvider& provider)
      : provider_(provider), script_(provider.script_) {}

  grpc::ServerUnaryReactor* Describe(grpc::CallbackServerContext* context,
                                     const pb::DescribeRequest* request,
                                     pb::DescribeResponse* response) override {
    auto* const kind = response->add_kinds();
    kind->set_name("thing");
    for (const pb::Hook hook : script_.hooks) kind->add_hooks(hook);
    return Answer("Describe", context, request, response, script_.describe);
  }
  grpc::ServerUnaryReactor* Construct(
      grpc::CallbackServerContext* context, const pb::ConstructRequest* request,
      pb::ConstructResponse* response) override {
    response->set_handle("made");
    return Answer("Construct", context, request, response, script_.construct);
  }
  grpc::ServerWriteReactor<pb::InitResponse>* Init(
      grpc::CallbackServerContext* context,
      const pb::InitRequest* request) override {
    Note("Init", *request, *context);
    return rpc::StartServerStream<pb::InitResponse>(
        provider_.calls_, *context,
        [this, request](rpc::ServerStream<pb::InitResponse>& stream) {
          if (script_.init) return script_.init(stream, *request);
          return Tell(stream, {SaysInitialized<pb::InitResponse>()});
        });
  }
  grpc::ServerWriteReactor<pb::EnterResponse>* Enter(
      grpc::CallbackServerContext* context,
      const pb::EnterRequest* request) override {
    Note("Enter", *request, *context);
    return rpc::StartServerStream<pb::EnterResponse>(
        provider_.calls_, *context,
        [this, request](rpc::ServerStream<pb::EnterResponse>& stream) {
          if (script_.enter) return script_.enter(stream, *request);
          return Tell(stream, EnterOf(request->object().instance_id()));
        });
  }
  grpc::ServerUnaryReactor* Use(grpc::CallbackServerContext* context,
                                const pb::UseRequest* request,
                                pb::UseResponse* response) override {
    *response->mutable_result() = request->argument();
    return Answer("Use", context, request, response, script_.use);
  }
  grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* UseStream(
      grpc::CallbackServerContext* context) override {
    Note("UseStream", pb::UseStreamRequest(), *context);
    return rpc::StartBidi<pb::UseStreamRequest, pb::UseStreamResponse>(
        provider_.calls_, *context, script_.use_stream);
  }
  grpc::ServerUnaryReactor* Exit(grpc::CallbackServerContext* context,
                                 const pb::ExitRequest* request,
                                 pb::ExitResponse* response) override {
    return Answer("Exit", context, request, response, script_.exit);
  }
  grpc::ServerUnaryReactor* Close(grpc::CallbackServerContext* context,
                                  const pb::CloseRequest* request,
                                  pb::CloseResponse* response) override {
    return Answer("Close", context, request, response, script_.close);
  }
  grpc::ServerUnaryReactor* Check(grpc::CallbackServerContext* context,
                                  const pb::CheckRequest* request,
                                  pb::CheckResponse* response) override {
    return Answer("Check", context, request, response, script_.check);
  }

 private:
  void Note(const char* method, const google::protobuf::Message& request,
            const grpc::CallbackServerContext& context) {
    provider_.Note(method, request,
                   rpc::CallContext(provider_.clock_, context).deadline());
  }
  template <typename Request, typename Response>
  grpc::ServerUnaryReactor* Answer(
      const char* method, grpc::CallbackServerContext* context,
      const Request* request, Response* response,
      const ProviderScript::Unary<Request, Response>& script) {
    Note(method, *request, *context);
    return rpc::StartUnary(provider_.calls_, *context,
                           [&](rpc::CallContext& call) {
                             return script ? script(call, *request, *response)
                                           : kinds::End(absl::OkStatus());
                           });
  }
  std::vector<pb::EnterResponse> EnterOf(const std::string& object) {
    coro::MutexLock lock(mu_);
    if (!initialized_.insert(object).second) return {SaysEntered()};
    return {SaysInitializing(), SaysInitialized<pb::EnterResponse>(),
            SaysEntered()};
  }

  FakeProvider& provider_;
  const ProviderScript& script_;
  coro::Mutex mu_;
  std::set<std::string> initialized_ ABSL_GUARDED_BY(mu_);
};

FakeProvider::FakeProvider(ProviderScript script, const std::string& address)
    : calls_(runtime()),
      script_(std::move(script)),
      service_(std::make_unique<Service>(*this)) {
  int port = 0;
  grpc::ServerBuilder builder;
  builder.AddListeningPort(address, grpc::InsecureServerCredentials(), &port);
  builder.RegisterService(service_.get());
  server_ = builder.BuildAndStart();
  ANTEROOM_CHECK(server_ != nullptr);
  address_ = absl::StartsWith(address, "unix:")
                 ? address
                 : absl::StrCat("127.0.0.1:", port);
}

FakeProvider::~FakeProvider() { Stop(); }

void FakeProvider::Stop() {
  if (server_ == nullptr) return;
  calls_.Close();
  server_->Shutdown(std::chrono::system_clock::now());
  coro::SyncWait(calls_.Join());
  server_.reset();
}

std::vector<FakeProvider::Call> FakeProvider::calls(
    const std::string& method) const {
  std::vector<Call> chosen;
  coro::MutexLock lock(mu_);
  for (const Call& call : noted_calls_) {
    if (method.empty() ? call.method != "Describe" : call.method == method) {
      chosen.push_back(call);
    }
  }
  return chosen;
}

std::string FakeProvider::Trace() const {
  std::vector<std::string> names;
  for (const Call& call : calls()) names.push_back(call.method);
  return absl::StrJoin(names, " ");
}

FakeProvider::Call FakeProvider::Await(const std::string& method,
                                       int number) const {
  coro::MutexLock lock(mu_);
  while (true) {
    int left = number;
    for (const Call& call : noted_calls_) {
      if (call.method == method && --left == 0) return call;
    }
    noted_.Wait(mu_);
  }
}

void FakeProvider::AwaitCancelled(int count) const {
  coro::MutexLock lock(mu_);
  while (cancelled_ < count) noted_.Wait(mu_);
}

void FakeProvider::CountCancelled() {
  coro::MutexLock lock(mu_);
  ++cancelled_;
  noted_.NotifyAll();
}

void FakeProvider::Note(const char* method,
                        const google::protobuf::Message& request,
                        coro::Instant deadline) {
  std::shared_ptr<google::protobuf::Message> copy(request.New());
  copy->CopyFrom(request);
  coro::MutexLock lock(mu_);
  noted_calls_.push_back({method, std::move(copy), deadline});
  noted_.NotifyAll();
}

Task<absl::Status> Hang(FakeProvider& provider, std::stop_token stop) {
  coro::Event never(provider.runtime());
  Task<coro::Wake> wait = never.Wait(std::move(stop));
  co_await std::move(wait);
  provider.CountCancelled();
  co_return absl::CancelledError("it was cancelled");
}

Task<absl::Status> End(absl::Status status) { co_return status; }

Task<absl::Status> Tell(rpc::ServerStream<pb::EnterResponse>& stream,
                        std::vector<pb::EnterResponse> updates,
                        absl::Status status) {
  return TellAll(stream, std::move(updates), std::move(status));
}
Task<absl::Status> Tell(rpc::ServerStream<pb::InitResponse>& stream,
                        std::vector<pb::InitResponse> updates,
                        absl::Status status) {
  return TellAll(stream, std::move(updates), std::move(status));
}

pb::EnterResponse SaysInitializing() {
  pb::EnterResponse update;
  update.mutable_initializing();
  return update;
}

pb::EnterResponse SaysEntered(const std::string& json) {
  pb::EnterResponse update;
  auto* const value = update.mutable_entered()->mutable_value();
  if (!json.empty()) value->set_content_type("application/json");
  value->set_data(json);
  return update;
}

}  // namespace anteroom::kinds
