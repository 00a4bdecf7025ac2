#include "server/service/page.h"

#include <algorithm>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "server/error/error.h"

namespace anteroom::service {
namespace {

constexpr std::size_t kDefaultPageSize = 100;
// Elements looked up at once: what a page may be too large by.
constexpr std::size_t kBatch = 100;

}  // namespace

// The length tells where the filter ends: it may hold any character.
Listing::Listing(absl::string_view rpc, absl::string_view filter)
    : prefix_(absl::StrCat("1/", rpc, "/", filter.size(), "/", filter, "/")) {}

std::string Listing::TokenOf(absl::string_view position) const {
  return absl::WebSafeBase64Escape(absl::StrCat(prefix_, position));
}

absl::StatusOr<std::string> Listing::PositionOf(absl::string_view token) const {
  if (token.empty()) return "";
  std::string text;
  absl::string_view position;
  if (absl::WebSafeBase64Unescape(token, &text)) {
    position = text;
    if (absl::ConsumePrefix(&position, prefix_) && !position.empty()) {
      return std::string(position);
    }
  }
  return InvalidPageToken();
}

absl::Status InvalidPageToken() {
  return InvalidField("page_token",
                      "must be the next_page_token of a page of this very "
                      "listing, or empty");
}

absl::StatusOr<PageRoom> PageRoom::Of(std::int32_t page_size) {
  if (page_size < 0) return InvalidField("page_size", "must not be negative");
  if (page_size == 0) return PageRoom(kDefaultPageSize);
  return PageRoom(std::min(static_cast<std::size_t>(page_size), kMaxPageSize));
}

std::size_t PageRoom::batch() const {
  return full() ? 0 : std::min(elements_, kBatch);
}

void PageRoom::Took(std::size_t bytes) {
  if (elements_ > 0) --elements_;
  bytes_ -= std::min(bytes_, bytes);
}

}  // namespace anteroom::service
