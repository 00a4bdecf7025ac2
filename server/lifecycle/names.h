// How instances and leases are named in public: safe to log, of no use without
// the secret (lease_id.h).
//
// Thread safety: free functions on values.
#ifndef ANTEROOM_SERVER_LIFECYCLE_NAMES_H_
#define ANTEROOM_SERVER_LIFECYCLE_NAMES_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace anteroom::lifecycle {

// What a name says.
struct Named {
  absl::string_view resource;
  std::uint64_t number = 0;
};

// "resource#number": instances are counted from 1 on.
std::string InstanceName(absl::string_view resource, std::uint64_t number);
std::optional<Named> ParseInstanceName(absl::string_view name);

// "resource/number", in hexadecimal.
std::string LeaseName(absl::string_view resource, std::uint64_t number);
std::optional<Named> ParseLeaseName(absl::string_view name);

}  // namespace anteroom::lifecycle

#endif  // ANTEROOM_SERVER_LIFECYCLE_NAMES_H_
