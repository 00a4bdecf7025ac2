#include "tests/bench/baseline.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "absl/strings/str_cat.h"

namespace anteroom::bench {
namespace {

using testing::ElementsAre;
using testing::Field;

// Of a single contestant, whose baseline is 1,000.
Compared Only(std::int64_t count) {
  const auto all = Compare({{"use", count}}, {{"use", 1000}}, 3);
  EXPECT_EQ(all.size(), 1);
  return all.front();
}

TEST(BaselineTest, ACountMayBeAsManyPercentFromItsBaselineAsAreTolerated) {
  for (const std::int64_t count : {970, 1000, 1030}) {
    EXPECT_EQ(Only(count).verdict, Verdict::kWithin) << count;
  }
  EXPECT_TRUE(Passes(Verdict::kWithin));
}

TEST(BaselineTest, AHigherOneFails) {
  const Compared compared = Only(1031);
  EXPECT_EQ(compared.verdict, Verdict::kAbove);
  EXPECT_EQ(compared.count, 1031);
  EXPECT_EQ(compared.baseline, 1000);
  EXPECT_NEAR(compared.percent, 3.1, 1e-9);
  EXPECT_FALSE(Passes(compared.verdict));
}

TEST(BaselineTest, ALowerOnePassesAndIsTold) {
  const Compared compared = Only(969);
  EXPECT_EQ(compared.verdict, Verdict::kBelow);
  EXPECT_NEAR(compared.percent, -3.1, 1e-9);
  EXPECT_TRUE(Passes(compared.verdict));
}

TEST(BaselineTest, ACountWithoutABaselineFailsAsDoesABaselineWithoutACount) {
  EXPECT_THAT(Compare({{"new", 5}, {"use", 7}}, {{"gone", 6}, {"use", 7}}, 3),
              ElementsAre(Field(&Compared::verdict, Verdict::kUncounted),
                          Field(&Compared::verdict, Verdict::kNew),
                          Field(&Compared::verdict, Verdict::kWithin)));
  EXPECT_FALSE(Passes(Verdict::kUncounted));
  EXPECT_FALSE(Passes(Verdict::kNew));
}

TEST(BaselineTest, AllAreComparedInTheOrderOfTheirNames) {
  EXPECT_THAT(
      Compare({{"new", 5}, {"use", 7}}, {{"gone", 6}, {"use", 7}}, 3),
      ElementsAre(Field(&Compared::name, "gone"), Field(&Compared::name, "new"),
                  Field(&Compared::name, "use")));
}

class BaselineFileTest : public testing::Test {
 protected:
  ~BaselineFileTest() override { std::filesystem::remove(file_); }

  const std::string file_ =
      absl::StrCat(testing::TempDir(), "/baseline_test_", getpid(), ".json");
};

TEST_F(BaselineFileTest, WhatIsWrittenIsRead) {
  ASSERT_TRUE(WriteBaseline(file_, {"clang", {{"use", 7}, {"scope", 9}}}));
  const auto baseline = ReadBaseline(file_);
  ASSERT_TRUE(baseline.has_value());
  EXPECT_EQ(baseline->made_with, "clang");
  EXPECT_EQ(baseline->counts, (Counts{{"use", 7}, {"scope", 9}}));
}

TEST_F(BaselineFileTest, NoneIsReadOfAnythingElse) {
  EXPECT_FALSE(ReadBaseline(file_).has_value());
  for (const char* const text : {"", "{}", "[1]", R"({"made_with": "clang"})",
                                 R"({"made_with": "clang", "counts": 7})"}) {
    std::ofstream(file_) << text;
    EXPECT_FALSE(ReadBaseline(file_).has_value()) << text;
  }
}

TEST_F(BaselineFileTest, AFileThatCannotBeWrittenIsTold) {
  EXPECT_FALSE(WriteBaseline("/nowhere/baseline.json", {}));
}

}  // namespace
}  // namespace anteroom::bench
