// Labels: free words that say what a lease, or a resource, is.
//
// Thread safety: free functions on values.
#ifndef ANTEROOM_SERVER_LIFECYCLE_LABELS_H_
#define ANTEROOM_SERVER_LIFECYCLE_LABELS_H_

#include <map>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace anteroom::lifecycle {

using Labels = std::map<std::string, std::string>;

// At most 64, keys not empty, keys and values of at most 256 bytes, 4 KiB in
// all: enough for what people tell apart, and no way to fill the memory with.
// INVALID_REQUEST naming `field`.
absl::Status ValidateLabels(absl::string_view field, const Labels& labels);

}  // namespace anteroom::lifecycle

#endif  // ANTEROOM_SERVER_LIFECYCLE_LABELS_H_
