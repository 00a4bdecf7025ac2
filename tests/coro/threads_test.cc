// The production executor and timers, on real threads.
#include <atomic>
#include <cstddef>
#include <future>
#include <memory>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "server/coro/clock.h"
#include "server/coro/event.h"
#include "server/coro/linked_stop.h"
#include "server/coro/mutex.h"
#include "server/coro/random.h"
#include "server/coro/semaphore.h"
#include "server/coro/sleep.h"
#include "server/coro/sync_wait.h"
#include "server/coro/task_group.h"
#include "server/coro/thread_pool.h"
#include "server/coro/thread_timers.h"
#include "server/coro/yield.h"

namespace anteroom::coro {
namespace {

class ThreadsTest : public ::testing::Test {
 protected:
  Runtime runtime() { return {*executor_, *timers_, clock_, random_}; }

  SystemClock clock_;
  SystemRandom random_;
  std::unique_ptr<ThreadPool> executor_ = std::make_unique<ThreadPool>(2);
  std::unique_ptr<ThreadTimers> timers_ =
      std::make_unique<ThreadTimers>(*executor_, clock_);
};

TEST_F(ThreadsTest, APoolRunsAllThatWasPostedBeforeItEnds) {
  std::atomic<int> ran = 0;
  auto pool = std::make_unique<ThreadPool>(2);
  for (int i = 0; i < 1000; ++i) pool->Post([&ran] { ++ran; });
  pool.reset();
  EXPECT_EQ(ran, 1000);
}

TEST_F(ThreadsTest, OfAPoolThatWasStoppedNothingIsLeftThatWasPosted) {
  const auto owned = std::make_shared<int>();
  for (int i = 0; i < 100; ++i) executor_->Post([owned] {});
  timers_->Stop();
  executor_->Stop();
  EXPECT_EQ(owned.use_count(), 1);
  bool ran = false;
  executor_->Post([&ran] { ran = true; });
  executor_->Stop();
  EXPECT_FALSE(ran);
}

TEST_F(ThreadsTest, APoolOfOneKeepsTheOrder) {
  std::vector<int> order;
  auto pool = std::make_unique<ThreadPool>(1);
  for (int i = 0; i < 100; ++i) pool->Post([&order, i] { order.push_back(i); });
  pool.reset();
  for (int i = 0; i < 100; ++i) EXPECT_EQ(order[i], i);
}

TEST_F(ThreadsTest, TheTimerThatIsWaitedForMayBeCancelled) {
  for (int i = 0; i < 100; ++i) {
    const Timers::Id first =
        timers_->Schedule(After(clock_.Now(), absl::Hours(1)), [] {});
    std::promise<void> fired;
    timers_->Schedule(clock_.Now(), [&fired] { fired.set_value(); });
    fired.get_future().wait();  // nothing is left but to wait for `first`
    EXPECT_TRUE(timers_->Cancel(first));
  }
}

TEST_F(ThreadsTest, TimersFireInTheOrderOfTheirTimes) {
  ThreadPool one(1);
  ThreadTimers timers(one, clock_);
  std::vector<int> order;
  std::promise<void> last;
  const Instant now = clock_.Now();
  timers.Schedule(After(now, absl::Milliseconds(3)), [&] {
    order.push_back(3);
    last.set_value();
  });
  timers.Schedule(After(now, absl::Milliseconds(1)),
                  [&] { order.push_back(1); });
  timers.Schedule(After(now, absl::Milliseconds(2)),
                  [&] { order.push_back(2); });
  last.get_future().get();
  EXPECT_EQ(order, (std::vector<int>{1, 2, 3}));
}

// They are more than are taken under the lock at once.
TEST_F(ThreadsTest, TimersOfOneInstantFireInTheOrderScheduled) {
  constexpr int kTimers = 1000;
  ThreadPool one(1);
  ThreadTimers timers(one, clock_);
  std::vector<int> order;
  std::promise<void> last;
  const Instant when = After(clock_.Now(), absl::Milliseconds(2));
  for (int i = 0; i < kTimers; ++i) {
    timers.Schedule(when, [&, i] {
      order.push_back(i);
      if (i == kTimers - 1) last.set_value();
    });
  }
  last.get_future().get();
  ASSERT_EQ(order.size(), std::size_t{kTimers});
  for (int i = 0; i < kTimers; ++i) EXPECT_EQ(order[i], i);
}

TEST_F(ThreadsTest, ACancelledTimerNeverFiresAndCancelsOnce) {
  const Timers::Id id = timers_->Schedule(After(clock_.Now(), absl::Hours(1)),
                                          [] { ADD_FAILURE(); });
  EXPECT_TRUE(timers_->Cancel(id));
  EXPECT_FALSE(timers_->Cancel(id));
  EXPECT_FALSE(timers_->Cancel(Timers::Id::kNone));
}

TEST_F(ThreadsTest, ATimerThatFiredCannotBeCancelled) {
  std::promise<void> fired;
  const Timers::Id id =
      timers_->Schedule(clock_.Now(), [&fired] { fired.set_value(); });
  fired.get_future().get();
  EXPECT_FALSE(timers_->Cancel(id));
}

TEST_F(ThreadsTest, PendingTimersAreDroppedWithTheTimers) {
  timers_->Schedule(After(clock_.Now(), absl::Hours(1)), [] { ADD_FAILURE(); });
  timers_->Schedule(kNever, [] { ADD_FAILURE(); });
  timers_.reset();
}

TEST_F(ThreadsTest, ASleepEndsAfterItsTime) {
  const Instant until = After(clock_.Now(), absl::Milliseconds(2));
  EXPECT_EQ(SyncWait(SleepUntil(runtime(), until)), Wake::kTimedOut);
  EXPECT_GE(clock_.Now(), until);
}

Task<std::thread::id> YieldAndTell(Executor& executor) {
  co_await Yield(executor);
  co_return std::this_thread::get_id();
}

TEST_F(ThreadsTest, YieldGoesOnOnTheExecutor) {
  EXPECT_NE(SyncWait(YieldAndTell(*executor_)), std::this_thread::get_id());
}

Task<void> TakeTurns(Semaphore& semaphore, Executor& executor, int& inside,
                     int& most, int& total) {
  Task<Wake> acquire = semaphore.Acquire();
  co_await std::move(acquire);
  most = std::max(most, ++inside);  // guarded by the one permit
  co_await Yield(executor);
  ++total;
  --inside;
  semaphore.Release();
}

TEST_F(ThreadsTest, ASemaphoreOfOneIsAMutexAcrossThreads) {
  Semaphore semaphore(runtime(), 1);
  TaskGroup group(runtime());
  int inside = 0;
  int most = 0;
  int total = 0;
  for (int i = 0; i < 2000; ++i) {
    group.SpawnPosted(TakeTurns(semaphore, *executor_, inside, most, total));
  }
  SyncWait(group.Join());
  EXPECT_EQ(most, 1);
  EXPECT_EQ(total, 2000);
}

TEST_F(ThreadsTest, AnEventPublishesWhatWasWrittenBeforeIt) {
  for (int round = 0; round < 500; ++round) {
    auto event = std::make_shared<Event>(runtime());
    int value = 0;
    executor_->Post([event, &value] {
      value = 7;
      event->Set();
    });
    EXPECT_EQ(SyncWait(event->Wait()), Wake::kSignalled);
    EXPECT_EQ(value, 7);
  }
}

TEST_F(ThreadsTest, ALinkedStopFiresForParentOrDeadline) {
  std::stop_source parent;
  LinkedStop by_parent(runtime(), kNever,
                       {std::stop_token(), parent.get_token()});
  EXPECT_FALSE(by_parent.token().stop_requested());
  parent.request_stop();
  EXPECT_TRUE(by_parent.token().stop_requested());
  EXPECT_FALSE(by_parent.timed_out());
  LinkedStop by_time(runtime(), clock_.Now(), {});
  EXPECT_EQ(SyncWait(SleepUntil(runtime(), kNever, by_time.token())),
            Wake::kCancelled);
  EXPECT_TRUE(by_time.timed_out());
}

TEST_F(ThreadsTest, RandomNumbersDiffer) {
  std::set<std::uint64_t> numbers;
  for (int i = 0; i < 1000; ++i) numbers.insert(random_.Next());
  EXPECT_EQ(numbers.size(), 1000u);
}

TEST(ClockTest, SumsSaturate) {
  const Instant now = SystemClock().Now();
  EXPECT_EQ(After(now, absl::InfiniteDuration()), kNever);
  EXPECT_EQ(After(kNever, absl::Seconds(1)), kNever);
  EXPECT_EQ(After(now, absl::Hours(24 * 365 * 1000)), kNever);
  EXPECT_EQ(After(now, absl::Seconds(1)), now + std::chrono::seconds(1));
  EXPECT_EQ(Between(now, kNever), absl::InfiniteDuration());
  EXPECT_EQ(Between(now, After(now, absl::Seconds(3))), absl::Seconds(3));
}

}  // namespace
}  // namespace anteroom::coro
