// What a provider says of itself, checked.
#ifndef ANTEROOM_SERVER_KINDS_PROVIDER_DESCRIPTION_H_
#define ANTEROOM_SERVER_KINDS_PROVIDER_DESCRIPTION_H_

#include <string>

#include "absl/status/statusor.h"
#include "anteroom/provider/v1/provider_service.pb.h"
#include "server/kinds/provider/connection.h"
#include "server/lifecycle/resource.h"

namespace anteroom::kinds {

// The hooks of `kind`. FAILED_PRECONDITION if the provider has no such kind,
// INTERNAL if it contradicts itself or names hooks that there are not.
absl::StatusOr<lifecycle::Hooks> HooksOf(
    const provider::v1::DescribeResponse& description, const std::string& kind,
    const ProviderConnection& connection);

}  // namespace anteroom::kinds

#endif  // ANTEROOM_SERVER_KINDS_PROVIDER_DESCRIPTION_H_
