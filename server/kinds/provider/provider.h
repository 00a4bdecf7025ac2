// Kind `provider`: an object in the user's own process, in any language, behind
// anteroom.provider.v1.ProviderService. The server is its client.
//
// Describe says which hooks an object has, and is asked before each is made;
// Construct makes it. All hooks are then calls of the provider:
//
//  - Every call carries an idempotency key, an instance_id that is unique over
//    restarts of the server, and the handle that the provider last gave.
//  - It carries the hook's deadline, and is cancelled when the hook is stopped.
//  - Enter may await the object's init inside, and tells so; else Init is
//    called by itself.
//  - Exit and Close that end UNAVAILABLE are called again, with the same key,
//    until their deadline. No other call is repeated, but as the policy says.
//  - Errors keep code, message and details. An answer that breaks the protocol
//    is INTERNAL, and the object is closed.
//  - A call that ends with ErrorInfo INSTANCE_LOST, domain "anteroom", says
//    that the provider does not know the object any more: it is lost. So are
//    all where the provider goes away and stays away (watch.h).
//
// Destruction: REQUIRES that End() has returned, or that nothing was made.
//
// Thread safety: as lifecycle/resource.h demands.
#ifndef ANTEROOM_SERVER_KINDS_PROVIDER_PROVIDER_H_
#define ANTEROOM_SERVER_KINDS_PROVIDER_PROVIDER_H_

#include <atomic>
#include <cstdint>
#include <stop_token>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "anteroom/provider/v1/provider_service.pb.h"
#include "google/protobuf/struct.pb.h"
#include "server/coro/clock.h"
#include "server/coro/runtime.h"
#include "server/coro/task.h"
#include "server/kinds/provider/connection.h"
#include "server/kinds/provider/watch.h"
#include "server/lifecycle/resource.h"

namespace anteroom::kinds {

struct ProviderParameters {
  // host:port or unix:PATH.
  std::string address;
  // Which of the provider's kinds.
  std::string kind;
  // What its constructor is given.
  google::protobuf::Struct parameters;
  // Forward calls of methods that are not the server's own.
  bool proxy = false;
  ProviderWatch::Options watch;
};

class Provider : public lifecycle::Kind {
 public:
  Provider(coro::Runtime runtime, ProviderParameters parameters);

  coro::Task<absl::StatusOr<lifecycle::Made>> Make(
      const lifecycle::InstanceInfo& info, lifecycle::InstanceContext& instance,
      lifecycle::ConstructContext& context) override;
  coro::Task<void> End() override { return watch_.Join(); }

  // ---- for its objects ----

  const coro::Runtime& runtime() const { return runtime_; }
  const ProviderParameters& parameters() const { return parameters_; }
  ProviderConnection& connection() { return connection_; }
  ProviderWatch& watch() { return watch_; }

 private:
  coro::Task<absl::StatusOr<provider::v1::DescribeResponse>> Describe(
      rpc::CallOptions options);
  coro::Task<absl::Status> Probe(std::stop_token stop, coro::Instant deadline);

  const coro::Runtime runtime_;
  const ProviderParameters parameters_;
  // Of this server's start, so that what it names is unique over restarts.
  const std::string start_;
  std::atomic<std::uint64_t> last_describe_{0};
  std::atomic<std::uint64_t> last_object_{0};
  ProviderConnection connection_;
  ProviderWatch watch_;
};

}  // namespace anteroom::kinds

#endif  // ANTEROOM_SERVER_KINDS_PROVIDER_PROVIDER_H_
