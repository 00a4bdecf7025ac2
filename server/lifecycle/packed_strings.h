// PackedStrings: strings that do not change, in one piece of memory that is
// hardly larger than they are. A std::string takes 32 bytes before it holds
// any. One is found by going over those before it.
//
// Thread safety: that of a const value, once constructed.
#ifndef ANTEROOM_SERVER_LIFECYCLE_PACKED_STRINGS_H_
#define ANTEROOM_SERVER_LIFECYCLE_PACKED_STRINGS_H_

#include <cstddef>
#include <memory>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace anteroom::lifecycle {

class PackedStrings {
 public:
  // None.
  PackedStrings() = default;
  explicit PackedStrings(absl::Span<const absl::string_view> strings);

  bool empty() const { return memory_ == nullptr; }
  // Views are valid as long as this is. REQUIRES: there are more than `index`.
  absl::string_view operator[](std::size_t index) const;
  // All of them.
  std::vector<absl::string_view> Views() const;

 private:
  // Their number, then the size of each and itself; null: none. Numbers have 7
  // bits a byte, the lowest first, and the highest bit where more follow, as
  // those of protobuf do.
  std::unique_ptr<char[]> memory_;
};

}  // namespace anteroom::lifecycle

#endif  // ANTEROOM_SERVER_LIFECYCLE_PACKED_STRINGS_H_
