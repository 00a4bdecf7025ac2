#include "server/rpc/metadata.h"

#include <algorithm>
#include <iterator>

#include "absl/strings/match.h"

namespace anteroom::rpc {

bool TravelsOn(absl::string_view key) {
  // HTTP's hop-by-hop headers, and what gRPC writes anew for each call.
  static constexpr absl::string_view kOfOneHop[] = {
      "connection",
      "content-length",
      "content-type",
      "host",
      "keep-alive",
      "proxy-authenticate",
      "proxy-authorization",
      "proxy-connection",
      "te",
      "trailer",
      "transfer-encoding",
      "upgrade",
      "user-agent",
  };
  if (key.empty() || key.front() == ':') return false;
  if (absl::StartsWith(key, "grpc-") || absl::StartsWith(key, "anteroom-")) {
    return false;
  }
  return std::find(std::begin(kOfOneHop), std::end(kOfOneHop), key) ==
         std::end(kOfOneHop);
}

void CopyMetadata(
    const Metadata& metadata,
    absl::FunctionRef<void(const std::string& key, const std::string& value)>
        add) {
  for (const auto& [key, value] : metadata) {
    if (!TravelsOn({key.data(), key.size()})) continue;
    add(std::string(key.data(), key.size()),
        std::string(value.data(), value.size()));
  }
}

}  // namespace anteroom::rpc
