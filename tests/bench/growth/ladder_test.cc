#include "tests/bench/growth/ladder.h"

#include <gtest/gtest.h>

namespace anteroom::bench {
namespace {

// Of which only the time to begin one is known.
Rung Of(std::int64_t count, const std::vector<double>& begin_ns) {
  Rung rung{count, {}};
  for (const double ns : begin_ns) rung.rounds.push_back({ns, 0, 0, 0});
  return rung;
}

constexpr CostFigure kBegin = kCostFigures[0];

TEST(LadderTest, AFigureIsTheMedianOfItsRounds) {
  EXPECT_EQ(MedianOf(Of(10, {3, 9, 4}), kBegin.of), 4);
}

TEST(LadderTest, GrowthIsSeenAgainstATenthOfThem) {
  const Ladder ladder = {Of(10, {4}), Of(100, {6}), Of(1000, {12})};
  EXPECT_EQ(GrowthOf(ladder, 0, kBegin.of), std::nullopt);
  EXPECT_DOUBLE_EQ(*GrowthOf(ladder, 1, kBegin.of), 1.5);
  EXPECT_DOUBLE_EQ(*GrowthOf(ladder, 2, kBegin.of), 2);
}

TEST(LadderTest, WhereNoneHasATenthTheGrowthIsThatOfADecade) {
  // 20 times as many, each twice as dear: 1.7 times a decade.
  const Ladder ladder = {Of(10, {4}), Of(100, {6}), Of(200, {8})};
  EXPECT_NEAR(*GrowthOf(ladder, 2, kBegin.of), 1.703, 0.001);
}

TEST(LadderTest, WhatIsNotPositiveHasNoGrowth) {
  const Ladder ladder = {Of(10, {0}), Of(100, {6})};
  EXPECT_EQ(GrowthOf(ladder, 1, kBegin.of), std::nullopt);
}

TEST(LadderTest, GrowthMayBeTheMeanOfSeveralDecades) {
  const Ladder ladder = {Of(10, {4}), Of(100, {32}), Of(1000, {36})};
  EXPECT_EQ(GrowthOf(ladder, 1, kBegin.of, 2), std::nullopt);
  EXPECT_DOUBLE_EQ(*GrowthOf(ladder, 2, kBegin.of, 2), 3);
}

TEST(LadderTest, WhatGrowsMoreThanItMayOverTwoDecadesIsSuperlinear) {
  const Ladder ladder = {Of(10, {4}), Of(100, {16}), Of(1000, {24}),
                         Of(10'000, {240})};
  EXPECT_FALSE(IsSuperlinear(ladder, 0, kBegin));
  EXPECT_FALSE(IsSuperlinear(ladder, 1, kBegin)) << "a cache may have ended";
  EXPECT_FALSE(IsSuperlinear(ladder, 2, kBegin)) << "it had";
  EXPECT_TRUE(IsSuperlinear(ladder, 3, kBegin));
}

TEST(LadderTest, ARungIsExpectedToCostAsMuchMoreAsTheOneBeforeIt) {
  EXPECT_EQ(SecondsExpected({}, 10), 0);
  EXPECT_DOUBLE_EQ(SecondsExpected({Of(10, {4e9})}, 100), 400);
  // Each costs ten times as much for ten times as many.
  const Ladder square = {Of(10, {4e9}), Of(100, {4e10})};
  EXPECT_DOUBLE_EQ(SecondsExpected(square, 1000), 4e5);
  EXPECT_DOUBLE_EQ(SecondsExpected(square, 200), 1.6e4);
}

TEST(LadderTest, ADifferenceIsOfTheRungsThatBothHave) {
  const Ladder difference = Difference({Of(10, {4, 6, 8}), Of(100, {9})},
                                       {Of(10, {1, 2, 3}), Of(50, {1})});
  ASSERT_EQ(difference.size(), 1);
  EXPECT_EQ(difference[0].count, 10);
  EXPECT_EQ(MedianOf(difference[0], kBegin.of), 4);
}

}  // namespace
}  // namespace anteroom::bench
