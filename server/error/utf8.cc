#include "server/error/utf8.h"

#include <algorithm>

namespace anteroom {
namespace {

// The length of the character at the front of `text`; 0: there is none.
std::size_t CharacterLength(absl::string_view text) {
  const auto byte = [text](std::size_t i) {
    return static_cast<unsigned char>(text[i]);
  };
  if (byte(0) < 0x80) return 1;
  const std::size_t length = byte(0) >= 0xF5   ? 0
                             : byte(0) >= 0xF0 ? 4
                             : byte(0) >= 0xE0 ? 3
                             : byte(0) >= 0xC2 ? 2
                                               : 0;
  if (length == 0 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
  }
  // Overlong forms, surrogates, and what is beyond Unicode.
  const bool wrong = (byte(0) == 0xE0 && byte(1) < 0xA0) ||
                     (byte(0) == 0xED && byte(1) >= 0xA0) ||
                     (byte(0) == 0xF0 && byte(1) < 0x90) ||
                     (byte(0) == 0xF4 && byte(1) >= 0x90);
  return wrong ? 0 : length;
}

}  // namespace

std::string ToUtf8(absl::string_view text,
                   absl::FunctionRef<bool(absl::string_view character)> fits) {
  std::string utf8;
  while (!text.empty()) {
    const std::size_t length = CharacterLength(text);
    const absl::string_view character =
        length == 0 ? absl::string_view("?") : text.substr(0, length);
    if (!fits(character)) break;
    utf8.append(character.data(), character.size());
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return utf8;
}

std::string ToUtf8(absl::string_view text, std::size_t max_bytes) {
  std::size_t size = 0;
  return ToUtf8(text, [&](absl::string_view character) {
    size += character.size();
    return size <= max_bytes;
  });
}

}  // namespace anteroom
