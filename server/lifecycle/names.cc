#include "server/lifecycle/names.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace anteroom::lifecycle {

std::string InstanceName(absl::string_view resource, std::uint64_t number) {
  return absl::StrCat(resource, "#", number);
}

std::optional<Named> ParseInstanceName(absl::string_view name) {
  const std::size_t mark = name.rfind('#');
  if (mark == absl::string_view::npos) return std::nullopt;
  Named named{name.substr(0, mark)};
  if (!absl::SimpleAtoi(name.substr(mark + 1), &named.number) ||
      InstanceName(named.resource, named.number) != name) {
    return std::nullopt;
  }
  return named;
}

std::string LeaseName(absl::string_view resource, std::uint64_t number) {
  return absl::StrCat(resource, "/", absl::Hex(number));
}

std::optional<Named> ParseLeaseName(absl::string_view name) {
  const std::size_t mark = name.rfind('/');
  if (mark == absl::string_view::npos) return std::nullopt;
  Named named{name.substr(0, mark)};
  // It is a name only if it is written as one: "r/0x1f" is not.
  if (!absl::SimpleHexAtoi(name.substr(mark + 1), &named.number) ||
      LeaseName(named.resource, named.number) != name) {
    return std::nullopt;
  }
  return named;
}

}  // namespace anteroom::lifecycle
