#include "server/config/build_provider.h"

#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "server/config/fields.h"
#include "server/kinds/provider/provider.h"

namespace anteroom::config {
namespace {

constexpr int kMaxPort = 65535;

// gRPC would take much else for an address, and fail when it is used.
bool IsAddress(absl::string_view address) {
  if (absl::ConsumePrefix(&address, "unix:")) return !address.empty();
  const std::size_t colon = address.rfind(':');
  if (colon == absl::string_view::npos || colon == 0) return false;
  int port = 0;
  if (!absl::SimpleAtoi(address.substr(colon + 1), &port) || port < 1 ||
      port > kMaxPort) {
    return false;
  }
  const absl::string_view host = address.substr(0, colon);
  const bool bracketed = host.front() == '[' && host.back() == ']';
  return host.find_first_of("/ \t\n") == absl::string_view::npos &&
         (bracketed || host.find(':') == absl::string_view::npos);
}

}  // namespace

absl::StatusOr<std::unique_ptr<lifecycle::Kind>> BuildProvider(
    coro::Runtime runtime, const std::string& path, const v1::Provider& proto) {
  Fields fields(path);
  if (!IsAddress(proto.address())) {
    fields.Refuse("address",
                  "must be host:port, with a port of 1 to 65535, or unix:PATH");
  }
  if (proto.kind().empty()) {
    fields.Refuse("kind", "must name one of the provider's kinds");
  }
  if (!fields.status().ok()) return fields.status();
  kinds::ProviderParameters parameters;
  parameters.address = proto.address();
  parameters.kind = proto.kind();
  parameters.parameters = proto.parameters();
  parameters.proxy = proto.proxy();
  return std::make_unique<kinds::Provider>(runtime, std::move(parameters));
}

}  // namespace anteroom::config
