// ProviderObject: one object in the user's process; its hooks are calls.
//
// Who awaits the init: where the provider's Enter does, that call tells so
// (`initializing`). Our Enter hook then awaits context.Init(), as article 4
// does, and hands the call to our Init hook, which reads it up to `initialized`
// instead of calling Init. Who is warm, is deferred or has no Enter has Init
// called by itself; so has a second attempt of an init, after which the enter,
// whose call has failed with the first, is called anew.
//
// Thread safety: as lifecycle/resource.h demands.
#ifndef ANTEROOM_SERVER_KINDS_PROVIDER_OBJECT_H_
#define ANTEROOM_SERVER_KINDS_PROVIDER_OBJECT_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "anteroom/provider/v1/provider_service.pb.h"
#include "server/coro/mutex.h"
#include "server/coro/task.h"
#include "server/kinds/provider/provider.h"
#include "server/kinds/provider/updates.h"
#include "server/lifecycle/resource.h"

namespace anteroom::kinds {

class ProviderObject : public lifecycle::Object {
 public:
  // `id` is unique over restarts of the server.
  ProviderObject(Provider& provider, const lifecycle::InstanceInfo& info,
                 std::string id, lifecycle::Hooks hooks,
                 lifecycle::InstanceContext& instance);
  ~ProviderObject() override;

  // Makes it. First, once.
  coro::Task<absl::Status> Construct(lifecycle::ConstructContext& context);
  // Closes what a Construct() that failed with `status` may have made.
  coro::Task<void> UndoConstruct(const absl::Status& status);

  coro::Task<absl::Status> Init(lifecycle::InitContext& context) override;
  coro::Task<absl::StatusOr<lifecycle::Payload>> Enter(
      lifecycle::EnterContext& context) override;
  coro::Task<absl::StatusOr<lifecycle::Payload>> Use(
      lifecycle::UseContext& context, absl::string_view method,
      lifecycle::PayloadView argument) override;
  coro::Task<absl::Status> UseStream(lifecycle::UseContext& context,
                                     absl::string_view method,
                                     lifecycle::PayloadView argument,
                                     lifecycle::UseChannel& channel) override;
  coro::Task<absl::StatusOr<lifecycle::ExitResult>> Exit(
      lifecycle::ExitContext& context) override;
  coro::Task<absl::Status> Close(lifecycle::CloseContext& context) override;
  coro::Task<absl::Status> Check(lifecycle::CheckContext& context) override;
  absl::StatusOr<std::string> Endpoint(
      const lifecycle::Payload& value) const override;

 private:
  using EnteringPtr = std::shared_ptr<Entering>;

  // ---- init and enter: initialize.cc ----

  coro::Task<absl::Status> CallInit(lifecycle::InitContext& context);
  // Reads what a call of Init, or of an Enter that awaits the init inside,
  // tells of the init.
  template <typename Call>
  coro::Task<absl::Status> FollowInit(Call& call, const char* method,
                                      lifecycle::InitContext& context);
  // One call of Enter; nullopt if it failed in the init inside, of which the
  // next attempt then succeeded.
  coro::Task<absl::StatusOr<std::optional<lifecycle::Payload>>> CallEnter(
      lifecycle::EnterContext& context);
  coro::Task<absl::StatusOr<std::optional<lifecycle::Payload>>> FollowEnter(
      EnteringPtr entering, lifecycle::EnterContext& context);
  // Awaits the init that `entering` has told of.
  coro::Task<absl::Status> AwaitInit(EnteringPtr entering,
                                     lifecycle::EnterContext& context);
  absl::Status SetHandle(const std::string& handle, const char* method);

  // ---- the rest: object.cc ----

  template <typename Response, typename Request>
  coro::Task<absl::StatusOr<Response>> Call(const char* method, Request request,
                                            rpc::CallOptions options);
  // Calls again while the provider is unavailable and there is time.
  template <typename Response, typename Request>
  coro::Task<absl::StatusOr<Response>> CallUntilReached(
      const char* method, Request request, lifecycle::HookContext& context);
  // The provider may say that it does not know the object any more.
  void TellIfLost(const absl::Status& status) const;
  void FillObject(provider::v1::ObjectRef& object) const;
  // The idempotency key of the object's one such call; of the next such.
  std::string KeyOf(absl::string_view call) const;
  std::string NextKeyOf(absl::string_view call);
  std::string CloseReason() const;

  Provider& provider_;
  ProviderConnection& connection_;
  const lifecycle::InstanceInfo& info_;
  const std::string id_;
  const lifecycle::Hooks hooks_;
  lifecycle::InstanceContext& instance_;
  std::uint64_t watched_ = 0;  // 0: not made
  std::atomic<bool> initialized_{false};
  std::atomic<std::uint64_t> last_call_{0};

  mutable coro::Mutex mu_;
  std::string handle_ ABSL_GUARDED_BY(mu_);
  std::string init_failure_ ABSL_GUARDED_BY(mu_);
  // The enter that awaits the init inside, until the Init hook takes it.
  EnteringPtr awaits_init_ ABSL_GUARDED_BY(mu_);
};

}  // namespace anteroom::kinds

#endif  // ANTEROOM_SERVER_KINDS_PROVIDER_OBJECT_H_
