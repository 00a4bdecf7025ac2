// Resources of kind `process` from their configuration.
#ifndef ANTEROOM_SERVER_CONFIG_BUILD_PROCESS_H_
#define ANTEROOM_SERVER_CONFIG_BUILD_PROCESS_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "anteroom/v1/config.pb.h"
#include "server/coro/runtime.h"
#include "server/kinds/process/process_host.h"
#include "server/lifecycle/resource.h"

namespace anteroom::config {

// The kind that `proto` describes; fields are named from `path` on. `host` is
// what all process resources of a server share: made for the first.
// INVALID_REQUEST.
absl::StatusOr<std::unique_ptr<lifecycle::Kind>> BuildProcess(
    coro::Runtime runtime, const std::string& path, const v1::Process& proto,
    std::shared_ptr<kinds::ProcessHost>& host);

}  // namespace anteroom::config

#endif  // ANTEROOM_SERVER_CONFIG_BUILD_PROCESS_H_
