// Turns a configuration into the service it describes.
#ifndef ANTEROOM_SERVER_CONFIG_BUILD_H_
#define ANTEROOM_SERVER_CONFIG_BUILD_H_

#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "anteroom/v1/config.pb.h"
#include "server/coro/runtime.h"
#include "server/lifecycle/anteroom.h"
#include "server/lifecycle/policy.h"

namespace anteroom::config {

// Makes the kind behind one resource. `parameters` is the object that the
// configuration gives it, as JSON; empty if it gives none. Errors are those of
// bad parameters: make them with InvalidField() (server/error/error.h), whose
// field is named from `parameters` on. Called once a resource, at the start.
using KindFactory =
    std::function<absl::StatusOr<std::unique_ptr<lifecycle::Kind>>(
        coro::Runtime runtime, const nlohmann::json& parameters)>;

// Kinds that were compiled into this server, by the name that a resource's
// `custom.kind` gives.
using CustomKinds = std::map<std::string, KindFactory>;

struct Built {
  // To be started (Anteroom::Start()) once its server listens.
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
                            const v1::ServerConfig& config,
                            const CustomKinds& custom = {});

// The policy that `proto` describes, defaults filled in; fields are named from
// `path` on. Not validated as a whole.
absl::StatusOr<lifecycle::Policy> PolicyFromProto(const std::string& path,
                                                  const v1::Policy& proto);

}  // namespace anteroom::config

#endif  // ANTEROOM_SERVER_CONFIG_BUILD_H_
