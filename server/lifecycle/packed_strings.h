// PackedStrings: strings that do not change, in one piece of memory that is as
// large as they are. A std::string takes 32 bytes before it holds any.
//
// Thread safety: that of a const value, once constructed.
#ifndef ANTEROOM_SERVER_LIFECYCLE_PACKED_STRINGS_H_
#define ANTEROOM_SERVER_LIFECYCLE_PACKED_STRINGS_H_

#include <cstddef>
#include <cstdint>
#include <memory>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace anteroom::lifecycle {

class PackedStrings {
 public:
  // None.
  PackedStrings() = default;
  // REQUIRES: they have less than 4 GiB in all.
  explicit PackedStrings(absl::Span<const absl::string_view> strings);

  std::size_t size() const;
  // Valid as long as this is. REQUIRES: index < size().
  absl::string_view operator[](std::size_t index) const;

 private:
  using Number = std::uint32_t;

  // The number at this place of those before the strings.
  std::size_t NumberAt(std::size_t place) const;

  // How many there are, then where each ends, then all of them; null: none.
  std::unique_ptr<char[]> memory_;
};

}  // namespace anteroom::lifecycle

#endif  // ANTEROOM_SERVER_LIFECYCLE_PACKED_STRINGS_H_
