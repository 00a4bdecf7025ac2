// Chance: what a simulated world draws its choices from. The numbers are those
// of the seed alone, with every compiler and library (unlike the distributions
// of <random>).
//
// Thread safety: none.
#ifndef ANTEROOM_TESTS_SIMULATION_CHANCE_H_
#define ANTEROOM_TESTS_SIMULATION_CHANCE_H_

#include <cstdint>

#include "absl/time/time.h"

namespace anteroom::lifecycle {

class Chance {
 public:
  explicit Chance(std::uint64_t seed) : state_(seed) {}

  // 64 bits (S. Vigna, splitmix64).
  std::uint64_t Next() {
    std::uint64_t bits = state_ += 0x9e3779b97f4a7c15;
    bits = (bits ^ (bits >> 30)) * 0xbf58476d1ce4e5b9;
    bits = (bits ^ (bits >> 27)) * 0x94d049bb133111eb;
    return bits ^ (bits >> 31);
  }
  // 0 to `below` - 1; `below` is small, so the bias is nil.
  std::uint64_t Pick(std::uint64_t below) { return Next() % below; }
  bool OneIn(std::uint64_t n) { return Pick(n) == 0; }
  absl::Duration Milliseconds(std::uint64_t below) {
    return absl::Milliseconds(static_cast<std::int64_t>(Pick(below)));
  }

 private:
  std::uint64_t state_;
};

// A number that stands for all that was added, in its order (FNV-1a over whole
// words, stirred).
class TraceHash {
 public:
  void Add(std::uint64_t word) {
    hash_ = (hash_ ^ word) * 0x100000001b3;
    hash_ ^= hash_ >> 29;
  }
  std::uint64_t value() const { return hash_; }

 private:
  std::uint64_t hash_ = 0xcbf29ce484222325;
};

}  // namespace anteroom::lifecycle

#endif  // ANTEROOM_TESTS_SIMULATION_CHANCE_H_
