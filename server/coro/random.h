// Randomness, injected: secrets in production, seeds in tests.
#ifndef ANTEROOM_SERVER_CORO_RANDOM_H_
#define ANTEROOM_SERVER_CORO_RANDOM_H_

#include <cstdint>

namespace anteroom::coro {

class Random {
 public:
  virtual ~Random() = default;
  // 64 uniform bits. Thread-safe.
  virtual std::uint64_t Next() = 0;
};

// The kernel's generator (getrandom): fit for secrets.
class SystemRandom : public Random {
 public:
  std::uint64_t Next() override;
};

}  // namespace anteroom::coro

#endif  // ANTEROOM_SERVER_CORO_RANDOM_H_
