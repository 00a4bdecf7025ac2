// LowBytes: a count that is known to be near another, as that of which no more
// than its lowest bytes are kept, for a record of which there are millions.
// (The arithmetic is that of serial numbers, RFC 1982.)
//
//   LowBytes<6> entered(MicrosOf(now));     // 6 bytes, aligned to 1
//   entered.Near(MicrosOf(later))           // within 4 years of it: the same
//
// Thread safety: a value.
#ifndef ANTEROOM_SERVER_LIFECYCLE_LOW_BYTES_H_
#define ANTEROOM_SERVER_LIFECYCLE_LOW_BYTES_H_

#include <array>
#include <climits>
#include <cstdint>

namespace anteroom::lifecycle {

template <int kBytes>
class LowBytes {
 public:
  static_assert(kBytes > 0 && kBytes < 8);
  static constexpr int kBits = kBytes * CHAR_BIT;

  explicit LowBytes(std::int64_t count) {
    for (int i = 0; i < kBytes; ++i) {
      bytes_[i] = static_cast<std::uint8_t>(count >> i * CHAR_BIT);
    }
  }

  // The count itself, if it is less than half of what these bytes can tell
  // apart from `other`.
  std::int64_t Near(std::int64_t other) const {
    const auto ahead = (low() - static_cast<std::uint64_t>(other)) << kUnused;
    return other + (static_cast<std::int64_t>(ahead) >> kUnused);
  }
  std::uint64_t low() const {
    std::uint64_t low = 0;
    for (int i = 0; i < kBytes; ++i) {
      low |= std::uint64_t{bytes_[i]} << i * CHAR_BIT;
    }
    return low;
  }

 private:
  static constexpr int kUnused = 64 - kBits;

  std::array<std::uint8_t, kBytes> bytes_;
};

}  // namespace anteroom::lifecycle

#endif  // ANTEROOM_SERVER_LIFECYCLE_LOW_BYTES_H_
