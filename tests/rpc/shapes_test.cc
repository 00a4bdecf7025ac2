#include "server/rpc/shapes.h"

#include "gtest/gtest.h"

namespace anteroom::rpc {
namespace {

TEST(ExpectationTest, OneThatIsNotSoTakesItBack) {
  Expectation expectation;
  EXPECT_TRUE(expectation.holds());
  expectation.Note(true);
  EXPECT_TRUE(expectation.holds());
  expectation.Note(false);
  EXPECT_FALSE(expectation.holds());
}

TEST(ExpectationTest, ItIsBelievedAgainAfterEnoughInARow) {
  Expectation expectation;
  expectation.Note(false);
  expectation.Note(true);
  expectation.Note(false);
  for (int i = 1; i < Expectation::kProof; ++i) {
    expectation.Note(true);
    EXPECT_FALSE(expectation.holds());
  }
  expectation.Note(true);
  EXPECT_TRUE(expectation.holds());
}

TEST(ShapesTest, AMethodsShapeIsRemembered) {
  Shapes shapes;
  EXPECT_TRUE(shapes.Of("/a/B")->one_request.holds());
  shapes.Of("/a/B")->one_request.Note(false);
  EXPECT_FALSE(shapes.Of("/a/B")->one_request.holds());
  EXPECT_TRUE(shapes.Of("/a/C")->one_request.holds());
}

TEST(ShapesTest, NoMoreMethodsThanTheBoundAreRemembered) {
  Shapes shapes(1);
  const auto first = shapes.Of("/a/B");
  EXPECT_EQ(shapes.Of("/a/C"), shapes.Of("/a/D"));
  EXPECT_NE(shapes.Of("/a/C"), first);
  EXPECT_EQ(shapes.Of("/a/B"), first);
}

}  // namespace
}  // namespace anteroom::rpc
