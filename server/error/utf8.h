// UTF-8: what a text must be that is sent as one. Errors and reports come from
// programs and hooks, which may put any bytes into them.
//
// Thread safety: free functions on values.
#ifndef ANTEROOM_SERVER_ERROR_UTF8_H_
#define ANTEROOM_SERVER_ERROR_UTF8_H_

#include <cstddef>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"

namespace anteroom {

// `text` as UTF-8, with a question mark for each byte that is none, cut before
// the first character that `fits` is false for.
std::string ToUtf8(absl::string_view text,
                   absl::FunctionRef<bool(absl::string_view character)> fits);
// The same, cut to at most `max_bytes`.
std::string ToUtf8(absl::string_view text, std::size_t max_bytes);

}  // namespace anteroom

#endif  // ANTEROOM_SERVER_ERROR_UTF8_H_
