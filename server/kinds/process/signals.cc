#include "server/kinds/process/signals.h"

#include <csignal>
#include <cstring>

#include "absl/strings/str_cat.h"

namespace anteroom::kinds {

std::optional<int> SignalNumber(absl::string_view name) {
  for (int number = 1; number < NSIG; ++number) {
    const char* const abbreviation = sigabbrev_np(number);
    if (abbreviation != nullptr && absl::StrCat("SIG", abbreviation) == name) {
      return number;
    }
  }
  return std::nullopt;
}

std::string SignalName(int number) {
  const char* const abbreviation = sigabbrev_np(number);
  if (abbreviation == nullptr) return absl::StrCat("signal ", number);
  return absl::StrCat("SIG", abbreviation);
}

}  // namespace anteroom::kinds
