#include "server/coro/random.h"

#include <sys/random.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <utility>

namespace anteroom::coro {
namespace {

// Bits of the kernel's that nobody has had yet, fetched many at a time: a call
// for 8 bytes took 1.3 us, and an acquire needs two (tests/bench/micro). Not
// for a child that goes on without exec: it would give out the same bits.
class Bits {
 public:
  std::uint64_t Take() {
    if (left_ == 0) Refill();
    // Not kept: what was given out may be a secret.
    return std::exchange(bits_[--left_], 0);
  }

 private:
  void Refill() {
    ssize_t got = 0;
    do {
      // At most 256 bytes: never short, and interruptible only before boot's
      // entropy is there (getrandom(2)).
      got = getrandom(bits_.data(), sizeof(bits_), 0);
    } while (got < 0 && errno == EINTR);
    if (got != static_cast<ssize_t>(sizeof(bits_))) {
      std::perror("getrandom");
      std::abort();
    }
    left_ = bits_.size();
  }

  std::array<std::uint64_t, 32> bits_;
  std::size_t left_ = 0;
};

}  // namespace

std::uint64_t SystemRandom::Next() {
  thread_local Bits bits;
  return bits.Take();
}

}  // namespace anteroom::coro
