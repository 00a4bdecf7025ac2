// ProcessObject: one program, as an object of kind `process` (process.h).
//
// Thread safety: as lifecycle/resource.h demands: what Init sets is constant
// until it fails, or the object ends. Destruction: REQUIRES that Close has
// ended, or Init was never called.
#ifndef ANTEROOM_SERVER_KINDS_PROCESS_PROCESS_OBJECT_H_
#define ANTEROOM_SERVER_KINDS_PROCESS_PROCESS_OBJECT_H_

#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/coro/runtime.h"
#include "server/coro/task.h"
#include "server/kinds/process/child.h"
#include "server/kinds/process/process.h"
#include "server/kinds/process/process_host.h"
#include "server/lifecycle/resource.h"

namespace anteroom::kinds {

class ProcessObject : public lifecycle::Object {
 public:
  // All but `info` outlive it.
  ProcessObject(coro::Runtime runtime, ProcessHost& host,
                const ProcessParameters& parameters,
                const lifecycle::InstanceInfo& info,
                lifecycle::InstanceContext& context)
      : runtime_(runtime),
        host_(host),
        parameters_(parameters),
        info_(info),
        context_(context) {}

  coro::Task<absl::Status> Init(lifecycle::InitContext& context) override;
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
  lifecycle::Payload Value() const override;
  absl::StatusOr<std::string> Endpoint(
      const lifecycle::Payload& value) const override;

 private:
  // `text` with the words in braces replaced.
  std::string Fill(const std::string& text) const;
  // What starts `command` in this object's directory.
  Launch LaunchOf(const std::vector<std::string>& command, bool scratch) const;
  // Ends the program as configured, at once after a stop, and waits until
  // nothing is left.
  coro::Task<void> EndProgram(std::stop_token stop);
  coro::Task<absl::Status> Reset(std::stop_token stop);

  coro::Task<absl::StatusOr<lifecycle::Payload>> Request(
      lifecycle::UseContext& context, lifecycle::PayloadView argument);
  absl::StatusOr<lifecycle::Payload> Signal(lifecycle::PayloadView argument);
  lifecycle::Payload Status() const;
  std::string endpoint() const;

  const coro::Runtime runtime_;
  ProcessHost& host_;
  const ProcessParameters& parameters_;
  const lifecycle::InstanceInfo info_;
  lifecycle::InstanceContext& context_;

  int port_ = 0;
  std::string directory_;
  // Null: Init was not called, or failed, or Close has ended.
  std::shared_ptr<Child> child_;
};

}  // namespace anteroom::kinds

#endif  // ANTEROOM_SERVER_KINDS_PROCESS_PROCESS_OBJECT_H_
