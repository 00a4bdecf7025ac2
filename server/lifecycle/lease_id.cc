#include "server/lifecycle/lease_id.h"

#include <bit>
#include <cstddef>
#include <cstring>

#include "absl/strings/str_cat.h"

namespace anteroom::lifecycle {
namespace {

constexpr std::size_t kWord = 8;

// The same byte eight times.
constexpr std::uint64_t Each(std::uint64_t byte) {
  return byte * 0x0101010101010101;
}

// Eight digits at once, each in a byte of a word, the first in the highest.
// False: some character is no digit.
bool ParseWord(const char* digits, std::uint64_t& number) {
  std::uint64_t text = 0;
  std::memcpy(&text, digits, kWord);
  if constexpr (std::endian::native == std::endian::little) {
    text = __builtin_bswap64(text);
  }
  // '0' to '9' are 0x30 on, 'a' to 'f' 0x61 on.
  const std::uint64_t letters = text >> 6 & Each(1);
  std::uint64_t values = (text & Each(0x0f)) + letters * 9;
  const std::uint64_t above_nine = (values + Each(0x80 - 10)) >> 7 & Each(1);
  const std::uint64_t written =
      values + Each('0') + above_nine * ('a' - '9' - 1);
  if ((values & Each(0xf0)) != 0 || written != text) return false;
  values = (values | values >> 4) & 0x00ff00ff00ff00ff;
  values = (values | values >> 8) & 0x0000ffff0000ffff;
  number = number << 32 | ((values | values >> 16) & 0xffffffff);
  return true;
}

}  // namespace

std::optional<LeaseId> LeaseId::Parse(absl::string_view text) {
  LeaseId id;
  std::uint64_t rest = 0;
  const char* const digits = text.data();
  if (text.size() != 4 * kWord || !ParseWord(digits, id.secret) ||
      !ParseWord(digits + kWord, id.secret) ||
      !ParseWord(digits + 2 * kWord, rest) ||
      !ParseWord(digits + 3 * kWord, rest)) {
    return std::nullopt;
  }
  id.number = static_cast<std::uint32_t>(rest >> 32);
  id.place = static_cast<std::uint32_t>(rest);
  return id;
}

std::string LeaseId::Text() const {
  return absl::StrCat(absl::Hex(secret, absl::kZeroPad16),
                      absl::Hex(number, absl::kZeroPad8),
                      absl::Hex(place, absl::kZeroPad8));
}

}  // namespace anteroom::lifecycle
