#include "server/lifecycle/policy.h"

#include "absl/strings/str_cat.h"
#include "server/error/error.h"

namespace anteroom::lifecycle {
namespace {

struct DurationField {
  const char* name;
  absl::Duration value;
  bool zero_allowed;
};

absl::Status ValidateInstances(const Policy& policy) {
  if (policy.min_idle < 0) {
    return InvalidField("policy.min_idle", "must not be negative");
  }
  if (policy.min_idle > policy.max_instances) {
    return InvalidField(
        "policy.min_idle",
        absl::StrCat("is ", policy.min_idle, ", more than max_instances, ",
                     policy.max_instances));
  }
  if (policy.min_idle > 0 && policy.keyed) {
    return InvalidField("policy.min_idle",
                        "must be 0 where keyed is set: nobody can tell which "
                        "keys to keep ready");
  }
  if (policy.init_retry.attempts < 1) {
    return InvalidField("policy.init_retry.attempts", "must be at least 1");
  }
  if (policy.breaker.failures < 0) {
    return InvalidField("policy.breaker.failures",
                        "must be 0 (off) or positive");
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status Validate(const Policy& policy) {
  if (policy.max_instances < 1) {
    return InvalidField("policy.max_instances", "must be at least 1");
  }
  if (policy.max_holders < 0) {
    return InvalidField("policy.max_holders",
                        "must be 0 (unlimited) or positive");
  }
  if (policy.max_waiters < 0) {
    return InvalidField("policy.max_waiters", "must not be negative");
  }
  const absl::Status kept = ValidateInstances(policy);
  if (!kept.ok()) return kept;
  const DurationField durations[] = {
      {"policy.idle_timeout", policy.idle_timeout, true},
      {"policy.max_lifetime", policy.max_lifetime, false},
      {"policy.check_interval", policy.check_interval, true},
      {"policy.init_retry.initial_backoff", policy.init_retry.initial_backoff,
       true},
      {"policy.init_retry.max_backoff", policy.init_retry.max_backoff, true},
      {"policy.breaker.open", policy.breaker.open, false},
      {"policy.max_hold", policy.max_hold, false},
      {"policy.revoke_notice", policy.revoke_notice, true},
      {"policy.max_disconnect_grace", policy.max_disconnect_grace, true},
      {"policy.init_timeout", policy.init_timeout, false},
      {"policy.enter_timeout", policy.enter_timeout, false},
      {"policy.use_timeout", policy.use_timeout, false},
      {"policy.exit_timeout", policy.exit_timeout, false},
      {"policy.close_timeout", policy.close_timeout, false},
      {"policy.use_grace", policy.use_grace, true},
      {"policy.max_ttl", policy.max_ttl, false},
      {"policy.default_ttl", policy.default_ttl, false},
  };
  for (const DurationField& field : durations) {
    if (field.value < absl::ZeroDuration()) {
      return InvalidField(field.name, "must not be negative");
    }
    if (!field.zero_allowed && field.value == absl::ZeroDuration()) {
      return InvalidField(field.name, "must be more than 0");
    }
  }
  if (policy.default_ttl > policy.max_ttl) {
    return InvalidField(
        "policy.default_ttl",
        absl::StrCat("is ", absl::FormatDuration(policy.default_ttl),
                     ", more than max_ttl, ",
                     absl::FormatDuration(policy.max_ttl)));
  }
  return absl::OkStatus();
}

}  // namespace anteroom::lifecycle
