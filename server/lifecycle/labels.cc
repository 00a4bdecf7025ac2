#include "server/lifecycle/labels.h"

#include <cstddef>

#include "absl/strings/str_cat.h"
#include "server/error/error.h"

namespace anteroom::lifecycle {
namespace {

constexpr std::size_t kMaxLabels = 64;
constexpr std::size_t kMaxLabelBytes = 256;
constexpr std::size_t kMaxLabelsBytes = 4096;

}  // namespace

absl::Status ValidateLabels(absl::string_view field, const Labels& labels) {
  if (labels.size() > kMaxLabels) {
    return InvalidField(field, absl::StrCat("are more than ", kMaxLabels));
  }
  std::size_t bytes = 0;
  for (const auto& [key, value] : labels) {
    bytes += key.size() + value.size();
    if (key.empty()) return InvalidField(field, "has an empty key");
    if (key.size() > kMaxLabelBytes || value.size() > kMaxLabelBytes) {
      return InvalidField(field,
                          absl::StrCat("has a key or value of more than ",
                                       kMaxLabelBytes, " bytes"));
    }
  }
  if (bytes > kMaxLabelsBytes) {
    return InvalidField(
        field, absl::StrCat("have ", bytes, " bytes in all, more than ",
                            kMaxLabelsBytes));
  }
  return absl::OkStatus();
}

}  // namespace anteroom::lifecycle
