#include "server/lifecycle/under_way.h"

#include <cstddef>
#include <cstdint>
#include <map>
#include <random>

#include "gtest/gtest.h"

namespace anteroom::lifecycle {
namespace {

using Sum = UnderWay::Sum;

TEST(UnderWayTest, WithoutInstancesThereIsNoSlot) {
  const UnderWay none;
  EXPECT_EQ(none.All(), Sum());
  EXPECT_EQ(none.Before(7), Sum());
  EXPECT_EQ(none.OwnerOf(0), UnderWay::kNone);
}

TEST(UnderWayTest, SlotsCountThroughFromTheFirstInstance) {
  UnderWay under_way;
  under_way.Put(5, {2, 1});
  under_way.Put(9, {0, 0});
  under_way.Put(3, {1, 0});
  EXPECT_EQ(under_way.OwnerOf(0), 3u);
  EXPECT_EQ(under_way.OwnerOf(1), 5u);
  EXPECT_EQ(under_way.OwnerOf(2), 5u);
  EXPECT_EQ(under_way.OwnerOf(3), UnderWay::kNone);
}

TEST(UnderWayTest, ThoseBeforeAnInstanceAreWithoutItself) {
  UnderWay under_way;
  under_way.Put(3, {1, 0});
  under_way.Put(5, {2, 1});
  EXPECT_EQ(under_way.Before(3), Sum());
  EXPECT_EQ(under_way.Before(5), (Sum{1, 0}));
  EXPECT_EQ(under_way.Before(6), (Sum{3, 1}));
  EXPECT_EQ(under_way.Before(UnderWay::kNone), under_way.All());
}

TEST(UnderWayTest, WhatChangesTakesThePlaceOfWhatWas) {
  UnderWay under_way;
  under_way.Put(3, {2, 1});
  under_way.Put(3, {1, 0});
  EXPECT_EQ(under_way.All(), (Sum{1, 0}));
  EXPECT_TRUE(under_way.Remove(3));
  EXPECT_FALSE(under_way.Remove(3));
  EXPECT_EQ(under_way.All(), Sum());
}

TEST(UnderWayTest, ManyInstancesInAnyOrderAddUpAsIfCountedOneByOne) {
  constexpr std::uint64_t kNumbers = 100;
  UnderWay under_way;
  std::map<std::uint64_t, Sum> expected;
  std::mt19937_64 random(1);
  for (int i = 0; i < 2'000; ++i) {
    const std::uint64_t number = random() % kNumbers;
    if (random() % 3 == 0) {
      under_way.Remove(number);
      expected.erase(number);
    } else {
      const Sum sum{random() % 4, random() % 2};
      under_way.Put(number, sum);
      expected[number] = sum;
    }
    Sum before;
    for (std::uint64_t next = 0; next < kNumbers; ++next) {
      ASSERT_EQ(under_way.Before(next), before);
      const auto found = expected.find(next);
      if (found == expected.end()) continue;
      for (std::size_t slot = 0; slot < found->second.slots; ++slot) {
        ASSERT_EQ(under_way.OwnerOf(before.slots + slot), next);
      }
      before += found->second;
    }
    ASSERT_EQ(under_way.All(), before);
    ASSERT_EQ(under_way.OwnerOf(before.slots), UnderWay::kNone);
  }
}

}  // namespace
}  // namespace anteroom::lifecycle
