// Pages of a listing: how much one holds, and where the next one begins.
//
// A page token is opaque to clients. It names the listing that it belongs to
// (the RPC and its filter) and a position there, which only that RPC reads; it
// is no secret, and a forged one shows nothing that another would not.
//
// Thread safety: values.
#ifndef ANTEROOM_SERVER_SERVICE_PAGE_H_
#define ANTEROOM_SERVER_SERVICE_PAGE_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace anteroom::service {

// Elements of one list of an answer at most.
inline constexpr std::size_t kMaxPageSize = 1000;

// One listing: `rpc`, as filtered by `filter`.
class Listing {
 public:
  Listing(absl::string_view rpc, absl::string_view filter);

  // The token of a page that begins after `position`.
  std::string TokenOf(absl::string_view position) const;
  // The position of a token of this very listing; that of no token is empty.
  // INVALID_REQUEST naming `page_token`.
  absl::StatusOr<std::string> PositionOf(absl::string_view token) const;

 private:
  const std::string prefix_;
};

// What INVALID_REQUEST a position that cannot be read is answered with.
absl::Status InvalidPageToken();

// How much one list of an answer may still take: so many elements, and no more
// bytes than clients receive by default, with room for others beside it.
class PageRoom {
 public:
  explicit PageRoom(std::size_t elements) : elements_(elements) {}
  // As a request's page_size says: INVALID_REQUEST naming it if it is negative.
  static absl::StatusOr<PageRoom> Of(std::int32_t page_size);

  bool full() const { return elements_ == 0 || bytes_ == 0; }
  // How many elements to look up next. 0: it is full.
  std::size_t batch() const;
  // One element of `bytes` was added.
  void Took(std::size_t bytes);

 private:
  std::size_t elements_;
  std::size_t bytes_ = std::size_t{1} << 20;
};

}  // namespace anteroom::service

#endif  // ANTEROOM_SERVER_SERVICE_PAGE_H_
