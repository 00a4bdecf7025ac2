#include "tests/bench/growth/in_child.h"

#include <gtest/gtest.h>
#include <unistd.h>

namespace anteroom::bench {
namespace {

TEST(InChildTest, ItIsMeasuredInAProcessOfItsOwn) {
  const pid_t own = getpid();
  int touched = 0;
  const Cost cost = MeasureInChild([&] {
    touched = 1;
    return Cost{1.5, getpid() == own ? 0.0 : 1.0, 3, 4};
  });
  EXPECT_EQ(cost.begin_ns, 1.5);
  EXPECT_EQ(cost.end_ns, 1);
  EXPECT_EQ(cost.bytes, 3);
  EXPECT_EQ(cost.resident, 4);
  EXPECT_EQ(touched, 0);
}

}  // namespace
}  // namespace anteroom::bench
