// LeaseId: the secret by which a lease is used: 96 random bits, and where the
// lease is (lease_table.h). Clients see them as 32 hexadecimal digits.
//
// Thread safety: a value.
#ifndef ANTEROOM_SERVER_LIFECYCLE_LEASE_ID_H_
#define ANTEROOM_SERVER_LIFECYCLE_LEASE_ID_H_

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/string_view.h"

namespace anteroom::lifecycle {

struct LeaseId {
  std::uint64_t high = 0;
  std::uint32_t low = 0;
  std::uint32_t place = 0;

  // Nullopt for what Text() never writes.
  static std::optional<LeaseId> Parse(absl::string_view text);
  std::string Text() const;

  friend bool operator==(const LeaseId&, const LeaseId&) = default;
  template <typename H>
  friend H AbslHashValue(H hash, const LeaseId& id) {
    return H::combine(std::move(hash), id.high, id.low, id.place);
  }
};

}  // namespace anteroom::lifecycle

#endif  // ANTEROOM_SERVER_LIFECYCLE_LEASE_ID_H_
