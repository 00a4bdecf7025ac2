// LeaseId: the secret by which a lease is used. 64 random bits (what OWASP's
// Session Management Cheat Sheet asks of a session's id; a guess counts for one
// place alone), and which lease they are of. Clients see it as 32 hexadecimal
// digits.
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
  std::uint64_t secret = 0;
  // Of those in a place one after the other: the lowest bits of its number.
  std::uint32_t number = 0;
  std::uint32_t place = 0;  // lease_table.h

  // Nullopt for what Text() never writes.
  static std::optional<LeaseId> Parse(absl::string_view text);
  std::string Text() const;

  friend bool operator==(const LeaseId&, const LeaseId&) = default;
  template <typename H>
  friend H AbslHashValue(H hash, const LeaseId& id) {
    return H::combine(std::move(hash), id.secret, id.number, id.place);
  }
};

}  // namespace anteroom::lifecycle

#endif  // ANTEROOM_SERVER_LIFECYCLE_LEASE_ID_H_
