// Forward: one call passed on to another gRPC server as raw bytes, whatever its
// shape: messages both ways, metadata, half-close, status and its details,
// deadline and cancellation.
//
//   const auto forward = Forward::Create(forwards_, *context);
//   forward->Start({...});  // or Refuse(status); there, or later
//   return forward.get();   // in the handler
//
// Driven by gRPC's own reactions, without a coroutine: each starts what can be
// started next, of which a Pump for either direction keeps account.
//
// To cost as little as a unary call where it is one, a message that is expected
// to be the only one (Shapes) waits, for a few milliseconds (Linger),
// for the end that comes right after it: client's headers, message and
// half-close then travel together, as do the service's headers, message and
// status.
//
// Invariants:
//  1. The service's headers reach the client before its first message, and
//     soon, where it sends them by themselves.
//  2. The upstream call is held (gRPC's holds) by each pump until that will
//     start nothing more on it.
//  3. Finish is called once: by Refuse(), or once the upstream call is done,
//     `ended` was called, and no write is in flight.
//
// Lives until gRPC is done with both calls and nobody holds it.
//
// Thread safety: that of gRPC's reactions; Start() or Refuse(), one of them
// once, from any thread.
#ifndef ANTEROOM_SERVER_RPC_FORWARD_H_
#define ANTEROOM_SERVER_RPC_FORWARD_H_

#include <chrono>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "grpcpp/client_context.h"
#include "grpcpp/generic/async_generic_service.h"
#include "grpcpp/generic/generic_stub.h"
#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/client_callback.h"
#include "server/coro/mutex.h"
#include "server/coro/timers.h"
#include "server/rpc/calls.h"
#include "server/rpc/linger.h"
#include "server/rpc/pump.h"
#include "server/rpc/shapes.h"

namespace anteroom::rpc {

// What all calls that a server forwards share.
struct Forwards {
  explicit Forwards(Calls& calls) : calls(calls), linger(calls.runtime()) {}

  Calls& calls;
  Linger linger;
  Shapes shapes;
};

class Forward : public grpc::ServerGenericBidiReactor,
                public Lingering,
                public std::enable_shared_from_this<Forward> {
 public:
  // How the upstream call ended.
  struct End {
    grpc::Status status;
    // False: the call never reached the service. (Of one that did, gRPC does
    // not say whether the status came with an answer or with a broken
    // connection.)
    bool reached = false;
  };
  struct Target {
    std::shared_ptr<grpc::GenericStub> stub;
    std::string method;  // "/package.Service/Method"
    // Of the upstream call; the client's own counts as well.
    std::chrono::system_clock::time_point deadline =
        std::chrono::system_clock::time_point::max();
    // Cancels the upstream call.
    std::stop_token stop;
    // Called once, before the client is told: what it is told.
    absl::AnyInvocable<grpc::Status(End)> ended;
  };

  // In the handler. `forwards` outlives the call.
  static std::shared_ptr<Forward> Create(Forwards& forwards,
                                         grpc::CallbackServerContext& context);

  // Stopped when the client cancels, its connection breaks, the deadline
  // passes, or the server shuts down.
  CallContext& call() { return call_; }

  // Passes the call on.
  void Start(Target target);
  // Ends it with `status`, which is not OK.
  void Refuse(const absl::Status& status);

  void LingerOver() override;
  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnSendInitialMetadataDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;

 private:
  // The call to the service.
  class Upstream
      : public grpc::ClientBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer> {
   public:
    explicit Upstream(Forward& forward) : forward_(forward) {}
    void OnReadInitialMetadataDone(bool ok) override;
    void OnReadDone(bool ok) override;
    void OnWriteDone(bool ok) override;
    void OnWritesDoneDone(bool ok) override;
    void OnDone(const grpc::Status& status) override;

   private:
    Forward& forward_;
  };
  struct Cancel {
    Forward* forward;
    void operator()() const { forward->CancelUpstream(); }
  };
  // What the upstream call is made with. It is let go of as soon as that is
  // done, while the server is there: the last to let go of a connection leaves
  // it to the executor (endpoints.h). Hence in this order, too: the context
  // refers to the connection.
  struct Client {
    std::shared_ptr<grpc::GenericStub> stub;
    grpc::ClientContext context;
  };
  // Of the upstream call. Only who has made it kStarting starts anything on it
  // until it is kOpen.
  enum class Stage { kNone, kStarting, kOpen };
  enum class RequestStep {
    kNothing,
    kLaunch,
    kWrite,
    kWriteLast,
    kWritesDone,
    kRelease
  };
  enum class ResponseStep {
    kNothing,
    kHeaders,
    kWrite,
    kWriteAndFinish,
    kFinish
  };

  Forward(Forwards& forwards, grpc::CallbackServerContext& context);

  // Each decides, under the lock, what comes next, and starts it without.
  void ReadRequest();
  void PushRequests();
  RequestStep NextRequestStep() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Perform(RequestStep step);
  void Launch();
  void ReadResponse();
  void PushResponses();
  ResponseStep NextResponseStep() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // The service's, with what the client is told first.
  void PassHeaders() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  // The service takes no more requests.
  void EndRequests() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Of a response, or of the headers alone.
  void ResponseWritten(bool ok);
  void RequestWritten(bool ok);
  void UpstreamDone(const grpc::Status& status);
  // Unless it is done.
  void CancelUpstream();
  // REQUIRES: it is not done.
  Client& client() ABSL_LOCKS_EXCLUDED(mu_);
  // Cuts a client off that does not take what is left.
  void BoundEnd();

  Forwards& forwards_;
  grpc::CallbackServerContext& context_;  // valid until OnDone
  CallContext call_;
  Upstream upstream_{*this};
  Target target_;  // its stub is the client's
  std::shared_ptr<Shape> shape_;
  // Until the upstream call is done.
  std::optional<std::stop_callback<Cancel>> on_stop_;
  // Each owned by the read in flight.
  grpc::ByteBuffer incoming_request_;
  grpc::ByteBuffer incoming_response_;

  coro::Mutex mu_;
  std::shared_ptr<Forward> self_ ABSL_GUARDED_BY(mu_);  // until OnDone
  // Null once the upstream call is done.
  std::shared_ptr<Client> client_ ABSL_GUARDED_BY(mu_) =
      std::make_shared<Client>();
  Stage stage_ ABSL_GUARDED_BY(mu_) = Stage::kNone;
  // LingerOver() follows.
  bool lingers_ ABSL_GUARDED_BY(mu_) = false;
  Pump requests_ ABSL_GUARDED_BY(mu_);
  // The half-close is sent, or of no use any more.
  bool half_closed_ ABSL_GUARDED_BY(mu_) = false;
  bool requests_held_ ABSL_GUARDED_BY(mu_) = true;
  Pump responses_ ABSL_GUARDED_BY(mu_);
  bool headers_arrived_ ABSL_GUARDED_BY(mu_) = false;
  bool headers_passed_ ABSL_GUARDED_BY(mu_) = false;
  // What the client is told, once the upstream call is done.
  std::optional<grpc::Status> told_ ABSL_GUARDED_BY(mu_);
  bool finished_ ABSL_GUARDED_BY(mu_) = false;
  coro::Timers::Id end_timer_ ABSL_GUARDED_BY(mu_) = coro::Timers::Id::kNone;
};

}  // namespace anteroom::rpc

#endif  // ANTEROOM_SERVER_RPC_FORWARD_H_
