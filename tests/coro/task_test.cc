#include "server/coro/task.h"

#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

#include "gtest/gtest.h"
#include "server/coro/sync_wait.h"

namespace anteroom::coro {
namespace {

// Counts the frames that hold a copy.
struct Alive {
  explicit Alive(int& count) : count(&count) { ++count; }
  Alive(const Alive& other) : count(other.count) { ++*count; }
  ~Alive() { --*count; }
  int* count;
};

Task<int> ReturnInt(int value) { co_return value; }

Task<void> SetTrue(bool& ran) {
  ran = true;
  co_return;
}

Task<int> HoldAlive(Alive) { co_return 1; }

Task<int> Throw() {
  throw std::runtime_error("boom");
  co_return 0;
}

Task<std::unique_ptr<std::string>> ReturnMoveOnly() {
  co_return std::make_unique<std::string>("moved");
}

Task<long> AwaitMany(int times) {
  long sum = 0;
  for (int i = 0; i < times; ++i) {
    Task<int> one = ReturnInt(1);
    sum += co_await std::move(one);
  }
  co_return sum;
}

Task<int> Nest(int depth) {
  if (depth == 0) co_return 0;
  Task<int> inner = Nest(depth - 1);
  co_return 1 + co_await std::move(inner);
}

TEST(TaskTest, NothingRunsUntilItIsAwaited) {
  bool ran = false;
  Task<void> task = SetTrue(ran);
  EXPECT_FALSE(ran);
  SyncWait(std::move(task));
  EXPECT_TRUE(ran);
}

TEST(TaskTest, AnswersWithItsValue) { EXPECT_EQ(SyncWait(ReturnInt(7)), 7); }

TEST(TaskTest, AValueNeedNotBeCopyable) {
  EXPECT_EQ(*SyncWait(ReturnMoveOnly()), "moved");
}

TEST(TaskTest, AnExceptionReachesTheAwaiter) {
  bool caught = false;
  SyncWait([](bool& caught) -> Task<void> {
    try {
      Task<int> task = Throw();
      co_await std::move(task);
    } catch (const std::runtime_error& error) {
      caught = std::string(error.what()) == "boom";
    }
  }(caught));
  EXPECT_TRUE(caught);
}

TEST(TaskTest, AMillionAwaitsInALoopDoNotGrowTheStack) {
  EXPECT_EQ(SyncWait(AwaitMany(1'000'000)), 1'000'000);
}

TEST(TaskTest, NestedAwaitsComeBackInOrder) {
  EXPECT_EQ(SyncWait(Nest(1000)), 1000);
}

TEST(TaskTest, ATaskThatWasNeverAwaitedFreesItsFrame) {
  int frames = 0;
  {
    Task<int> task = HoldAlive(Alive(frames));
    EXPECT_EQ(frames, 1);
  }
  EXPECT_EQ(frames, 0);
}

TEST(TaskTest, AFrameIsFreedOnceHoweverTheTaskMoves) {
  int frames = 0;
  {
    Task<int> first = HoldAlive(Alive(frames));
    Task<int> second = std::move(first);
    Task<int> third = HoldAlive(Alive(frames));
    third = std::move(second);
    EXPECT_EQ(SyncWait(std::move(third)), 1);
  }
  EXPECT_EQ(frames, 0);
}

TEST(TaskDeathTest, ATaskIsAwaitedAtMostOnce) {
  EXPECT_DEATH(SyncWait([]() -> Task<void> {
                 Task<int> task = ReturnInt(1);
                 Task<int> moved = std::move(task);
                 // NOLINTNEXTLINE(bugprone-use-after-move): it is the point
                 co_await std::move(task);
               }()),
               "check failed");
}

}  // namespace
}  // namespace anteroom::coro
