#include "server/rpc/shapes.h"

#include "gtest/gtest.h"

namespace anteroom::rpc {
namespace {

TEST(ShapesTest, AMethodsShapeIsRemembered) {
  Shapes shapes;
  EXPECT_TRUE(shapes.Of("/a/B")->one_request);
  shapes.Of("/a/B")->one_request = false;
  EXPECT_FALSE(shapes.Of("/a/B")->one_request);
  EXPECT_TRUE(shapes.Of("/a/C")->one_request);
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
