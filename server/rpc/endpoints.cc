#include "server/rpc/endpoints.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "grpcpp/create_channel.h"
#include "grpcpp/security/credentials.h"
#include "grpcpp/support/channel_arguments.h"

namespace anteroom::rpc {
namespace {

// A service that came back is found again within this.
constexpr int kMaxReconnectBackoffMs = 1000;

std::shared_ptr<grpc::GenericStub> Connect(coro::Runtime runtime,
                                           const std::string& address) {
  grpc::ChannelArguments arguments;
  // Who called has its own limit.
  arguments.SetMaxReceiveMessageSize(-1);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, kMaxReconnectBackoffMs);
  // A call is made once; whether again is for its caller.
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
  arguments.SetInt(GRPC_ARG_SERVICE_CONFIG_DISABLE_RESOLUTION, 1);
  // Of what gRPC offers a channel, what a call that is passed on needs.
  arguments.SetInt(GRPC_ARG_MINIMAL_STACK, 1);
  arguments.SetInt(GRPC_ARG_ENABLE_DEADLINE_CHECKS, 1);
  arguments.SetInt(GRPC_ARG_ENABLE_PER_MESSAGE_DECOMPRESSION, 1);
  // Our environment's proxy leads elsewhere.
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  auto stub = std::make_unique<grpc::GenericStub>(grpc::CreateCustomChannel(
      address, grpc::InsecureChannelCredentials(), arguments));
  return {stub.release(), [runtime](grpc::GenericStub* dropped) {
            runtime.executor.Post(
                [owned = std::unique_ptr<grpc::GenericStub>(dropped)] {});
          }};
}

}  // namespace

Endpoints::Endpoints(coro::Runtime runtime, std::size_t max)
    : runtime_(runtime), max_(max), state_(std::make_shared<State>()) {}

Endpoints::~Endpoints() = default;

std::shared_ptr<grpc::GenericStub> Endpoints::State::Find(
    const std::string& key) {
  const auto found = by_key.find(key);
  if (found == by_key.end()) return nullptr;
  by_use.splice(by_use.end(), by_use, found->second);
  return found->second->stub;
}

std::shared_ptr<grpc::GenericStub> Endpoints::Get(const std::string& address,
                                                  const std::string& owner,
                                                  std::stop_token gone) {
  std::string key = absl::StrCat(owner, " ", address);
  {
    coro::MutexLock lock(state_->mu);
    std::shared_ptr<grpc::GenericStub> stub = state_->Find(key);
    if (stub != nullptr) return stub;
  }
  std::list<Entry> fresh(1);
  Entry& entry = fresh.front();
  entry.key = key;
  entry.stub = Connect(runtime_, address);
  entry.on_gone.emplace(std::move(gone), Forget{runtime_, state_, key});
  std::list<Entry> dropped;  // after the lock
  coro::MutexLock lock(state_->mu);
  std::shared_ptr<grpc::GenericStub> stub = state_->Find(key);
  if (stub != nullptr) return stub;
  stub = entry.stub;
  state_->by_use.splice(state_->by_use.end(), fresh);
  state_->by_key.emplace(std::move(key), std::prev(state_->by_use.end()));
  if (state_->by_use.size() > max_) {
    const auto least = state_->by_use.begin();
    state_->by_key.erase(least->key);
    dropped.splice(dropped.end(), state_->by_use, least);
  }
  return stub;
}

std::size_t Endpoints::size() const {
  coro::MutexLock lock(state_->mu);
  return state_->by_use.size();
}

void Endpoints::Forget::operator()() const {
  runtime.executor.Post([weak = state, key = key] {
    const std::shared_ptr<State> state = weak.lock();
    if (state == nullptr) return;
    std::list<Entry> dropped;  // after the lock
    coro::MutexLock lock(state->mu);
    const auto found = state->by_key.find(key);
    if (found == state->by_key.end()) return;
    dropped.splice(dropped.end(), state->by_use, found->second);
    state->by_key.erase(found);
  });
}

}  // namespace anteroom::rpc
