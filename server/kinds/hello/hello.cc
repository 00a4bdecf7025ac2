#include "server/kinds/hello/hello.h"

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "server/coro/clock.h"
#include "server/coro/sleep.h"
#include "server/coro/task.h"

namespace anteroom::kinds {
namespace {

using coro::Task;
using lifecycle::Payload;
using lifecycle::PayloadView;

lifecycle::Hooks HooksOf(const HelloParameters& parameters) {
  lifecycle::Hooks hooks;
  const bool has_context = parameters.style == HelloStyle::kContext ||
                           parameters.style == HelloStyle::kEnterAwaitsInit;
  hooks.init = parameters.style != HelloStyle::kPlain;
  hooks.enter = has_context;
  hooks.exit = has_context;
  hooks.close = parameters.close_takes > absl::ZeroDuration();
  hooks.check = true;
  return hooks;
}

// True for the first so many calls.
bool TakeOne(std::atomic<int>& left) {
  int count = left.load();
  while (count > 0) {
    if (left.compare_exchange_weak(count, count - 1)) return true;
  }
  return false;
}

Task<absl::Status> PauseUntil(coro::Runtime runtime, coro::Instant when,
                              lifecycle::HookContext& context) {
  if (when <= runtime.clock.Now()) co_return absl::OkStatus();
  Task<coro::Wake> sleep = coro::SleepUntil(runtime, when, context.stop());
  const coro::Wake wake = co_await std::move(sleep);
  if (wake == coro::Wake::kTimedOut) co_return absl::OkStatus();
  co_return absl::CancelledError("stopped while it slept");
}

Task<absl::Status> Pause(coro::Runtime runtime, absl::Duration takes,
                         lifecycle::HookContext& context) {
  return PauseUntil(runtime, coro::After(runtime.clock.Now(), takes), context);
}

absl::StatusOr<absl::Duration> ParseSeconds(PayloadView argument) {
  const auto seconds = nlohmann::json::parse(argument.data, nullptr,
                                             /*allow_exceptions=*/false);
  if (!seconds.is_number() || seconds.get<double>() < 0) {
    return absl::InvalidArgumentError(
        "sleep takes one argument: seconds, a number of at least 0");
  }
  return absl::Seconds(seconds.get<double>());
}

absl::StatusOr<std::int64_t> ParseCount(PayloadView argument) {
  const auto count = nlohmann::json::parse(argument.data, nullptr,
                                           /*allow_exceptions=*/false);
  if (!count.is_number_integer() || count.get<std::int64_t>() < 0) {
    return absl::InvalidArgumentError(
        "count takes one argument: a whole number of at least 0");
  }
  return count.get<std::int64_t>();
}

// INVALID_ARGUMENT if the argument names no error.
absl::Status ParseFailure(PayloadView argument) {
  const auto name = nlohmann::json::parse(argument.data, nullptr,
                                          /*allow_exceptions=*/false);
  // The contract's codes are 1 to 16.
  for (int number = 1; number <= 16 && name.is_string(); ++number) {
    const auto code = static_cast<absl::StatusCode>(number);
    if (absl::StatusCodeToString(code) == name.get<std::string>()) {
      return absl::Status(code, "failed as asked");
    }
  }
  return absl::InvalidArgumentError(
      "fail takes one argument: the name of a canonical code, such as "
      "\"NOT_FOUND\"");
}

}  // namespace

class HelloObject : public lifecycle::Object {
 public:
  explicit HelloObject(Hello& kind) : kind_(kind) {}

  Task<absl::Status> Init(lifecycle::InitContext& context) override {
    const int steps = std::max(kind_.parameters_.progress_steps, 1);
    const coro::Instant begin = kind_.runtime_.clock.Now();
    for (int step = 1; step <= steps; ++step) {
      Task<absl::Status> pause = PauseUntil(
          kind_.runtime_,
          coro::After(begin, kind_.parameters_.init_takes * step / steps),
          context);
      const absl::Status paused = co_await std::move(pause);
      if (!paused.ok()) co_return paused;
      if (kind_.parameters_.progress_steps > 0) {
        context.Report(static_cast<double>(step) / steps,
                       absl::StrCat("step ", step, " of ", steps));
      }
    }
    if (TakeOne(kind_.init_fails_)) {
      co_return absl::UnavailableError("hello: init fails as configured");
    }
    co_return absl::OkStatus();
  }

