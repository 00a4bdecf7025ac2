#include "server/kinds/provider/description.h"

#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace anteroom::kinds {
namespace {

using provider::v1::DescribeResponse;

// False if there is no such hook.
bool AddHook(int hook, lifecycle::Hooks& hooks) {
  switch (hook) {
    case provider::v1::HOOK_INIT:
      return hooks.init = true;
    case provider::v1::HOOK_ENTER:
      return hooks.enter = true;
    case provider::v1::HOOK_EXIT:
      return hooks.exit = true;
    case provider::v1::HOOK_CLOSE:
      return hooks.close = true;
    case provider::v1::HOOK_CHECK:
      return hooks.check = true;
    default:
      return false;
  }
}

std::string NamesOf(const DescribeResponse& description) {
  if (description.kinds().empty()) return "none";
  std::vector<std::string> names;
  for (const auto& kind : description.kinds()) names.push_back(kind.name());
  return absl::StrJoin(names, ", ");
}

}  // namespace

absl::StatusOr<lifecycle::Hooks> HooksOf(const DescribeResponse& description,
                                         const std::string& kind,
                                         const ProviderConnection& connection) {
  const DescribeResponse::Kind* found = nullptr;
  for (const auto& described : description.kinds()) {
    if (described.name() != kind) continue;
    if (found != nullptr) {
      return connection.Broken(
          "Describe", absl::StrCat("has the kind \"", kind, "\" twice"));
    }
    found = &described;
  }
  if (found == nullptr) {
    return absl::FailedPreconditionError(absl::StrCat(
        "the provider at ", connection.address(), " has no kind \"", kind,
        "\"; its kinds are: ", NamesOf(description)));
  }
  lifecycle::Hooks hooks;
  for (const int hook : found->hooks()) {
    if (!AddHook(hook, hooks)) {
      return connection.Broken(
          "Describe", absl::StrCat("has an unknown hook, number ", hook));
    }
  }
  return hooks;
}

}  // namespace anteroom::kinds
