#include "server/lifecycle/packed_strings.h"

#include "server/coro/check.h"

namespace anteroom::lifecycle {
namespace {

std::size_t SizeOf(std::size_t number) {
  std::size_t size = 1;
  while ((number >>= 7) != 0) ++size;
  return size;
}

// These go to behind what they write or read.
void Write(std::size_t number, char*& to) {
  for (; number >= 0x80; number >>= 7) {
    *to++ = static_cast<char>(number | 0x80);
  }
  *to++ = static_cast<char>(number);
}

void Write(absl::string_view string, char*& to) {
  Write(string.size(), to);
  to += string.copy(to, string.size());
}

std::size_t ReadNumber(const char*& from) {
  std::size_t number = 0;
  for (int shift = 0;; shift += 7) {
    const auto byte = static_cast<unsigned char>(*from++);
    number |= std::size_t{byte & 0x7fu} << shift;
    if (byte < 0x80) return number;
  }
}

absl::string_view ReadString(const char*& from) {
  const std::size_t size = ReadNumber(from);
  const absl::string_view string(from, size);
  from += size;
  return string;
}

}  // namespace

PackedStrings::PackedStrings(absl::Span<const absl::string_view> strings) {
  if (strings.empty()) return;
  std::size_t size = SizeOf(strings.size());
  for (const absl::string_view string : strings) {
    size += SizeOf(string.size()) + string.size();
  }
  memory_ = std::make_unique_for_overwrite<char[]>(size);
  char* to = memory_.get();
  Write(strings.size(), to);
  for (const absl::string_view string : strings) Write(string, to);
}

absl::string_view PackedStrings::operator[](std::size_t index) const {
  ANTEROOM_CHECK(!empty());
  const char* from = memory_.get();
  ANTEROOM_CHECK(index < ReadNumber(from));
  for (std::size_t before = 0; before < index; ++before) ReadString(from);
  return ReadString(from);
}

std::vector<absl::string_view> PackedStrings::Views() const {
  std::vector<absl::string_view> views;
  if (empty()) return views;
  const char* from = memory_.get();
  views.resize(ReadNumber(from));
  for (absl::string_view& view : views) view = ReadString(from);
  return views;
}

}  // namespace anteroom::lifecycle
