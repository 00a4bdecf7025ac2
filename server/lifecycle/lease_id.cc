#include "server/lifecycle/lease_id.h"

#include <array>
#include <cstddef>

#include "absl/strings/str_cat.h"

namespace anteroom::lifecycle {
namespace {

constexpr std::size_t kDigits = 16;  // of one half
constexpr std::uint8_t kNoDigit = 0xff;

constexpr std::array<std::uint8_t, 256> Values() {
  std::array<std::uint8_t, 256> values{};
  values.fill(kNoDigit);
  for (std::uint8_t i = 0; i < 10; ++i) values['0' + i] = i;
  for (std::uint8_t i = 0; i < 6; ++i) values['a' + i] = 10 + i;
  return values;
}

// False: some character is no digit.
bool ParseHalf(const char* digits, std::uint64_t& half) {
  static constexpr std::array<std::uint8_t, 256> kValues = Values();
  std::uint8_t all = 0;
  for (std::size_t i = 0; i < kDigits; ++i) {
    const std::uint8_t value = kValues[static_cast<std::uint8_t>(digits[i])];
    all |= value;
    half = half << 4 | value;
  }
  return all < 16;
}

}  // namespace

std::optional<LeaseId> LeaseId::Parse(absl::string_view text) {
  LeaseId id;
  if (text.size() != 2 * kDigits || !ParseHalf(text.data(), id.high) ||
      !ParseHalf(text.data() + kDigits, id.low)) {
    return std::nullopt;
  }
  return id;
}

std::string LeaseId::Text() const {
  return absl::StrCat(absl::Hex(high, absl::kZeroPad16),
                      absl::Hex(low, absl::kZeroPad16));
}

}  // namespace anteroom::lifecycle
