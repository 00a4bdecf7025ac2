// Turns a configuration into the service it describes.
#ifndef ANTEROOM_SERVER_CONFIG_BUILD_H_
#define ANTEROOM_SERVER_CONFIG_BUILD_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "anteroom/v1/config.pb.h"
#include "server/coro/runtime.h"
#include "server/lifecycle/anteroom.h"
#include "server/lifecycle/policy.h"

namespace anteroom::config {

struct Built {
  std::unique_ptr<lifecycle::Anteroom> anteroom;
  // Addresses to listen on: host:port or unix:PATH.
  std::vector<std::string> listeners;
  // As they were configured.
  std::vector<v1::Resource> resources;
  // How long a drain may take before it is forced.
  absl::Duration drain_timeout;
};

// INVALID_REQUEST naming the field by its path ("resources[2].policy.max_ttl");
// NOT_IMPLEMENTED for what this server cannot do yet: nothing that is
// configured is silently left out.
absl::StatusOr<Built> Build(coro::Runtime runtime,
                            const v1::ServerConfig& config);

// The policy that `proto` describes, defaults filled in; fields are named from
// `path` on. Not validated as a whole.
absl::StatusOr<lifecycle::Policy> PolicyFromProto(const std::string& path,
                                                  const v1::Policy& proto);

}  // namespace anteroom::config

#endif  // ANTEROOM_SERVER_CONFIG_BUILD_H_
