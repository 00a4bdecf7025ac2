// Resources of kinds that were compiled into this server.
#ifndef ANTEROOM_SERVER_CONFIG_BUILD_CUSTOM_H_
#define ANTEROOM_SERVER_CONFIG_BUILD_CUSTOM_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "anteroom/v1/config.pb.h"
#include "server/config/build.h"
#include "server/coro/runtime.h"
#include "server/lifecycle/resource.h"

namespace anteroom::config {

// INVALID_REQUEST naming `kind` if none of `kinds` has its name; what its
// factory refuses, named from `path` on.
absl::StatusOr<std::unique_ptr<lifecycle::Kind>> BuildCustom(
    coro::Runtime runtime, const std::string& path, const v1::Custom& proto,
    const CustomKinds& kinds);

}  // namespace anteroom::config

#endif  // ANTEROOM_SERVER_CONFIG_BUILD_CUSTOM_H_
