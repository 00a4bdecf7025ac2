#include "tests/bench/statistics.h"

#include <gtest/gtest.h>

namespace anteroom::bench {
namespace {

TEST(StatisticsTest, AMedianIsInTheMiddle) {
  EXPECT_EQ(Median({3}), 3);
  EXPECT_EQ(Median({9, 1, 2}), 2);
  EXPECT_EQ(Median({8, 1, 2, 4}), 3);
}

TEST(StatisticsTest, QuotientsAreThoseOfEachRound) {
  EXPECT_EQ(Quotients({2, 9}, {1, 3}), (Series{2, 3}));
}

}  // namespace
}  // namespace anteroom::bench
