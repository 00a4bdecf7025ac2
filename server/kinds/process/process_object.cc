#include "server/kinds/process/process_object.h"

#include <csignal>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "server/coro/sleep.h"
#include "server/error/error.h"
#include "server/kinds/process/methods.h"
#include "server/kinds/process/readiness.h"

namespace anteroom::kinds {
namespace {

using coro::Task;
using lifecycle::Payload;
using lifecycle::PayloadView;

// Within which a lease is ended once its program has; far beyond what it takes.
constexpr absl::Duration kLossBound = absl::Seconds(10);

Task<void> AwaitGone(std::shared_ptr<Child> child) {
  Task<coro::Wake> gone = child->gone().Wait();
  co_await std::move(gone);
}

// Waits until the loss of the object stops this call, so that the loss is what
// its caller is told. Else `why`.
Task<absl::Status> AwaitLoss(coro::Runtime runtime, absl::Status why,
                             std::stop_token stop) {
  Task<coro::Wake> lost = coro::SleepUntil(
      runtime, coro::After(runtime.clock.Now(), kLossBound), std::move(stop));
  co_await std::move(lost);
  co_return why;
}

// What is called before there is a program (await_init: NEVER).
absl::Status NotStarted() {
  return absl::FailedPreconditionError(
      "the program was not started: its resource never awaits init");
}

}  // namespace

std::string ProcessObject::endpoint() const {
  return absl::StrCat("127.0.0.1:", port_);
}

std::string ProcessObject::Fill(const std::string& text) const {
  return absl::StrReplaceAll(text, {{"{PORT}", absl::StrCat(port_)},
                                    {"{DIR}", directory_},
                                    {"{KEY}", info_.key},
                                    {"{INSTANCE_ID}", info_.instance_id}});
}

Launch ProcessObject::LaunchOf(const std::vector<std::string>& command,
                               bool scratch) const {
  Launch launch;
  launch.supervisor = host_.supervisor;
  for (const std::string& argument : command) {
    launch.command.push_back(Fill(argument));
  }
  for (const auto& [name, value] : parameters_.environment) {
    launch.environment.emplace_back(name, Fill(value));
  }
  launch.directory = directory_;
  launch.scratch = scratch;
  if (scratch) launch.match = parameters_.readiness.line;
  return launch;
}

Task<absl::Status> ProcessObject::Init(lifecycle::InitContext& context) {
  const absl::StatusOr<int> port = host_.ports.Take();
  if (!port.ok()) co_return port.status();
  port_ = *port;
  directory_ =
      absl::StrCat(host_.directories, "/anteroom-",
                   absl::Hex(runtime_.random.Next(), absl::kZeroPad16));
  child_ = Child::Start(runtime_, host_.loop,
                        LaunchOf(parameters_.command, /*scratch=*/true));
  Task<absl::Status> ready =
      AwaitReady(runtime_, host_.loop, parameters_.readiness, port_, child_,
                 context.stop());
  absl::Status status = co_await std::move(ready);
  const bool lives =
      status.ok() &&
      child_->NotifyEnd([instance = &context_](absl::Status why) {
        instance->Lost(std::move(why));
      });
  if (lives) co_return absl::OkStatus();
  if (status.ok()) status = child_->end();
  Task<void> end = EndProgram({});
  co_await std::move(end);
  co_return status;
}

Task<void> ProcessObject::EndProgram(std::stop_token stop) {
  child_->Stop(parameters_.stop_signal, parameters_.stop_grace);
  Task<coro::Wake> polite = child_->gone().Wait(std::move(stop));
  if (co_await std::move(polite) != coro::Wake::kSignalled) {
    child_->Stop(SIGKILL, absl::ZeroDuration());
    Task<void> gone = AwaitGone(child_);
    co_await std::move(gone);
  }
  host_.ports.Return(port_);
  child_.reset();
}

Task<absl::StatusOr<Payload>> ProcessObject::Use(lifecycle::UseContext& context,
                                                 absl::string_view method,
                                                 PayloadView argument) {
  if (method == "request") {
    Task<absl::StatusOr<Payload>> request = Request(context, argument);
    co_return co_await std::move(request);
  }
  if (method == "signal") co_return Signal(argument);
  if (method == "status") co_return Status();
  co_return lifecycle::MethodNotFound(method);
}

Task<absl::StatusOr<Payload>> ProcessObject::Request(
    lifecycle::UseContext& context, PayloadView argument) {
  absl::StatusOr<std::string> line = LineOf(argument);
  if (!line.ok()) co_return line.status();
  if (child_ == nullptr) co_return NotStarted();
  const std::shared_ptr<Output::Answer> answer =
      child_->Request(*std::move(line));
  Task<coro::Wake> wait = answer->done.Wait(context.stop());
  if (co_await std::move(wait) != coro::Wake::kSignalled) {
    co_return absl::CancelledError(
        "stopped while the program had not answered");
  }
  if (HasReason(answer->result.status(), Reason::kInstanceLost)) {
    Task<absl::Status> loss =
        AwaitLoss(runtime_, answer->result.status(), context.stop());
    co_return co_await std::move(loss);
  }
  if (!answer->result.ok()) co_return answer->result.status();
  co_return AnswerTo(argument, *answer->result);
}

absl::StatusOr<Payload> ProcessObject::Signal(PayloadView argument) {
  const absl::StatusOr<int> number = SignalOf(argument);
  if (!number.ok()) return number.status();
  if (child_ == nullptr) return NotStarted();
  child_->Signal(*number);
  return Payload();
}

Payload ProcessObject::Status() const {
  nlohmann::json status = nlohmann::json::parse(Value().data);
  status["running"] = child_ != nullptr && child_->end().ok();
  status["unanswered"] = child_ == nullptr ? 0 : child_->output().expected();
  return Payload{lifecycle::kJson, status.dump()};
}

Payload ProcessObject::Value() const {
  nlohmann::json value;
  value["pid"] = child_ == nullptr ? 0 : child_->pid();
  value["port"] = port_;
  value["dir"] = directory_;
  value["endpoint"] = endpoint();
  return Payload{lifecycle::kJson, value.dump()};
}

Task<absl::Status> ProcessObject::UseStream(lifecycle::UseContext& context,
                                            absl::string_view method,
                                            PayloadView argument,
                                            lifecycle::UseChannel& channel) {
  if (method != "logs") co_return lifecycle::MethodNotFound(method);
  const absl::StatusOr<LogsArgument> logs = LogsArgumentOf(argument);
  if (!logs.ok()) co_return logs.status();
  if (child_ == nullptr) co_return NotStarted();
  Output& output = child_->output();
  const std::uint64_t next = output.next_number();
  std::uint64_t from = 1;
  if (logs->lines.has_value() && *logs->lines < next)
    from = next - *logs->lines;
  while (logs->follow || from < next) {
    Task<std::vector<Output::Line>> read = output.Read(from, context.stop());
    const std::vector<Output::Line> lines = co_await std::move(read);
    if (lines.empty()) break;
    for (const Output::Line& line : lines) {
      Task<absl::Status> write = channel.Write(LogOf(line), context.stop());
      const absl::Status written = co_await std::move(write);
      if (!written.ok()) co_return written;
    }
    from = lines.back().number + 1;
  }
  if (context.stop().stop_requested()) {
    co_return absl::CancelledError("stopped while it followed the output");
  }
  const absl::Status end = child_->end();
  if (!logs->follow || end.ok()) co_return absl::OkStatus();
  Task<absl::Status> loss = AwaitLoss(
      runtime_, Error(Reason::kInstanceLost, end.message()), context.stop());
  co_return co_await std::move(loss);
}

Task<absl::StatusOr<lifecycle::ExitResult>> ProcessObject::Exit(
    lifecycle::ExitContext& context) {
  lifecycle::ExitResult result;
  if (child_ == nullptr) co_return result;
  // An answer that comes late would be taken for the next holder's.
  result.tainted = !child_->end().ok() || child_->output().expected() > 0;
  if (!parameters_.reset_command.empty() && child_->end().ok()) {
    Task<absl::Status> reset = Reset(context.stop());
    const absl::Status status = co_await std::move(reset);
    if (!status.ok()) co_return status;
  }
  co_return result;
}

Task<absl::Status> ProcessObject::Reset(std::stop_token stop) {
  const std::shared_ptr<Child> reset =
      Child::Start(runtime_, host_.loop,
                   LaunchOf(parameters_.reset_command, /*scratch=*/false));
  Task<coro::Wake> wait = reset->ended().Wait(std::move(stop));
  const bool in_time = co_await std::move(wait) == coro::Wake::kSignalled;
  if (!in_time) reset->Stop(SIGKILL, absl::ZeroDuration());
  Task<void> gone = AwaitGone(reset);
  co_await std::move(gone);
  if (in_time && reset->succeeded()) co_return absl::OkStatus();
  co_return absl::Status(
      in_time ? absl::StatusCode::kInternal
              : absl::StatusCode::kDeadlineExceeded,
      absl::StrCat("reset_command: ", reset->end().message()));
}

Task<absl::Status> ProcessObject::Close(lifecycle::CloseContext& context) {
  if (child_ == nullptr) co_return absl::OkStatus();
  Task<void> end = EndProgram(context.stop());
  co_await std::move(end);
  co_return absl::OkStatus();
}

Task<absl::Status> ProcessObject::Check(lifecycle::CheckContext&) {
  co_return child_ == nullptr ? absl::OkStatus() : child_->end();
}

absl::StatusOr<std::string> ProcessObject::Endpoint(
    const Payload& value) const {
  if (!parameters_.proxy || child_ == nullptr) {
    return Object::Endpoint(value);
  }
  return endpoint();
}

}  // namespace anteroom::kinds
