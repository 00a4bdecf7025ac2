#include "server/lifecycle/use.h"

#include <algorithm>
#include <type_traits>
#include <utility>

#include "server/error/error.h"
#include "server/lifecycle/hook.h"

namespace anteroom::lifecycle {
namespace {

// Its own class, not Bounded: most Uses never suspend, and asking the lease for
// its stop token is deferred with the rest.
class UseCall : public UseContext {
 public:
  UseCall(coro::Runtime runtime, Lease& lease, coro::Instant deadline,
          const std::stop_token& caller)
      : runtime_(runtime),
        lease_(lease),
        deadline_(deadline),
        caller_(caller) {}

  std::stop_token stop() override {
    if (!link_.has_value()) {
      lease_stop_ = lease_.use_stop();
      link_.emplace(
          runtime_, deadline_,
          std::initializer_list<std::stop_token>{caller_, lease_stop_});
    }
    return link_->token();
  }
  coro::Instant deadline() const override { return deadline_; }
  const LeaseInfo& lease() const override { return lease_.info(); }

  absl::Status Explain(absl::Status status, bool caller_bound) const {
    if (lease_stop_.stop_requested()) return WhyStopped(lease_);
    if (caller_.stop_requested()) {
      return absl::CancelledError("the caller left");
    }
    if (link_.has_value() && link_->timed_out()) {
      if (caller_bound) {
        return absl::DeadlineExceededError("the call's deadline passed");
      }
      return UseTimedOut();
    }
    return WithReason(std::move(status), Reason::kUseFailed);
  }

 private:
  const coro::Runtime runtime_;
  Lease& lease_;
  const coro::Instant deadline_;
  const std::stop_token& caller_;
  std::stop_token lease_stop_;
  std::optional<coro::LinkedStop> link_;
};

absl::Status StatusOf(const absl::Status& status) { return status; }
absl::Status StatusOf(const absl::StatusOr<Payload>& result) {
  return result.status();
}

// Bounds the call that `hook` makes, which refers to what outlives this.
template <typename Hook>
auto Run(coro::Runtime runtime, const Policy& policy, Lease& lease,
         std::stop_token stop, coro::Instant deadline, Hook hook)
    -> std::invoke_result_t<Hook&, UseContext&> {
  const coro::Instant bound = UseBound(runtime.clock, policy);
  UseCall call(runtime, lease, std::min(bound, deadline), stop);
  auto guarded = Guarded([&] { return hook(call); });
  auto result = co_await std::move(guarded);
  if (!result.ok()) {
    result = call.Explain(StatusOf(result), /*caller_bound=*/deadline <= bound);
  }
  co_return result;
}

}  // namespace

absl::Status WhyStopped(const Lease& lease) {
  const absl::Status loss = lease.loss();
  if (!loss.ok()) return loss;
  return Error(Reason::kUseCancelled, "the lease ended while the call ran");
}

absl::Status UseTimedOut() {
  return Error(Reason::kUseTimedOut, "the call did not end within use_timeout");
}

coro::Instant UseBound(const coro::Clock& clock, const Policy& policy) {
  if (policy.use_timeout == absl::InfiniteDuration()) return coro::kNever;
  return coro::After(clock.Now(), policy.use_timeout);
}

coro::Task<absl::StatusOr<Payload>> RunUse(
    coro::Runtime runtime, const Policy& policy, Object& object, Lease& lease,
    absl::string_view method, const Payload& argument, std::stop_token stop,
    coro::Instant deadline) {
  return Run(runtime, policy, lease, std::move(stop), deadline,
             [&object, method, &argument](UseContext& context) {
               return object.Use(context, method, argument);
             });
}

coro::Task<absl::Status> RunUseStream(coro::Runtime runtime,
                                      const Policy& policy, Object& object,
                                      Lease& lease, absl::string_view method,
                                      const Payload& argument,
                                      UseChannel& channel, std::stop_token stop,
                                      coro::Instant deadline) {
  return Run(runtime, policy, lease, std::move(stop), deadline,
             [&object, method, &argument, &channel](UseContext& context) {
               return object.UseStream(context, method, argument, channel);
             });
}

}  // namespace anteroom::lifecycle
