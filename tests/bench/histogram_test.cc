#include "tests/bench/histogram.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>

namespace anteroom::bench {
namespace {

TEST(HistogramTest, WithoutAValueThereIsNoQuantile) {
  const Histogram histogram;
  EXPECT_EQ(histogram.count(), 0);
  EXPECT_EQ(histogram.Quantile(0.5), 0);
}

TEST(HistogramTest, AQuantileIsRightToTwoInAHundred) {
  for (std::int64_t value = 1; value < std::int64_t{1} << 40; value *= 3) {
    Histogram histogram;
    histogram.Record(value);
    const auto exact = static_cast<double>(value);
    EXPECT_NEAR(histogram.Quantile(0.5), exact, 0.02 * exact);
  }
}

TEST(HistogramTest, QuantilesDivideWhatWasRecorded) {
  Histogram histogram;
  for (int i = 1; i <= 1000; ++i) histogram.Record(i * 1000);
  EXPECT_NEAR(histogram.Quantile(0.5), 500e3, 10e3);
  EXPECT_NEAR(histogram.Quantile(0.99), 990e3, 20e3);
  EXPECT_NEAR(histogram.Quantile(1), 1000e3, 20e3);
}

TEST(HistogramTest, SumsUpOthers) {
  Histogram one;
  one.Record(10);
  Histogram other;
  other.Record(20);
  one.Add(other);
  EXPECT_EQ(one.count(), 2);
  EXPECT_EQ(one.Quantile(0.5), 10);
  EXPECT_EQ(one.Quantile(1), 20);
  one.Clear();
  EXPECT_EQ(one.count(), 0);
}

TEST(HistogramTest, WhatIsOutOfRangeCountsAsItsEnd) {
  Histogram histogram;
  histogram.Record(-5);
  EXPECT_EQ(histogram.Quantile(1), 0);
  histogram.Record(std::numeric_limits<std::int64_t>::max());
  EXPECT_GT(histogram.Quantile(1), 1e12);
}

}  // namespace
}  // namespace anteroom::bench
