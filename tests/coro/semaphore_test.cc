#include "server/coro/semaphore.h"

#include <list>
#include <random>
#include <vector>

#include "gtest/gtest.h"
#include "server/coro/task_group.h"
#include "tests/support/manual_runtime.h"
#include "tests/support/outcome.h"

namespace anteroom::coro {
namespace {

using testing::Outcome;

class SemaphoreTest : public ::testing::Test {
 protected:
  Outcome<Wake> Start(std::stop_token stop = {}, Instant deadline = kNever) {
    return {group_, semaphore_.Acquire(std::move(stop), deadline)};
  }
  testing::ManualRuntime world_;
  TaskGroup group_{world_.runtime()};
  Semaphore semaphore_{world_.runtime(), 2};
};

TEST_F(SemaphoreTest, AFreePermitIsTakenInline) {
  EXPECT_TRUE(Start().done());
  EXPECT_TRUE(Start().done());
  EXPECT_FALSE(semaphore_.TryAcquire());
}

TEST_F(SemaphoreTest, PermitsAreHandedOutInOrderOfArrival) {
  Start();
  Start();
  std::vector<Outcome<Wake>> waits;
  for (int i = 0; i < 5; ++i) waits.push_back(Start());
  for (int i = 0; i < 5; ++i) {
    semaphore_.Release();
    world_.RunUntilIdle();
    EXPECT_TRUE(waits[i].done());
    if (i < 4) {
      EXPECT_FALSE(waits[i + 1].done());
    }
  }
}

TEST_F(SemaphoreTest, OneThatGaveUpCostsNobodyATurn) {
  Start();
  Start();
  std::stop_source stop;
  const Outcome<Wake> first = Start(stop.get_token());
  const Outcome<Wake> second = Start();
  stop.request_stop();
  semaphore_.Release();
  world_.RunUntilIdle();
  EXPECT_EQ(first.value(), Wake::kCancelled);
  EXPECT_EQ(second.value(), Wake::kSignalled);
  EXPECT_EQ(semaphore_.waiting(), 0u);
}

TEST_F(SemaphoreTest, AReleasedPermitIsNotTakenPastTheQueue) {
  Start();
  Start();
  const Outcome<Wake> waiting = Start();
  semaphore_.Release();
  EXPECT_FALSE(semaphore_.TryAcquire());
  world_.RunUntilIdle();
  EXPECT_TRUE(waiting.done());
}

TEST_F(SemaphoreTest, ATimedOutWaiterLeavesTheQueue) {
  Start();
  Start();
  const Outcome<Wake> wait =
      Start({}, After(world_.clock().Now(), absl::Seconds(1)));
  world_.Advance(absl::Seconds(1));
  EXPECT_EQ(wait.value(), Wake::kTimedOut);
  EXPECT_EQ(semaphore_.waiting(), 0u);
}

TEST_F(SemaphoreTest, PermitsAreConservedUnderRandomCancellation) {
  std::mt19937 pick(3);
  int held = 0;
  struct Pending {
    std::stop_source stop;
    Outcome<Wake> wait;
  };
  std::list<Pending> pending;
  for (int step = 0; step < 10'000; ++step) {
    const auto choice = pick() % 3;
    if (choice == 0) {
      std::stop_source stop;
      Outcome<Wake> wait = Start(stop.get_token());
      pending.push_back({stop, wait});
    } else if (choice == 1 && !pending.empty()) {
      std::next(pending.begin(), static_cast<long>(pick() % pending.size()))
          ->stop.request_stop();
    } else if (held > 0) {
      --held;
      semaphore_.Release();
    }
    if (pick() % 2 == 0) world_.RunUntilIdle();
    pending.remove_if([&held](const Pending& one) {
      if (!one.wait.done()) return false;
      held += one.wait.value() == Wake::kSignalled;
      return true;
    });
    ASSERT_LE(held, 2);
  }
  for (Pending& one : pending) one.stop.request_stop();
  world_.RunUntilIdle();
  for (Pending& one : pending) held += one.wait.value() == Wake::kSignalled;
  for (; held > 0; --held) semaphore_.Release();
  EXPECT_TRUE(semaphore_.TryAcquire());
  EXPECT_TRUE(semaphore_.TryAcquire());
  EXPECT_FALSE(semaphore_.TryAcquire());
}

}  // namespace
}  // namespace anteroom::coro
