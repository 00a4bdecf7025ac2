#include "server/lifecycle/packed_strings.h"

#include <cstring>
#include <limits>

#include "server/coro/check.h"

namespace anteroom::lifecycle {

PackedStrings::PackedStrings(absl::Span<const absl::string_view> strings) {
  const std::size_t begin = (1 + strings.size()) * sizeof(Number);
  std::size_t size = begin;
  for (const absl::string_view string : strings) size += string.size();
  ANTEROOM_CHECK(size <= std::numeric_limits<Number>::max());
  memory_ = std::make_unique<char[]>(size);
  char* number = memory_.get();
  const auto write = [&number](std::size_t value) {
    const auto written = static_cast<Number>(value);
    std::memcpy(number, &written, sizeof(written));
    number += sizeof(written);
  };
  write(strings.size());
  std::size_t end = begin;
  for (const absl::string_view string : strings) {
    string.copy(memory_.get() + end, string.size());
    end += string.size();
    write(end);
  }
}

std::size_t PackedStrings::NumberAt(std::size_t place) const {
  Number number = 0;
  std::memcpy(&number, memory_.get() + place * sizeof(number), sizeof(number));
  return number;
}

std::size_t PackedStrings::size() const {
  return memory_ == nullptr ? 0 : NumberAt(0);
}

absl::string_view PackedStrings::operator[](std::size_t index) const {
  ANTEROOM_CHECK(index < size());
  const std::size_t begin =
      index == 0 ? (1 + size()) * sizeof(Number) : NumberAt(index);
  return {memory_.get() + begin, NumberAt(index + 1) - begin};
}

}  // namespace anteroom::lifecycle
