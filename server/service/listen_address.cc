#include "server/service/listen_address.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace anteroom::service {
namespace {

constexpr int kMaxPort = 65'535;

bool IsHostAndPort(absl::string_view address) {
  const std::size_t colon = address.rfind(':');
  if (colon == absl::string_view::npos || colon == 0) return false;
  // An IPv6 host stands in brackets.
  const bool one_colon = address.find(':') == colon;
  if (!one_colon && address[colon - 1] != ']') return false;
  int port = 0;
  return absl::SimpleAtoi(address.substr(colon + 1), &port) && port >= 0 &&
         port <= kMaxPort;
}

// A path too long for a socket has nobody who listens on it.
bool IsListenedOn(absl::string_view path) {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path)) return false;
  path.copy(address.sun_path, path.size());
  // Not blocking: a full backlog is somebody, too.
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return false;
  const bool connected =
      connect(fd, reinterpret_cast<const sockaddr*>(&address),
              sizeof(address)) == 0 ||
      errno == EAGAIN;
  close(fd);
  return connected;
}

}  // namespace

absl::Status CheckListenAddress(const std::string& address) {
  absl::string_view path = address;
  if (absl::ConsumePrefix(&path, "unix:")) {
    absl::ConsumePrefix(&path, "//");  // unix:///absolute is allowed, too
    if (!IsListenedOn(path)) return absl::OkStatus();
    return absl::UnavailableError(absl::StrCat(
        "cannot listen on ", address, ": another server listens on it"));
  }
  if (IsHostAndPort(address)) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "cannot listen on ", address, ": it is neither host:port nor unix:PATH"));
}

}  // namespace anteroom::service
