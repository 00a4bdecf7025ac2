// ScriptedKind: a kind whose hooks do what the test says, and which keeps a
// trace of what was called.
#ifndef ANTEROOM_TESTS_SUPPORT_SCRIPTED_KIND_H_
#define ANTEROOM_TESTS_SUPPORT_SCRIPTED_KIND_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/coro/task.h"
#include "server/lifecycle/resource.h"

namespace anteroom::testing {

// What the hooks do; those left empty succeed at once. Each is called with the
// hook's context and must not be a capturing coroutine.
struct Script {
  lifecycle::Hooks hooks;
  std::function<void()> construct;
  std::function<coro::Task<absl::Status>(lifecycle::InitContext&)> init;
  std::function<coro::Task<absl::StatusOr<lifecycle::Payload>>(
      lifecycle::EnterContext&)>
      enter;
  std::function<coro::Task<absl::StatusOr<lifecycle::Payload>>(
      lifecycle::UseContext&, absl::string_view method)>
      use;
  // Empty: there is no streaming method.
  std::function<coro::Task<absl::Status>(
      lifecycle::UseContext&, lifecycle::UseChannel&, absl::string_view method)>
      use_stream;
  std::function<coro::Task<absl::StatusOr<lifecycle::ExitResult>>(
      lifecycle::ExitContext&)>
      exit;
  std::function<coro::Task<absl::Status>(lifecycle::CloseContext&)> close;
  std::function<coro::Task<absl::Status>(lifecycle::CheckContext&)> check;
  // Where calls of others' methods go, with what Enter returned after it.
  // Empty: nowhere.
  std::string endpoint;
  // Of each object, in the order of their constructors.
  std::vector<lifecycle::InstanceContext*> contexts;
  // What was called, in order: "construct r#1", "init r#1", "enter r#1 TOKEN",
  // "use r#1 METHOD", "use_stream r#1 METHOD", "exit r#1 REASON", "check r#1",
  // "close r#1", "destroy r#1".
  std::vector<std::string> trace;

  int Count(absl::string_view prefix) const;
};

// Not thread-safe: for the manual executor. `script` outlives the kind.
class ScriptedKind : public lifecycle::Kind {
 public:
  explicit ScriptedKind(Script& script) : script_(script) {}

  lifecycle::Hooks hooks() const override { return script_.hooks; }
  std::unique_ptr<lifecycle::Object> Construct(
      const lifecycle::InstanceInfo& info,
      lifecycle::InstanceContext&) override;

 private:
  Script& script_;
};

}  // namespace anteroom::testing

#endif  // ANTEROOM_TESTS_SUPPORT_SCRIPTED_KIND_H_
