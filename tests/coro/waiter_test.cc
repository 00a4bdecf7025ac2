#include "server/coro/waiter.h"

#include <atomic>
#include <memory>
#include <optional>
#include <stop_token>
#include <thread>
#include <utility>

#include "gtest/gtest.h"
#include "server/coro/clock.h"
#include "server/coro/random.h"
#include "server/coro/sync_wait.h"
#include "server/coro/task_group.h"
#include "server/coro/thread_pool.h"
#include "server/coro/thread_timers.h"
#include "tests/support/manual_runtime.h"
#include "tests/support/outcome.h"

namespace anteroom::coro {
namespace {

using testing::ManualRuntime;
using testing::Outcome;

Task<Wake> WaitOn(std::shared_ptr<Waiter> waiter, std::stop_token stop,
                  Instant deadline) {
  co_return co_await waiter->Wait(std::move(stop), deadline);
}

class WaiterTest : public ::testing::Test {
 protected:
  Outcome<Wake> Start(std::stop_token stop = {}, Instant deadline = kNever) {
    return {group_, WaitOn(waiter_, std::move(stop), deadline)};
  }

  ManualRuntime world_;
  std::shared_ptr<Waiter> waiter_ = std::make_shared<Waiter>(world_.runtime());
  TaskGroup group_{world_.runtime()};
};

TEST_F(WaiterTest, ASignalBeforeTheWaitEndsItInline) {
  EXPECT_TRUE(waiter_->Signal());
  const Outcome<Wake> wait = Start();
  ASSERT_TRUE(wait.done());
  EXPECT_EQ(wait.value(), Wake::kSignalled);
}

TEST_F(WaiterTest, ASignalResumesOnTheExecutorNotInPlace) {
  const Outcome<Wake> wait = Start();
  EXPECT_TRUE(waiter_->Signal());
  EXPECT_FALSE(wait.done());
  world_.RunUntilIdle();
  EXPECT_EQ(wait.value(), Wake::kSignalled);
}

TEST_F(WaiterTest, ResumeResumesInPlace) {
  const Outcome<Wake> wait = Start();
  EXPECT_TRUE(waiter_->Resume());
  ASSERT_TRUE(wait.done());
  EXPECT_EQ(wait.value(), Wake::kSignalled);
  EXPECT_FALSE(waiter_->Resume());
}

TEST_F(WaiterTest, ResumeThatComesAfterAStopLoses) {
  std::stop_source stop;
  const Outcome<Wake> wait = Start(stop.get_token());
  stop.request_stop();
  EXPECT_FALSE(waiter_->Resume());
  EXPECT_FALSE(wait.done());
  world_.RunUntilIdle();
  EXPECT_EQ(wait.value(), Wake::kCancelled);
}

TEST_F(WaiterTest, AStopEndsTheWait) {
  std::stop_source stop;
  const Outcome<Wake> wait = Start(stop.get_token());
  stop.request_stop();
  EXPECT_FALSE(wait.done());
  world_.RunUntilIdle();
  EXPECT_EQ(wait.value(), Wake::kCancelled);
}

TEST_F(WaiterTest, AStopBeforeTheWaitEndsItInline) {
  std::stop_source stop;
  stop.request_stop();
  const Outcome<Wake> wait = Start(stop.get_token());
  ASSERT_TRUE(wait.done());
  EXPECT_EQ(wait.value(), Wake::kCancelled);
}

TEST_F(WaiterTest, ADeadlineEndsTheWaitWhenItHasCome) {
  const Outcome<Wake> wait =
      Start({}, After(world_.clock().Now(), absl::Seconds(2)));
  world_.Advance(absl::Seconds(1));
  EXPECT_FALSE(wait.done());
  world_.Advance(absl::Seconds(1));
  EXPECT_EQ(wait.value(), Wake::kTimedOut);
}

TEST_F(WaiterTest, TheLoserOfARaceLearnsThatItLost) {
  std::stop_source stop;
  const Outcome<Wake> wait = Start(stop.get_token());
  stop.request_stop();
  EXPECT_FALSE(waiter_->Signal());
  world_.RunUntilIdle();
  EXPECT_EQ(wait.value(), Wake::kCancelled);
}

TEST_F(WaiterTest, ASecondSignalLoses) {
  EXPECT_TRUE(waiter_->Signal());
  EXPECT_FALSE(waiter_->Signal());
}

TEST_F(WaiterTest, ASignalledWaitLeavesNoTimer) {
  const Outcome<Wake> wait =
      Start({}, After(world_.clock().Now(), absl::Seconds(2)));
  EXPECT_EQ(world_.timers().pending(), 1u);
  waiter_->Signal();
  world_.RunUntilIdle();
  EXPECT_TRUE(wait.done());
  EXPECT_EQ(world_.timers().pending(), 0u);
}

TEST(WaiterRaceTest, SignalStopAndDeadlineHaveExactlyOneWinner) {
  constexpr int kRounds = 5000;
  SystemClock clock;
  SystemRandom random;
  ThreadPool executor(2);
  ThreadTimers timers(executor, clock);
  const Runtime runtime{executor, timers, clock, random};
  std::atomic<int> lost_signals = 0;
  int signalled = 0;
  for (int round = 0; round < kRounds; ++round) {
    auto waiter = std::make_shared<Waiter>(runtime);
    std::stop_source stop;
    executor.Post([stop]() mutable { stop.request_stop(); });
    executor.Post([waiter, round, &lost_signals] {
      const bool won = round % 2 == 0 ? waiter->Signal() : waiter->Resume();
      if (!won) ++lost_signals;
    });
    const Wake wake = SyncWait(WaitOn(waiter, stop.get_token(), clock.Now()));
    EXPECT_NE(wake, Wake::kPending);
    if (wake == Wake::kSignalled) ++signalled;
  }
  // Every signal is either the wait's outcome, or told that it lost.
  while (lost_signals + signalled < kRounds) std::this_thread::yield();
  EXPECT_EQ(lost_signals + signalled, kRounds);
}

}  // namespace
}  // namespace anteroom::coro