  Task<absl::StatusOr<Payload>> Enter(
      lifecycle::EnterContext& context) override {
    if (kind_.parameters_.style == HelloStyle::kEnterAwaitsInit) {
      Task<absl::Status> init = context.Init();
      const absl::Status initialized = co_await std::move(init);
      if (!initialized.ok()) co_return initialized;
    }
    Task<absl::Status> pause =
        Pause(kind_.runtime_, kind_.parameters_.enter_takes, context);
    const absl::Status paused = co_await std::move(pause);
    if (!paused.ok()) co_return paused;
    if (TakeOne(kind_.enter_fails_)) {
      co_return absl::InternalError("hello: enter fails as configured");
    }
    co_return Payload();
  }

  Task<absl::StatusOr<Payload>> Use(lifecycle::UseContext& context,
                                    absl::string_view method,
                                    PayloadView argument) override {
    absl::Duration takes = kind_.parameters_.use_takes;
    Payload result;
    absl::Status failure;
    if (method == "a_method") {
      result = Payload{lifecycle::kJson, "\"a_method\""};
    } else if (method == "echo") {
      result = argument.Copy();
    } else if (method == "sleep") {
      const absl::StatusOr<absl::Duration> seconds = ParseSeconds(argument);
      if (!seconds.ok()) co_return seconds.status();
      takes += *seconds;
    } else if (method == "fail") {
      failure = ParseFailure(argument);
    } else {
      co_return lifecycle::MethodNotFound(method);
    }
    if (takes > absl::ZeroDuration()) {
      Task<absl::Status> pause = Pause(kind_.runtime_, takes, context);
      const absl::Status paused = co_await std::move(pause);
      if (!paused.ok()) co_return paused;
    }
    if (!failure.ok()) co_return failure;
    co_return result;
  }

  Task<absl::Status> UseStream(lifecycle::UseContext& context,
                               absl::string_view method, PayloadView argument,
                               lifecycle::UseChannel& channel) override {
    if (method != "count") co_return lifecycle::MethodNotFound(method);
    const absl::StatusOr<std::int64_t> count = ParseCount(argument);
    if (!count.ok()) co_return count.status();
    for (std::int64_t i = 0; i < *count; ++i) {
      Task<absl::Status> pause =
          Pause(kind_.runtime_, kind_.parameters_.use_takes, context);
      const absl::Status paused = co_await std::move(pause);
      if (!paused.ok()) co_return paused;
      Task<absl::Status> write = channel.Write(
          Payload{lifecycle::kJson, absl::StrCat(i)}, context.stop());
      const absl::Status written = co_await std::move(write);
      if (!written.ok()) co_return written;
    }
    co_return absl::OkStatus();
  }

  Task<absl::StatusOr<lifecycle::ExitResult>> Exit(
      lifecycle::ExitContext& context) override {
    Task<absl::Status> pause =
        Pause(kind_.runtime_, kind_.parameters_.exit_takes, context);
    const absl::Status paused = co_await std::move(pause);
    if (!paused.ok()) co_return paused;
    if (TakeOne(kind_.exit_fails_)) {
      co_return absl::InternalError("hello: exit fails as configured");
    }
    lifecycle::ExitResult result;
    result.suppress = kind_.parameters_.suppress;
    co_return result;
  }

  Task<absl::Status> Close(lifecycle::CloseContext& context) override {
    return Pause(kind_.runtime_, kind_.parameters_.close_takes, context);
  }

  Task<absl::Status> Check(lifecycle::CheckContext&) override {
    if (TakeOne(kind_.check_fails_)) {
      co_return absl::InternalError("hello: check fails as configured");
    }
    co_return absl::OkStatus();
  }

 private:
  Hello& kind_;
};

Hello::Hello(coro::Runtime runtime, const HelloParameters& parameters)
    : runtime_(runtime),
      parameters_(parameters),
      hooks_(HooksOf(parameters)),
      init_fails_(parameters.init_fails),
      enter_fails_(parameters.enter_fails),
      exit_fails_(parameters.exit_fails),
      check_fails_(parameters.check_fails) {}

std::unique_ptr<lifecycle::Object> Hello::Construct(
    const lifecycle::InstanceInfo&, lifecycle::InstanceContext&) {
  return std::make_unique<HelloObject>(*this);
}

}  // namespace anteroom::kinds
