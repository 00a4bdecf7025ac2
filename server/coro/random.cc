#include "server/coro/random.h"

#include <sys/random.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>

namespace anteroom::coro {

std::uint64_t SystemRandom::Next() {
  std::uint64_t bits = 0;
  ssize_t got = 0;
  do {
    // At most 256 bytes: never short, and interruptible only before boot's
    // entropy is there (getrandom(2)).
    got = getrandom(&bits, sizeof(bits), 0);
  } while (got < 0 && errno == EINTR);
  if (got != static_cast<ssize_t>(sizeof(bits))) {
    std::perror("getrandom");
    std::abort();
  }
  return bits;
}

}  // namespace anteroom::coro
