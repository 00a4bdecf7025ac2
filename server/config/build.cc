#include "server/config/build.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/config/build_custom.h"
#include "server/config/build_process.h"
#include "server/config/build_provider.h"
#include "server/config/fields.h"
#include "server/error/error.h"
#include "server/kinds/hello/hello.h"
#include "server/lifecycle/labels.h"

namespace anteroom::config {
namespace {

constexpr absl::Duration kDefaultDrainTimeout = absl::Seconds(30);
// Longer is a mistake of units.
constexpr absl::Duration kMaxDrainTimeout = absl::Hours(24);
constexpr std::size_t kMaxNameBytes = 256;
constexpr char kDefaultListener[] = "127.0.0.1:50051";

// What the kinds of one configuration are built with.
struct KindParts {
  const CustomKinds& custom;
  std::shared_ptr<kinds::ProcessHost> process_host;  // null: not needed yet
};

absl::StatusOr<std::unique_ptr<lifecycle::Kind>> BuildHello(
    coro::Runtime runtime, const std::string& path, const v1::Hello& proto) {
  Fields fields(path);
  kinds::HelloParameters parameters;
  switch (proto.style()) {
    case v1::Hello::STYLE_UNSPECIFIED:
    case v1::Hello::STYLE_ENTER_AWAITS_INIT:
      parameters.style = kinds::HelloStyle::kEnterAwaitsInit;
      break;
    case v1::Hello::STYLE_PLAIN:
      parameters.style = kinds::HelloStyle::kPlain;
      break;
    case v1::Hello::STYLE_AWAITABLE:
      parameters.style = kinds::HelloStyle::kAwaitable;
      break;
    case v1::Hello::STYLE_CONTEXT:
      parameters.style = kinds::HelloStyle::kContext;
      break;
    default:
      fields.Refuse("style", "is no known value");
  }
  fields.Read("init_takes", proto.init_takes(), parameters.init_takes);
  fields.Read("enter_takes", proto.enter_takes(), parameters.enter_takes);
  fields.Read("use_takes", proto.use_takes(), parameters.use_takes);
  fields.Read("exit_takes", proto.exit_takes(), parameters.exit_takes);
  fields.Read("close_takes", proto.close_takes(), parameters.close_takes);
  fields.Read("init_fails", proto.init_fails(), parameters.init_fails);
  fields.Read("enter_fails", proto.enter_fails(), parameters.enter_fails);
  fields.Read("exit_fails", proto.exit_fails(), parameters.exit_fails);
  fields.Read("check_fails", proto.check_fails(), parameters.check_fails);
  fields.Read("progress_steps", proto.progress_steps(),
              parameters.progress_steps);
  parameters.suppress = proto.suppress();
  if (!fields.status().ok()) return fields.status();
  return std::make_unique<kinds::Hello>(runtime, parameters);
}

absl::StatusOr<std::unique_ptr<lifecycle::Kind>> BuildKind(
    coro::Runtime runtime, const std::string& path,
    const v1::Resource& resource, KindParts& parts) {
  if (resource.has_hello()) {
    return BuildHello(runtime, absl::StrCat(path, ".hello"), resource.hello());
  }
  if (resource.has_process()) {
    return BuildProcess(runtime, absl::StrCat(path, ".process"),
                        resource.process(), parts.process_host);
  }
  if (resource.has_provider()) {
    return BuildProvider(runtime, absl::StrCat(path, ".provider"),
                         resource.provider());
  }
  if (resource.has_custom()) {
    return BuildCustom(runtime, absl::StrCat(path, ".custom"),
                       resource.custom(), parts.custom);
  }
  return InvalidField(
      path, "has no kind: set one of hello, process, provider, custom");
}

absl::Status CheckSupported(const v1::ServerConfig& config) {
  Fields whole("");
  whole.NotYet("limits", config.has_limits());
  if (!whole.status().ok()) return whole.status();
  for (int i = 0; i < config.listeners_size(); ++i) {
    Fields fields(absl::StrCat("listeners[", i, "]"));
    if (config.listeners(i).address().empty()) {
      fields.Refuse("address", "must be host:port or unix:PATH");
    }
    if (!fields.status().ok()) return fields.status();
  }
  return absl::OkStatus();
}

absl::Status AddResource(coro::Runtime runtime, const std::string& path,
                         const v1::Resource& resource, KindParts& parts,
                         lifecycle::Anteroom& anteroom) {
  Fields fields(path);
  if (resource.name().size() > kMaxNameBytes) {
    fields.Refuse("name", "must be at most 256 bytes");
  }
  if (!fields.status().ok()) return fields.status();
  const absl::Status labelled = lifecycle::ValidateLabels(
      absl::StrCat(path, ".labels"),
      {resource.labels().begin(), resource.labels().end()});
  if (!labelled.ok()) return labelled;
  const absl::StatusOr<lifecycle::Policy> policy =
      PolicyFromProto(absl::StrCat(path, ".policy"), resource.policy());
  if (!policy.ok()) return policy.status();
  absl::StatusOr<std::unique_ptr<lifecycle::Kind>> kind =
      BuildKind(runtime, path, resource, parts);
  if (!kind.ok()) return kind.status();
  return NamedFrom(
      path, anteroom.AddResource(resource.name(), *policy, *std::move(kind)));
}

}  // namespace

absl::StatusOr<lifecycle::Policy> PolicyFromProto(const std::string& path,
                                                  const v1::Policy& proto) {
  lifecycle::Policy policy;
  Fields fields(path);
  policy.keyed = proto.keyed();
  if (policy.keyed) policy.max_instances = lifecycle::kUnlimited;
  if (proto.has_max_instances()) policy.max_instances = proto.max_instances();
  if (proto.has_min_idle()) policy.min_idle = proto.min_idle();
  if (proto.has_max_holders()) policy.max_holders = proto.max_holders();
  if (proto.has_max_waiters()) policy.max_waiters = proto.max_waiters();
  policy.reuse_tainted = proto.reuse_tainted();
  const struct {
    const char* name;
    bool present;
    const google::protobuf::Duration& proto;
    absl::Duration& value;
  } durations[] = {
      {"idle_timeout", proto.has_idle_timeout(), proto.idle_timeout(),
       policy.idle_timeout},
      {"init_timeout", proto.has_init_timeout(), proto.init_timeout(),
       policy.init_timeout},
      {"enter_timeout", proto.has_enter_timeout(), proto.enter_timeout(),
       policy.enter_timeout},
      {"use_timeout", proto.has_use_timeout(), proto.use_timeout(),
       policy.use_timeout},
      {"exit_timeout", proto.has_exit_timeout(), proto.exit_timeout(),
       policy.exit_timeout},
      {"close_timeout", proto.has_close_timeout(), proto.close_timeout(),
       policy.close_timeout},
      {"use_grace", proto.has_use_grace(), proto.use_grace(), policy.use_grace},
      {"default_ttl", proto.has_default_ttl(), proto.default_ttl(),
       policy.default_ttl},
      {"max_ttl", proto.has_max_ttl(), proto.max_ttl(), policy.max_ttl},
      {"max_lifetime", proto.has_max_lifetime(), proto.max_lifetime(),
       policy.max_lifetime},
      {"check_interval", proto.has_check_interval(), proto.check_interval(),
       policy.check_interval},
      {"revoke_notice", proto.has_revoke_notice(), proto.revoke_notice(),
       policy.revoke_notice},
      {"max_disconnect_grace", proto.has_max_disconnect_grace(),
       proto.max_disconnect_grace(), policy.max_disconnect_grace},
      {"max_hold", proto.has_max_hold(), proto.max_hold(), policy.max_hold},
      {"init_retry.initial_backoff", proto.init_retry().has_initial_backoff(),
       proto.init_retry().initial_backoff(), policy.init_retry.initial_backoff},
      {"init_retry.max_backoff", proto.init_retry().has_max_backoff(),
       proto.init_retry().max_backoff(), policy.init_retry.max_backoff},
      {"breaker.open", proto.breaker().has_open(), proto.breaker().open(),
       policy.breaker.open},
  };
  for (const auto& field : durations) {
    if (field.present) fields.Read(field.name, field.proto, field.value);
  }
  if (!proto.has_default_ttl()) {
    policy.default_ttl = std::min(policy.default_ttl, policy.max_ttl);
  }
  switch (proto.abandon_init()) {
    case v1::Policy::ABANDON_INIT_UNSPECIFIED:
    case v1::Policy::ABANDON_INIT_CANCEL:
      break;
    case v1::Policy::ABANDON_INIT_KEEP:
      policy.abandon_init = lifecycle::AbandonInit::kKeep;
      break;
    default:
      fields.Refuse("abandon_init", "is no known value");
  }
  switch (proto.await_init()) {
    case v1::Policy::AWAIT_INIT_UNSPECIFIED:
    case v1::Policy::AWAIT_INIT_ON_ENTER:
      break;
    case v1::Policy::AWAIT_INIT_NEVER:
      policy.await_init = lifecycle::AwaitInit::kNever;
      break;
    default:
      fields.Refuse("await_init", "is no known value");
  }
  // Unset means the default; Validate() refuses what is negative.
  if (proto.init_retry().attempts() != 0) {
    policy.init_retry.attempts = proto.init_retry().attempts();
  }
  policy.breaker.failures = proto.breaker().failures();
  if (!fields.status().ok()) return fields.status();
  return policy;
}

absl::StatusOr<Built> Build(coro::Runtime runtime,
                            const v1::ServerConfig& config,
                            const CustomKinds& custom) {
  const absl::Status supported = CheckSupported(config);
  if (!supported.ok()) return supported;
  Fields fields("");
  Built built;
  built.drain_timeout = kDefaultDrainTimeout;
  lifecycle::Anteroom::Options options;
  if (config.has_drain_timeout()) {
    fields.Read("drain_timeout", config.drain_timeout(), built.drain_timeout);
    if (built.drain_timeout > kMaxDrainTimeout) {
      fields.Refuse("drain_timeout", "must be at most 24 h");
    }
  }
  if (config.has_receipts_kept()) {
    fields.Read("receipts_kept", config.receipts_kept(),
                options.receipts.receipts_kept);
  }
  if (config.receipts_max() != 0) {
    int receipts_max = 0;
    fields.Read("receipts_max", config.receipts_max(), receipts_max);
    options.receipts.receipts_max = receipts_max;
  }
  if (!fields.status().ok()) return fields.status();
  built.anteroom = std::make_unique<lifecycle::Anteroom>(runtime, options);
  KindParts parts{custom, nullptr};
  for (int i = 0; i < config.resources_size(); ++i) {
    const absl::Status added =
        AddResource(runtime, absl::StrCat("resources[", i, "]"),
                    config.resources(i), parts, *built.anteroom);
    if (!added.ok()) return added;
  }
  built.resources.assign(config.resources().begin(), config.resources().end());
  for (const v1::Listener& listener : config.listeners()) {
    built.listeners.push_back(listener.address());
  }
  if (built.listeners.empty()) built.listeners.push_back(kDefaultListener);
  return built;
}

}  // namespace anteroom::config
