#include "server/rpc/linger.h"

#include <memory>

#include "gtest/gtest.h"
#include "tests/support/manual_runtime.h"

namespace anteroom::rpc {
namespace {

constexpr absl::Duration kTime = absl::Milliseconds(10);

class Waiting : public Lingering {
 public:
  void LingerOver() override { ++told; }
  int told = 0;
};

class LingerTest : public ::testing::Test {
 protected:
  testing::ManualRuntime world_;
  Linger linger_{world_.runtime(), kTime};
};

TEST_F(LingerTest, WhoWaitsIsToldOnceAfterTheTime) {
  const auto waiting = std::make_shared<Waiting>();
  linger_.Add(waiting);
  world_.Advance(kTime);
  EXPECT_EQ(waiting->told, 0);
  world_.Advance(kTime);
  EXPECT_EQ(waiting->told, 1);
  world_.Advance(10 * kTime);
  EXPECT_EQ(waiting->told, 1);
}

TEST_F(LingerTest, ManyShareOneTimerWhichEndsWithThem) {
  std::vector<std::shared_ptr<Waiting>> all;
  for (int i = 0; i < 100; ++i) {
    all.push_back(std::make_shared<Waiting>());
    linger_.Add(all.back());
    EXPECT_EQ(world_.timers().pending(), 1);
    world_.Advance(kTime / 50);
  }
  world_.Advance(2 * kTime);
  for (const auto& waiting : all) EXPECT_EQ(waiting->told, 1);
  EXPECT_EQ(world_.timers().pending(), 0);
}

TEST_F(LingerTest, WhoIsGoneIsNotMissed) {
  linger_.Add(std::make_shared<Waiting>());
  world_.Advance(2 * kTime);
  EXPECT_EQ(world_.timers().pending(), 0);
}

}  // namespace
}  // namespace anteroom::rpc
