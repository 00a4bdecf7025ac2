#include "server/lifecycle/init.h"

#include <utility>

#include "server/error/error.h"
#include "server/lifecycle/hook.h"

namespace anteroom::lifecycle {
namespace {

class InitCall : public Bounded<InitContext> {
 public:
  InitCall(coro::Runtime runtime, coro::Instant deadline,
           std::stop_token abandoned, std::stop_token drain,
           ProgressReport report)
      : Bounded(runtime, deadline, std::move(abandoned), std::move(drain)),
        report_(std::move(report)) {}

  void Report(double fraction, absl::string_view message) override {
    report_(fraction, message);
  }

 private:
  const ProgressReport report_;
};

}  // namespace

coro::Task<absl::Status> RunInit(coro::Runtime runtime, const Policy& policy,
                                 Object& object, std::stop_token abandoned,
                                 std::stop_token drain, ProgressReport report) {
  InitCall call(runtime, coro::After(runtime.clock.Now(), policy.init_timeout),
                std::move(abandoned), std::move(drain), std::move(report));
  coro::Task<absl::Status> hook = Guarded([&] { return object.Init(call); });
  absl::Status status = co_await std::move(hook);
  if (status.ok()) co_return status;
  if (call.timed_out()) {
    co_return Error(Reason::kInitTimedOut,
                    "init did not end within init_timeout");
  }
  if (call.stopped()) {
    co_return absl::CancelledError("init was cancelled: nobody waits for it");
  }
  co_return WithReason(std::move(status), Reason::kInitFailed);
}

}  // namespace anteroom::lifecycle
