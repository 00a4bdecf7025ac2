#include "server/coro/task_group.h"

#include <memory>
#include <optional>
#include <utility>

#include "gtest/gtest.h"
#include "server/coro/event.h"
#include "tests/support/manual_runtime.h"
#include "tests/support/outcome.h"

namespace anteroom::coro {
namespace {

struct OnDestroy {
  explicit OnDestroy(std::function<void()> act) : act(std::move(act)) {}
  ~OnDestroy() { act(); }
  std::function<void()> act;
};

Task<void> WaitFor(std::shared_ptr<Event> event,
                   std::shared_ptr<OnDestroy> = nullptr) {
  Task<Wake> wait = event->Wait();
  co_await std::move(wait);
}

Task<void> Set(bool& ran) {
  ran = true;
  co_return;
}

Task<void> JoinThen(TaskGroup& group, bool& joined) {
  Task<void> join = group.Join();
  co_await std::move(join);
  joined = true;
}

class TaskGroupTest : public ::testing::Test {
 protected:
  testing::ManualRuntime world_;
  std::shared_ptr<Event> gate_ = std::make_shared<Event>(world_.runtime());
};

TEST_F(TaskGroupTest, SpawnStartsInlineAndSpawnPostedOnTheExecutor) {
  TaskGroup group(world_.runtime());
  bool inline_ran = false;
  bool posted_ran = false;
  group.Spawn(Set(inline_ran));
  group.SpawnPosted(Set(posted_ran));
  EXPECT_TRUE(inline_ran);
  EXPECT_FALSE(posted_ran);
  world_.RunUntilIdle();
  EXPECT_TRUE(posted_ran);
}

TEST_F(TaskGroupTest, ATaskIsCountedOutOnlyAfterItsFrameIsDestroyed) {
  TaskGroup group(world_.runtime());
  std::size_t size_at_destruction = 99;
  group.Spawn(WaitFor(gate_, std::make_shared<OnDestroy>(
                                 [&] { size_at_destruction = group.size(); })));
  EXPECT_EQ(group.size(), 1u);
  gate_->Set();
  world_.RunUntilIdle();
  EXPECT_EQ(size_at_destruction, 1u);
  EXPECT_EQ(group.size(), 0u);
}

TEST_F(TaskGroupTest, AClosedGroupRefusesAndDestroysTheTask) {
  TaskGroup group(world_.runtime());
  group.Close();
  bool destroyed = false;
  EXPECT_FALSE(group.Spawn(
      WaitFor(gate_, std::make_shared<OnDestroy>([&] { destroyed = true; }))));
  EXPECT_TRUE(destroyed);
}

TEST_F(TaskGroupTest, JoinWaitsForTheLastTask) {
  TaskGroup group(world_.runtime());
  TaskGroup watchers(world_.runtime());
  group.Spawn(WaitFor(gate_));
  bool joined = false;
  watchers.Spawn([](TaskGroup& group, bool& joined) -> Task<void> {
    Task<void> join = group.Join();
    co_await std::move(join);
    joined = true;
  }(group, joined));
  world_.RunUntilIdle();
  EXPECT_FALSE(joined);
  gate_->Set();
  world_.RunUntilIdle();
  EXPECT_TRUE(joined);
}

TEST_F(TaskGroupTest, JoinOfAnEmptyGroupEndsAtOnce) {
  TaskGroup group(world_.runtime());
  world_.Run(group.Join());
  world_.Run(group.Join());
}

TEST_F(TaskGroupTest, RequestStopReachesTheTasks) {
  TaskGroup group(world_.runtime());
  const testing::Outcome<Wake> wait(group, gate_->Wait(group.stop_token()));
  group.RequestStop();
  world_.RunUntilIdle();
  EXPECT_EQ(wait.value(), Wake::kCancelled);
}

TEST_F(TaskGroupTest, WhoIsCountedInMaySpawnThoughTheGroupIsClosed) {
  TaskGroup group(world_.runtime());
  std::optional<TaskGroup::Ticket> ticket(group.CountIn());
  group.Close();
  TaskGroup::Spawn(ticket->Another(), WaitFor(gate_));
  EXPECT_EQ(group.size(), 2);
  ticket.reset();
  EXPECT_EQ(group.size(), 1);
  gate_->Set();
  world_.RunUntilIdle();
  EXPECT_EQ(group.size(), 0);
}

TEST_F(TaskGroupTest, JoinWaitsForWhoeverHoldsATicket) {
  TaskGroup group(world_.runtime());
  std::optional<TaskGroup::Ticket> moved;
  {
    TaskGroup::Ticket ticket = group.CountIn();
    EXPECT_TRUE(ticket);
    moved.emplace(std::move(ticket));
  }  // moved from: nobody's
  EXPECT_EQ(group.size(), 1);
  TaskGroup outer(world_.runtime());
  bool joined = false;
  outer.Spawn(JoinThen(group, joined));
  world_.RunUntilIdle();
  EXPECT_FALSE(joined);
  EXPECT_FALSE(group.CountIn()) << "the group is closed";
  moved.reset();
  world_.RunUntilIdle();
  EXPECT_TRUE(joined);
}

TEST_F(TaskGroupTest, AGroupThatStillHasTasksMustNotDie) {
  EXPECT_DEATH(
      {
        TaskGroup group(world_.runtime());
        group.Spawn(WaitFor(gate_));
      },
      "check failed");
}

}  // namespace
}  // namespace anteroom::coro
