#include "server/lifecycle/init.h"

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "server/coro/linked_stop.h"
#include "server/coro/sleep.h"
#include "server/error/error.h"
#include "server/lifecycle/backoff.h"
#include "server/lifecycle/hook.h"

namespace anteroom::lifecycle {
namespace {

class InitCall : public Bounded<InitContext> {
 public:
  InitCall(coro::Runtime runtime, coro::Instant deadline,
           std::stop_token abandoned, std::stop_token drain,
           const ProgressReport& report)
      : Bounded(runtime, deadline, std::move(abandoned), std::move(drain)),
        report_(report) {}

  void Report(double fraction, absl::string_view message) override {
    report_(fraction, message);
  }

 private:
  const ProgressReport& report_;
};

// What the failure of an attempt means.
template <typename Call>
absl::Status Explain(const Call& call, absl::Status status) {
  if (call.timed_out()) {
    // Its own word for having been too slow may say what it lacked.
    const bool explains = absl::IsDeadlineExceeded(status);
    return Error(
        Reason::kInitTimedOut,
        absl::StrCat("init did not end within init_timeout",
                     explains ? ": " : "", explains ? status.message() : ""));
  }
  if (call.stopped()) return InitCancelled();
  return WithReason(std::move(status), Reason::kInitFailed);
}

coro::Task<absl::Status> Attempt(coro::Runtime runtime, const Policy& policy,
                                 Object& object, std::stop_token abandoned,
                                 std::stop_token drain,
                                 const ProgressReport& report) {
  InitCall call(runtime, coro::After(runtime.clock.Now(), policy.init_timeout),
                std::move(abandoned), std::move(drain), report);
  Guarded hook([&] { return object.Init(call); });
  absl::Status status = co_await hook;
  if (status.ok()) co_return status;
  co_return Explain(call, std::move(status));
}

coro::Task<absl::Status> AttemptMake(coro::Runtime runtime,
                                     const Policy& policy, Kind& kind,
                                     const InstanceInfo& info,
                                     InstanceContext& instance,
                                     std::stop_token abandoned,
                                     std::stop_token drain, Made& made) {
  Bounded<ConstructContext> call(
      runtime, coro::After(runtime.clock.Now(), policy.init_timeout),
      std::move(abandoned), std::move(drain));
  coro::Task<absl::StatusOr<Made>> making = kind.Make(info, instance, call);
  absl::StatusOr<Made> result = co_await std::move(making);
  if (!result.ok()) co_return Explain(call, result.status());
  made = *std::move(result);
  co_return absl::OkStatus();
}

// Attempts as the policy's init_retry says. `attempt_once` returns a task, and
// refers to what outlives this.
template <typename AttemptOnce>
coro::Task<absl::Status> Repeat(coro::Runtime runtime, const Policy& policy,
                                std::stop_token abandoned,
                                std::stop_token drain,
                                const ProgressReport& report,
                                AttemptOnce attempt_once) {
  const InitRetry& retry = policy.init_retry;
  for (int attempt = 1;; ++attempt) {
    coro::Task<absl::Status> once = attempt_once();
    const absl::Status status = co_await std::move(once);
    const bool cancelled = abandoned.stop_requested() || drain.stop_requested();
    if (status.ok() || attempt >= retry.attempts || cancelled) {
      co_return status;
    }
    const absl::Duration delay = BackoffAfter(
        attempt, retry.initial_backoff, retry.max_backoff, runtime.random);
    report(std::nullopt,
           absl::StrCat("attempt ", attempt, " of ", retry.attempts,
                        " failed: ", status.message(), "; again in ",
                        absl::FormatDuration(delay)));
    const coro::LinkedStop stopped(runtime, coro::kNever, {abandoned, drain});
    coro::Task<coro::Wake> pause = coro::SleepUntil(
        runtime, coro::After(runtime.clock.Now(), delay), stopped.token());
    const coro::Wake wake = co_await std::move(pause);
    if (wake != coro::Wake::kTimedOut) co_return InitCancelled();
  }
}

}  // namespace

absl::Status InitCancelled() {
  return absl::CancelledError("init was cancelled: nobody waits for it");
}

coro::Task<absl::StatusOr<Made>> RunConstruct(
    coro::Runtime runtime, const Policy& policy, Kind& kind,
    const InstanceInfo& info, InstanceContext& instance,
    std::stop_token abandoned, std::stop_token drain, ProgressReport report) {
  Made made;
  absl::Status status;
  try {
    coro::Task<absl::Status> attempts =
        Repeat(runtime, policy, abandoned, drain, report, [&] {
          return AttemptMake(runtime, policy, kind, info, instance, abandoned,
                             drain, made);
        });
    status = co_await std::move(attempts);
  } catch (...) {
    status =
        WithReason(ErrorOfException("the constructor"), Reason::kInitFailed);
  }
  if (!status.ok()) co_return status;
  co_return std::move(made);
}

coro::Task<absl::Status> RunInit(coro::Runtime runtime, const Policy& policy,
                                 Object& object, std::stop_token abandoned,
                                 std::stop_token drain, ProgressReport report) {
  coro::Task<absl::Status> attempts =
      Repeat(runtime, policy, abandoned, drain, report, [&] {
        return Attempt(runtime, policy, object, abandoned, drain, report);
      });
  co_return co_await std::move(attempts);
}

}  // namespace anteroom::lifecycle
