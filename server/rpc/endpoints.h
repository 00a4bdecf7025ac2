// Endpoints: channels to the servers that calls are forwarded to. One for each
// object and address, kept from its first call until the object goes; at most
// `max`, of which the one that was used least recently goes first. gRPC shares
// the connection of channels to one address.
//
// A channel is dropped on the executor, whoever lets go of it last: never
// inside one of gRPC's reactions.
//
// Destruction: the executor outlives the endpoints and all that they gave out.
//
// Thread safety: all methods, from any thread.
#ifndef ANTEROOM_SERVER_RPC_ENDPOINTS_H_
#define ANTEROOM_SERVER_RPC_ENDPOINTS_H_

#include <cstddef>
#include <list>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "grpcpp/generic/generic_stub.h"
#include "server/coro/mutex.h"
#include "server/coro/runtime.h"

namespace anteroom::rpc {

class Endpoints {
 public:
  explicit Endpoints(coro::Runtime runtime, std::size_t max = 1000);
  ~Endpoints();
  Endpoints(const Endpoints&) = delete;
  Endpoints& operator=(const Endpoints&) = delete;

  // Calls to `address` (host:port or unix:PATH) for the object `owner`, which
  // is no more once `gone` is requested. Does not connect yet.
  // REQUIRES: the object does not go while this runs.
  std::shared_ptr<grpc::GenericStub> Get(const std::string& address,
                                         const std::string& owner,
                                         std::stop_token gone);
  // Channels that are kept.
  std::size_t size() const;

 private:
  struct State;
  // Only posts.
  struct Forget {
    coro::Runtime runtime;
    std::weak_ptr<State> state;
    std::string key;
    void operator()() const;
  };
  struct Entry {
    std::string key;
    std::shared_ptr<grpc::GenericStub> stub;
    std::optional<std::stop_callback<Forget>> on_gone;
  };
  // Shared with what was posted.
  struct State {
    // Null: there is none.
    std::shared_ptr<grpc::GenericStub> Find(const std::string& key)
        ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu);

    mutable coro::Mutex mu;
    std::list<Entry> by_use ABSL_GUARDED_BY(mu);  // the least recent first
    absl::flat_hash_map<std::string, std::list<Entry>::iterator> by_key
        ABSL_GUARDED_BY(mu);
  };

  const coro::Runtime runtime_;
  const std::size_t max_;
  const std::shared_ptr<State> state_;
};

}  // namespace anteroom::rpc

#endif  // ANTEROOM_SERVER_RPC_ENDPOINTS_H_
