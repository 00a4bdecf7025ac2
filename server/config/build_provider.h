// Configures kind `provider`.
#ifndef ANTEROOM_SERVER_CONFIG_BUILD_PROVIDER_H_
#define ANTEROOM_SERVER_CONFIG_BUILD_PROVIDER_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "anteroom/v1/config.pb.h"
#include "server/coro/runtime.h"
#include "server/lifecycle/resource.h"

namespace anteroom::config {

// Fields are named from `path` on. The provider need not be there yet.
absl::StatusOr<std::unique_ptr<lifecycle::Kind>> BuildProvider(
    coro::Runtime runtime, const std::string& path, const v1::Provider& proto);

}  // namespace anteroom::config

#endif  // ANTEROOM_SERVER_CONFIG_BUILD_PROVIDER_H_
