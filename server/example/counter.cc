#include "server/example/counter.h"

#include <atomic>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <utility>

#include "server/coro/sleep.h"
#include "server/error/error.h"

namespace anteroom::example {
namespace {

using coro::Task;
using lifecycle::Payload;
using lifecycle::PayloadView;

class Counter : public lifecycle::Object {
 public:
  Counter(coro::Runtime runtime, absl::Duration warm_up)
      : runtime_(runtime), warm_up_(warm_up) {}

  // Suspends instead of blocking, and ends early when it is asked to.
  Task<absl::Status> Init(lifecycle::InitContext& context) override {
    context.Report(0, "warming up");
    Task<coro::Wake> sleep = coro::SleepUntil(
        runtime_, coro::After(runtime_.clock.Now(), warm_up_), context.stop());
    const coro::Wake wake = co_await std::move(sleep);
    if (wake == coro::Wake::kTimedOut) co_return absl::OkStatus();
    co_return absl::CancelledError("stopped while it warmed up");
  }

  // Several Uses of one lease may run side by side.
  Task<absl::StatusOr<Payload>> Use(lifecycle::UseContext&,
                                    absl::string_view method,
                                    PayloadView argument) override {
    if (method == "get") co_return Answer(value_);
    if (method != "add") co_return lifecycle::MethodNotFound(method);
    const auto number = nlohmann::json::parse(argument.data, nullptr,
                                              /*allow_exceptions=*/false);
    if (!number.is_number_integer()) {
      co_return absl::InvalidArgumentError("add takes a whole number");
    }
    co_return Answer(value_ += number.get<std::int64_t>());
  }

  // The next holder begins at 0.
  Task<absl::StatusOr<lifecycle::ExitResult>> Exit(
      lifecycle::ExitContext&) override {
    value_ = 0;
    co_return lifecycle::ExitResult();
  }

 private:
  static Payload Answer(std::int64_t value) {
    return {lifecycle::kJson, std::to_string(value)};
  }

  const coro::Runtime runtime_;
  const absl::Duration warm_up_;
  std::atomic<std::int64_t> value_ = 0;
};

class CounterKind : public lifecycle::Kind {
 public:
  CounterKind(coro::Runtime runtime, absl::Duration warm_up)
      : runtime_(runtime), warm_up_(warm_up) {}

  lifecycle::Hooks hooks() const override {
    return {.init = true, .exit = true};
  }
  std::unique_ptr<lifecycle::Object> Construct(
      const lifecycle::InstanceInfo&, lifecycle::InstanceContext&) override {
    return std::make_unique<Counter>(runtime_, warm_up_);
  }

 private:
  const coro::Runtime runtime_;
  const absl::Duration warm_up_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<lifecycle::Kind>> MakeCounter(
    coro::Runtime runtime, const nlohmann::json& parameters) {
  const auto warm_up = parameters.value("warm_up_ms", nlohmann::json(0));
  if (!warm_up.is_number() || warm_up.get<double>() < 0) {
    return InvalidField("parameters.warm_up_ms",
                        "must be a number of at least 0");
  }
  return std::make_unique<CounterKind>(
      runtime, absl::Milliseconds(warm_up.get<double>()));
}

}  // namespace anteroom::example
