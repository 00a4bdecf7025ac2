// FakeProvider: a real server of ProviderService whose hooks do what the test
// says, and which keeps a record of what was called.
#ifndef ANTEROOM_TESTS_KINDS_PROVIDER_FAKE_PROVIDER_H_
#define ANTEROOM_TESTS_KINDS_PROVIDER_FAKE_PROVIDER_H_

#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "anteroom/provider/v1/provider_service.grpc.pb.h"
#include "grpcpp/server.h"
#include "server/coro/clock.h"
#include "server/coro/mutex.h"
#include "server/coro/random.h"
#include "server/coro/runtime.h"
#include "server/coro/task.h"
#include "server/coro/thread_pool.h"
#include "server/coro/thread_timers.h"
#include "server/rpc/bidi_stream.h"
#include "server/rpc/calls.h"
#include "server/rpc/server_stream.h"

namespace anteroom::kinds {

namespace pb = provider::v1;

// What the calls do; those left empty succeed: an Enter awaits the init inside,
// once per object. Each is called with what the call is given, which lives as
// long as its task, and must not be a capturing coroutine.
struct ProviderScript {
  template <typename Request, typename Response>
  using Unary = std::function<coro::Task<absl::Status>(
      rpc::CallContext&, const Request&, Response&)>;
  template <typename Request, typename Response>
  using Stream = std::function<coro::Task<absl::Status>(
      rpc::ServerStream<Response>&, const Request&)>;

  // Of the kind "thing".
  std::vector<pb::Hook> hooks = {pb::HOOK_INIT, pb::HOOK_ENTER, pb::HOOK_EXIT,
                                 pb::HOOK_CLOSE, pb::HOOK_CHECK};
  Unary<pb::DescribeRequest, pb::DescribeResponse> describe;
  Unary<pb::ConstructRequest, pb::ConstructResponse> construct;
  Stream<pb::InitRequest, pb::InitResponse> init;
  Stream<pb::EnterRequest, pb::EnterResponse> enter;
  Unary<pb::UseRequest, pb::UseResponse> use;
  std::function<coro::Task<absl::Status>(
      rpc::BidiStream<pb::UseStreamRequest, pb::UseStreamResponse>&)>
      use_stream;
  Unary<pb::ExitRequest, pb::ExitResponse> exit;
  Unary<pb::CloseRequest, pb::CloseResponse> close;
  Unary<pb::CheckRequest, pb::CheckResponse> check;
};

class FakeProvider {
 public:
  explicit FakeProvider(ProviderScript script = {},
                        const std::string& address = "127.0.0.1:0");
  // As Stop().
  ~FakeProvider();

  const std::string& address() const { return address_; }
  coro::Runtime runtime() { return {executor_, timers_, clock_, random_}; }

  // Breaks every connection and call. Idempotent.
  void Stop();

  // One call, once it has begun.
  struct Call {
    std::string method;  // "Construct"
    std::shared_ptr<google::protobuf::Message> request;
    coro::Instant deadline;  // kNever where it has none, or is not known
  };
  // The calls so far, in order, without Describe; of one `method`.
  std::vector<Call> calls(const std::string& method = "") const;
  // Their names, joined by spaces.
  std::string Trace() const;
  // The `number`-th call of `method`, from 1, once it has come.
  Call Await(const std::string& method, int number = 1) const;
  // Waits until `count` calls were cancelled before they had ended.
  void AwaitCancelled(int count = 1) const;

  // ---- for scripts ----

  void CountCancelled();

 private:
  class Service;

  void Note(const char* method, const google::protobuf::Message& request,
            coro::Instant deadline = coro::kNever);

  const coro::SystemClock clock_;
  coro::SystemRandom random_;
  coro::ThreadPool executor_{2};
  coro::ThreadTimers timers_{executor_, clock_};
  rpc::Calls calls_;
  const ProviderScript script_;
  std::unique_ptr<Service> service_;
  std::unique_ptr<grpc::Server> server_;
  std::string address_;
  mutable coro::Mutex mu_;
  mutable coro::CondVar noted_;
  std::vector<Call> noted_calls_ ABSL_GUARDED_BY(mu_);
  int cancelled_ ABSL_GUARDED_BY(mu_) = 0;
};

// ---- what scripts are made of ----

// Hangs until the call is cancelled, which `provider` then counts.
coro::Task<absl::Status> Hang(FakeProvider& provider, std::stop_token stop);

// Ends at once.
coro::Task<absl::Status> End(absl::Status status);

// Says these, then ends.
coro::Task<absl::Status> Tell(rpc::ServerStream<pb::EnterResponse>& stream,
                              std::vector<pb::EnterResponse> updates,
                              absl::Status status = absl::OkStatus());
coro::Task<absl::Status> Tell(rpc::ServerStream<pb::InitResponse>& stream,
                              std::vector<pb::InitResponse> updates,
                              absl::Status status = absl::OkStatus());

// Updates. `Update` is EnterResponse or InitResponse.
pb::EnterResponse SaysInitializing();
pb::EnterResponse SaysEntered(const std::string& json = "");
template <typename Update>
Update SaysProgress(double fraction, const std::string& message) {
  Update update;
  update.mutable_progress()->set_fraction(fraction);
  update.mutable_progress()->set_message(message);
  return update;
}
template <typename Update>
Update SaysInitialized(const std::string& handle = "") {
  Update update;
  update.mutable_initialized()->set_handle(handle);
  return update;
}

}  // namespace anteroom::kinds

#endif  // ANTEROOM_TESTS_KINDS_PROVIDER_FAKE_PROVIDER_H_
