#include "tests/support/scripted_kind.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace anteroom::testing {
namespace {

using coro::Task;
using lifecycle::Payload;
using lifecycle::PayloadView;

class ScriptedObject : public lifecycle::Object {
 public:
  ScriptedObject(Script& script, std::string id)
      : script_(script), id_(std::move(id)) {
    Note("construct");
  }
  ~ScriptedObject() override { Note("destroy"); }

  Task<absl::Status> Init(lifecycle::InitContext& context) override {
    Note("init");
    if (!script_.init) co_return absl::OkStatus();
    Task<absl::Status> scripted = script_.init(context);
    co_return co_await std::move(scripted);
  }

  Task<absl::StatusOr<Payload>> Enter(
      lifecycle::EnterContext& context) override {
    Note("enter");
    if (!script_.enter) co_return Payload();
    Task<absl::StatusOr<Payload>> scripted = script_.enter(context);
    co_return co_await std::move(scripted);
  }

  Task<absl::StatusOr<Payload>> Use(lifecycle::UseContext& context,
                                    absl::string_view method,
                                    PayloadView argument) override {
    Note("use", method);
    if (!script_.use) co_return argument.Copy();
    Task<absl::StatusOr<Payload>> scripted = script_.use(context, method);
    co_return co_await std::move(scripted);
  }

  Task<absl::Status> UseStream(lifecycle::UseContext& context,
                               absl::string_view method, PayloadView,
                               lifecycle::UseChannel& channel) override {
    Note("use_stream", method);
    if (!script_.use_stream) co_return lifecycle::MethodNotFound(method);
    Task<absl::Status> scripted = script_.use_stream(context, channel, method);
    co_return co_await std::move(scripted);
  }

  Task<absl::StatusOr<lifecycle::ExitResult>> Exit(
      lifecycle::ExitContext& context) override {
    Note("exit", lifecycle::ExitReasonName(context.cause().reason));
    if (!script_.exit) co_return lifecycle::ExitResult();
    Task<absl::StatusOr<lifecycle::ExitResult>> scripted =
        script_.exit(context);
    co_return co_await std::move(scripted);
  }

  Task<absl::Status> Close(lifecycle::CloseContext& context) override {
    Note("close");
    if (!script_.close) co_return absl::OkStatus();
    Task<absl::Status> scripted = script_.close(context);
    co_return co_await std::move(scripted);
  }

  Task<absl::Status> Check(lifecycle::CheckContext& context) override {
    Note("check");
    if (!script_.check) co_return absl::OkStatus();
    Task<absl::Status> scripted = script_.check(context);
    co_return co_await std::move(scripted);
  }

  absl::StatusOr<std::string> Endpoint(const Payload& value) const override {
    if (script_.endpoint.empty()) return Object::Endpoint(value);
    return absl::StrCat(script_.endpoint, value.data);
  }

 private:
  void Note(absl::string_view hook, absl::string_view detail = {}) {
    script_.trace.push_back(detail.empty()
                                ? absl::StrCat(hook, " ", id_)
                                : absl::StrCat(hook, " ", id_, " ", detail));
  }

  Script& script_;
  const std::string id_;
};

}  // namespace

int Script::Count(absl::string_view prefix) const {
  return static_cast<int>(std::count_if(
      trace.begin(), trace.end(),
      [prefix](const auto& line) { return absl::StartsWith(line, prefix); }));
}

std::unique_ptr<lifecycle::Object> ScriptedKind::Construct(
    const lifecycle::InstanceInfo& info, lifecycle::InstanceContext& context) {
  script_.contexts.push_back(&context);
  if (script_.construct) script_.construct();
  return std::make_unique<ScriptedObject>(script_, info.instance_id);
}

}  // namespace anteroom::testing
