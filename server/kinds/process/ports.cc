#include "server/kinds/process/ports.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>

#include "absl/status/status.h"

namespace anteroom::kinds {
namespace {

// Linux gives 32768 and up to outgoing connections.
constexpr int kFirst = 20'000;
constexpr int kCount = 10'000;

bool IsFree(int port) {
  const int tried = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (tried < 0) return false;
  // As servers do: what is left of ended connections is in nobody's way.
  const int reuse = 1;
  setsockopt(tried, SOL_SOCKET, SO_REUSEADDR, &reuse, sizeof(reuse));
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const bool free = bind(tried, reinterpret_cast<const sockaddr*>(&address),
                         sizeof(address)) == 0;
  close(tried);
  return free;
}

}  // namespace

absl::StatusOr<int> Ports::Take() {
  const auto begin = static_cast<int>(random_.Next() % kCount);
  coro::MutexLock lock(mu_);
  for (int i = 0; i < kCount; ++i) {
    const int port = kFirst + (begin + i) % kCount;
    if (taken_.contains(port) || !IsFree(port)) continue;
    taken_.insert(port);
    return port;
  }
  return absl::ResourceExhaustedError(
      "no port of 127.0.0.1 from 20000 to 29999 is free");
}

void Ports::Return(int port) {
  coro::MutexLock lock(mu_);
  taken_.erase(port);
}

}  // namespace anteroom::kinds
