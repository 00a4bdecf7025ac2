#include "server/lifecycle/names.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace anteroom::lifecycle {
namespace {

// The resource and the number that `mark` stands between. It is a name only if
// it is what `write` writes: "r/0x1f" is not.
template <typename Read, typename Write>
std::optional<Named> Parse(absl::string_view name, char mark, Read read,
                           Write write) {
  const std::size_t place = name.rfind(mark);
  if (place == absl::string_view::npos) return std::nullopt;
  Named named{name.substr(0, place)};
  if (!read(name.substr(place + 1), &named.number) ||
      write(named.resource, named.number) != name) {
    return std::nullopt;
  }
  return named;
}

}  // namespace

std::string InstanceName(absl::string_view resource, std::uint64_t number) {
  return absl::StrCat(resource, "#", number);
}

std::optional<Named> ParseInstanceName(absl::string_view name) {
  return Parse(name, '#', absl::SimpleAtoi<std::uint64_t>, InstanceName);
}

std::string LeaseName(absl::string_view resource, std::uint64_t number) {
  return absl::StrCat(resource, "/", absl::Hex(number));
}

std::optional<Named> ParseLeaseName(absl::string_view name) {
  return Parse(name, '/', absl::SimpleHexAtoi<std::uint64_t>, LeaseName);
}

}  // namespace anteroom::lifecycle
