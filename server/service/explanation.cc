#include "server/service/explanation.h"

#include <algorithm>
#include <cstddef>

#include "absl/strings/str_cat.h"

namespace anteroom::service {
namespace {

using lifecycle::InstanceState;
using lifecycle::InstanceView;
using lifecycle::Policy;
using WaitReport = lifecycle::Pool::WaitReport;

std::string Objects(std::size_t count) {
  return absl::StrCat(count, count == 1 ? " object" : " objects");
}

std::string HowMany(absl::string_view subject, const Policy& policy,
                    const WaitReport& report) {
  const std::string holders =
      report.all_holders == 0 ? "Nobody holds"
      : report.all_holders == 1
          ? "1 lease holds"
          : absl::StrCat(report.all_holders, " leases hold");
  const std::string waiters = report.all_waiters == 0 ? "nobody waits"
                              : report.all_waiters == 1
                                  ? "1 waits"
                                  : absl::StrCat(report.all_waiters, " wait");
  const std::string objects =
      policy.max_instances == lifecycle::kUnlimited
          ? Objects(report.all_instances)
          : absl::StrCat(
                report.all_instances, " of at most ",
                Objects(static_cast<std::size_t>(policy.max_instances)));
  return absl::StrCat(holders, " ", subject, ", ", waiters, ", and ", objects,
                      report.all_instances == 1 ? " exists" : " exist",
                      policy.keyed ? ", those of other keys included." : ".");
}

// When the holders' turn is over, and what helps if that is too late.
std::string AwaitTheHolders(const Policy& policy, absl::Time first_end,
                            bool more_objects_help) {
  std::string text = "A waiter is served when a lease ends";
  if (first_end != absl::InfiniteFuture()) {
    absl::StrAppend(
        &text, ", the first of them at ",
        absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", first_end, absl::UTCTimeZone()),
        " as things stand");
  }
  absl::StrAppend(&text, ": a release or RevokeLease would help",
                  more_objects_help         ? ", or a larger max_instances"
                  : policy.max_holders != 0 ? ", or a larger max_holders"
                                            : "",
                  ".");
  return text;
}

// Whether an acquire would find an object with room, or have one built.
bool HasRoom(const Policy& policy, const WaitReport& report) {
  const bool may_build =
      report.all_instances < static_cast<std::size_t>(policy.max_instances) &&
      (!policy.keyed || report.instances.empty());
  return may_build ||
         std::any_of(report.instances.begin(), report.instances.end(),
                     [&policy](const InstanceView& i) {
                       return i.state == InstanceState::kReady ||
                              (i.state == InstanceState::kHeld &&
                               (policy.max_holders == 0 ||
                                i.holders < policy.max_holders));
                     });
}

std::string WhatHelps(const Policy& policy, const WaitReport& report,
                      absl::Time first_end) {
  if (report.draining) {
    return "It drains: nothing is lent any more.";
  }
  const auto in = [&report](InstanceState a, InstanceState b) {
    return std::count_if(
        report.instances.begin(), report.instances.end(),
        [=](const InstanceView& i) { return i.state == a || i.state == b; });
  };
  if (report.breaker_open) {
    return absl::StrCat(
        "Its breaker is open, since inits keep failing: no object is built "
        "until a trial init succeeds",
        report.all_holders > 0 ? ", so that a waiter depends on a release."
                               : ": mend what its init needs.");
  }
  if (report.all_waiters == 0 && HasRoom(policy, report)) {
    return "An acquire need not queue.";
  }
  if (in(InstanceState::kConstructed, InstanceState::kInitializing) > 0) {
    return "An object is becoming ready: its init is awaited.";
  }
  if (in(InstanceState::kFailed, InstanceState::kClosing) > 0) {
    return "An object is closing: a waiter is served, or another object built, "
           "once it is gone.";
  }
  if (report.all_holders > 0) {
    return AwaitTheHolders(policy, first_end,
                           /*more_objects_help=*/!policy.keyed);
  }
  if (policy.keyed &&
      report.all_instances >= static_cast<std::size_t>(policy.max_instances)) {
    return "Other keys have all objects that there may be: one of those that "
           "nobody holds makes room, so that the end of a lease would help, or "
           "a larger max_instances.";
  }
  return "An object is about to be lent.";
}

}  // namespace

std::string Explanation(absl::string_view resource, absl::string_view key,
                        const Policy& policy, const WaitReport& report,
                        absl::Time first_end) {
  const std::string subject =
      key.empty() ? std::string(resource)
                  : absl::StrCat("key \"", key, "\" of ", resource);
  return absl::StrCat(HowMany(subject, policy, report), " ",
                      WhatHelps(policy, report, first_end));
}

}  // namespace anteroom::service
