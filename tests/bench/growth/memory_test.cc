#include "tests/bench/growth/memory.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <memory>
#include <vector>

namespace anteroom::bench {
namespace {

TEST(MemoryTest, WhatIsAllocatedIsCountedUntilItIsFreed) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || \
    __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
  GTEST_SKIP() << "a sanitizer's malloc does not say what it has allocated";
#endif
  constexpr int kMany = 1000;
  const std::int64_t before = AllocatedBytes();
  std::vector<std::unique_ptr<char[]>> many(kMany);
  for (auto& one : many) one = std::make_unique<char[]>(1000);
  const std::int64_t grown = AllocatedBytes() - before;
  EXPECT_GE(grown, kMany * 1000);
  EXPECT_LE(grown, kMany * 1100);
  many.clear();
  EXPECT_NEAR(static_cast<double>(AllocatedBytes() - before), 0, kMany * 10);
}

TEST(MemoryTest, PagesThatAreWrittenToAreResident) {
  const std::int64_t before = ResidentBytes(getpid());
  constexpr std::int64_t kBytes = 64 << 20;
  const std::vector<char> written(kBytes, 'x');
  EXPECT_GE(ResidentBytes(getpid()) - before, kBytes * 9 / 10);
}

}  // namespace
}  // namespace anteroom::bench
