#include "server/service/admin_convert.h"

#include "absl/time/time.h"
#include "server/service/convert.h"

namespace anteroom::service {
namespace {

using lifecycle::InstanceState;

v1::Instance::State ToProto(InstanceState state) {
  switch (state) {
    case InstanceState::kConstructed:
      return v1::Instance::STATE_CONSTRUCTED;
    case InstanceState::kInitializing:
      return v1::Instance::STATE_INITIALIZING;
    case InstanceState::kReady:
      return v1::Instance::STATE_READY;
    case InstanceState::kHeld:
      return v1::Instance::STATE_HELD;
    case InstanceState::kFailed:
      return v1::Instance::STATE_FAILED;
    case InstanceState::kClosing:
    case InstanceState::kClosed:
      return v1::Instance::STATE_CLOSING;
  }
  return v1::Instance::STATE_UNSPECIFIED;
}

v1::Policy::AbandonInit ToProto(lifecycle::AbandonInit abandon) {
  return abandon == lifecycle::AbandonInit::kKeep
             ? v1::Policy::ABANDON_INIT_KEEP
             : v1::Policy::ABANDON_INIT_CANCEL;
}

v1::Policy::AwaitInit ToProto(lifecycle::AwaitInit await) {
  return await == lifecycle::AwaitInit::kNever
             ? v1::Policy::AWAIT_INIT_NEVER
             : v1::Policy::AWAIT_INIT_ON_ENTER;
}

}  // namespace

v1::Instance ToProto(const lifecycle::InstanceView& instance) {
  v1::Instance proto;
  proto.set_instance_id(instance.info.instance_id);
  proto.set_resource(instance.info.resource);
  proto.set_key(instance.info.key);
  proto.set_state(ToProto(instance.state));
  proto.set_holders(instance.holders);
  if (instance.create_time != absl::InfiniteFuture()) {
    ToProto(instance.create_time, proto.mutable_create_time());
  }
  if (instance.ready_time != absl::InfiniteFuture()) {
    ToProto(instance.ready_time, proto.mutable_ready_time());
  }
  proto.set_uses(instance.uses);
  return proto;
}

v1::Policy ToProto(const lifecycle::Policy& policy) {
  v1::Policy proto;
  if (!policy.keyed || policy.max_instances != lifecycle::kUnlimited) {
    proto.set_max_instances(policy.max_instances);
  }
  proto.set_max_holders(policy.max_holders);
  proto.set_keyed(policy.keyed);
  proto.set_min_idle(policy.min_idle);
  proto.set_max_waiters(policy.max_waiters);
  proto.set_reuse_tainted(policy.reuse_tainted);
  proto.set_abandon_init(ToProto(policy.abandon_init));
  proto.set_await_init(ToProto(policy.await_init));
  proto.mutable_init_retry()->set_attempts(policy.init_retry.attempts);
  proto.mutable_breaker()->set_failures(policy.breaker.failures);
  const auto set = [](absl::Duration value, auto mutable_field) {
    if (value != absl::InfiniteDuration()) ToProto(value, mutable_field());
  };
  set(policy.idle_timeout, [&] { return proto.mutable_idle_timeout(); });
  set(policy.max_lifetime, [&] { return proto.mutable_max_lifetime(); });
  set(policy.init_timeout, [&] { return proto.mutable_init_timeout(); });
  set(policy.enter_timeout, [&] { return proto.mutable_enter_timeout(); });
  set(policy.use_timeout, [&] { return proto.mutable_use_timeout(); });
  set(policy.exit_timeout, [&] { return proto.mutable_exit_timeout(); });
  set(policy.close_timeout, [&] { return proto.mutable_close_timeout(); });
  set(policy.use_grace, [&] { return proto.mutable_use_grace(); });
  set(policy.init_retry.initial_backoff,
      [&] { return proto.mutable_init_retry()->mutable_initial_backoff(); });
  set(policy.init_retry.max_backoff,
      [&] { return proto.mutable_init_retry()->mutable_max_backoff(); });
  set(policy.breaker.open,
      [&] { return proto.mutable_breaker()->mutable_open(); });
  set(policy.default_ttl, [&] { return proto.mutable_default_ttl(); });
  set(policy.max_ttl, [&] { return proto.mutable_max_ttl(); });
  set(policy.check_interval, [&] { return proto.mutable_check_interval(); });
  set(policy.revoke_notice, [&] { return proto.mutable_revoke_notice(); });
  set(policy.max_hold, [&] { return proto.mutable_max_hold(); });
  set(policy.max_disconnect_grace,
      [&] { return proto.mutable_max_disconnect_grace(); });
  return proto;
}

}  // namespace anteroom::service
