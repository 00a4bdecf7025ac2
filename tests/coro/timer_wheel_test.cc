#include "server/coro/timer_wheel.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "server/coro/clock.h"
#include "server/coro/executor.h"

namespace anteroom::coro {
namespace {

using std::chrono::nanoseconds;

constexpr Instant kBegin{std::chrono::hours(1)};

class TimerWheelTest : public ::testing::Test {
 protected:
  // Its work is to append `number` to `ran_`.
  TimerWheel::Id Add(Instant when, int number) {
    return wheel_.Add(when, [this, number] { ran_.push_back(number); });
  }
  bool Cancel(TimerWheel::Id id) {
    Work dropped;
    return wheel_.Cancel(id, dropped);
  }
  // The numbers of what one TakeDue() takes.
  std::vector<int> TakeSome(Instant now) {
    std::vector<Work> due;
    wheel_.TakeDue(now, due);
    ran_.clear();
    for (Work& work : due) std::move(work)();
    return ran_;
  }
  // The numbers of all that is due.
  std::vector<int> TakeAll(Instant now) {
    std::vector<int> taken;
    do {
      for (const int number : TakeSome(now)) taken.push_back(number);
    } while (wheel_.next() <= now);
    return taken;
  }

  TimerWheel wheel_{kBegin};

 private:
  std::vector<int> ran_;
};

TEST_F(TimerWheelTest, NothingIsDueIfNothingIsPending) {
  EXPECT_EQ(wheel_.next(), kNever);
  EXPECT_TRUE(TakeAll(kBegin).empty());
}

// To the nanosecond, on every level; and it is looked at only then.
TEST_F(TimerWheelTest, ATimerIsDueAtItsInstantAndNotBefore) {
  for (int bit = 0; bit < 61; ++bit) {
    const Instant when = kBegin + nanoseconds((std::int64_t{1} << bit) + bit);
    Add(when, bit);
    EXPECT_EQ(wheel_.next(), when);
    EXPECT_TRUE(TakeSome(when - nanoseconds(1)).empty());
    EXPECT_EQ(TakeAll(when), std::vector<int>{bit});
    EXPECT_EQ(wheel_.next(), kNever);
  }
}

TEST_F(TimerWheelTest, WorkIsTakenInTheOrderOfTime) {
  std::vector<int> expected;
  for (int bit = 60; bit >= 0; --bit) {
    Add(kBegin + nanoseconds(std::int64_t{1} << bit), bit);
    Add(kBegin + nanoseconds(std::int64_t{3} << bit) / 2, 100 + bit);
  }
  for (int bit = 0; bit <= 60; ++bit) {
    expected.push_back(bit);
    expected.push_back(100 + bit);
  }
  // 3 / 2 is 1: what was added first is taken first.
  EXPECT_EQ(TakeAll(kBegin + nanoseconds(std::int64_t{1} << 61)), expected);
}

// Though they are added when it is far away, near, and next.
TEST_F(TimerWheelTest, WorkOfOneInstantIsTakenInTheOrderAdded) {
  const Instant when = kBegin + std::chrono::minutes(5);
  for (int i = 0; i < 300; ++i) Add(when, i);
  const std::vector<Instant> before = {when - std::chrono::seconds(1),
                                       when - std::chrono::microseconds(1),
                                       when - nanoseconds(1)};
  int next = 300;
  for (const Instant now : before) {
    Add(now, -1);
    EXPECT_EQ(TakeAll(now), std::vector<int>{-1});
    Add(when, next++);
  }
  const std::vector<int> taken = TakeAll(when);
  ASSERT_EQ(taken.size(), static_cast<std::size_t>(next));
  for (int i = 0; i < next; ++i) EXPECT_EQ(taken[i], i);
}

TEST_F(TimerWheelTest, APastInstantIsDueAtOnce) {
  Add(kBegin + std::chrono::minutes(1), 0);
  const Instant now = kBegin + std::chrono::minutes(2);
  EXPECT_EQ(TakeAll(now), std::vector<int>{0});
  Add(Instant::min(), 1);
  Add(kBegin, 2);
  Add(now - nanoseconds(1), 3);
  Add(now, 4);
  Add(now + nanoseconds(1), 5);
  EXPECT_LE(wheel_.next(), now);
  EXPECT_EQ(TakeAll(now), (std::vector<int>{1, 2, 3, 4}));
}

TEST_F(TimerWheelTest, InstantsBeforeTheClocksFirstAreInOrder) {
  TimerWheel wheel(Instant::min());
  const Instant first;
  wheel.Add(first + nanoseconds(1), [] {});
  EXPECT_EQ(wheel.next(), first + nanoseconds(1));
  wheel.Add(first - nanoseconds(1), [] {});
  EXPECT_EQ(wheel.next(), first - nanoseconds(1));
}

TEST_F(TimerWheelTest, NeverDoesNotComeButMayBeCancelled) {
  const TimerWheel::Id never = Add(kNever, 0);
  EXPECT_EQ(wheel_.next(), kNever);
  Add(kNever - nanoseconds(1), 1);
  EXPECT_EQ(wheel_.next(), kNever - nanoseconds(1));
  EXPECT_EQ(TakeAll(kNever - nanoseconds(1)), std::vector<int>{1});
  EXPECT_EQ(wheel_.next(), kNever);
  EXPECT_TRUE(Cancel(never));
}

TEST_F(TimerWheelTest, ACancelledTimerIsNotTakenAndNotWaitedFor) {
  const TimerWheel::Id id = Add(kBegin + std::chrono::seconds(1), 1);
  EXPECT_TRUE(Cancel(id));
  EXPECT_FALSE(Cancel(id));
  EXPECT_EQ(wheel_.next(), kNever);
  EXPECT_TRUE(TakeAll(kBegin + std::chrono::seconds(1)).empty());
}

TEST_F(TimerWheelTest, ADueTimerMayBeCancelledUntilItIsTaken) {
  std::vector<TimerWheel::Id> ids;
  constexpr int kTimers = kMostWheelSteps + 2;
  for (int i = 0; i < kTimers; ++i) ids.push_back(Add(kBegin, i));
  EXPECT_EQ(TakeSome(kBegin).size(), std::size_t{kMostWheelSteps});
  EXPECT_FALSE(Cancel(ids[kTimers - 3]));
  EXPECT_TRUE(Cancel(ids[kTimers - 2]));
  EXPECT_EQ(TakeSome(kBegin), std::vector<int>{kTimers - 1});
}

// All but one have moved down when it is cancelled.
TEST_F(TimerWheelTest, WhatIsLeftOfASlotMayBeCancelledWhileItIsEmptied) {
  const Instant when = kBegin + std::chrono::hours(20);
  const TimerWheel::Id id = Add(when, 0);
  for (int i = 1; i <= kMostWheelSteps; ++i) Add(when, i);
  EXPECT_TRUE(TakeSome(when).empty());
  EXPECT_TRUE(Cancel(id));
  const std::vector<int> taken = TakeAll(when);
  ASSERT_EQ(taken.size(), std::size_t{kMostWheelSteps});
  EXPECT_EQ(taken.front(), 1);
}

TEST_F(TimerWheelTest, AnIdIsNotUsedAgain) {
  std::set<TimerWheel::Id> ids;
  for (int i = 0; i < 1000; ++i) {
    const TimerWheel::Id id = Add(kBegin, i);
    EXPECT_NE(id, TimerWheel::Id::kNone);
    EXPECT_TRUE(ids.insert(id).second);
    if (i % 3 != 0) EXPECT_TRUE(Cancel(id));
  }
}

TEST_F(TimerWheelTest, NoneIsNoTimer) {
  EXPECT_FALSE(Cancel(TimerWheel::Id::kNone));
  Add(kBegin, 0);
  EXPECT_FALSE(Cancel(TimerWheel::Id::kNone));
}

TEST_F(TimerWheelTest, TheWheelKeepsNothingOfWorkThatLeftIt) {
  const auto owned = std::make_shared<int>();
  const TimerWheel::Id id = wheel_.Add(kNever, [owned] {});
  wheel_.Add(kBegin, [owned] {});
  EXPECT_EQ(owned.use_count(), 3);
  {
    Work dropped;
    EXPECT_TRUE(wheel_.Cancel(id, dropped));
    EXPECT_EQ(owned.use_count(), 3);
  }
  EXPECT_EQ(owned.use_count(), 2);
  TakeAll(kBegin);
  EXPECT_EQ(owned.use_count(), 1);
}

// Timers of all distances, alone and by the hundred, some cancelled, and time
// that goes on by all distances, too: the wheel gives what an ordered map does.
class TimerWheelRandomTest : public TimerWheelTest,
                             public ::testing::WithParamInterface<int> {
 protected:
  struct Pending {
    TimerWheel::Id id;
    int number;
  };
  using Model = std::multimap<Instant, Pending>;

  // As likely short as long; up to 2^50 ns, which are 13 days.
  nanoseconds AnyTime() {
    const int bits = static_cast<int>(random_() % 51);
    return nanoseconds(random_() & ((std::uint64_t{1} << bits) - 1));
  }
  // Of instants close to each other, as many are equal.
  void AddMany() {
    const Instant when = now_ + AnyTime();
    const std::uint64_t spread = (AnyTime() / 1024).count() + 1;
    const std::uint64_t count = random_() % 5 == 0 ? random_() % 500 : 1;
    for (std::uint64_t i = 0; i < count; ++i) AddOne(when, spread);
  }
  void AddOne(Instant when, std::uint64_t spread) {
    when =
        random_() % 100 == 0 ? kNever : when + nanoseconds(random_() % spread);
    const TimerWheel::Id id = Add(when, ++last_);
    model_.emplace(when, Pending{id, last_});
  }
  void CancelSome() {
    for (auto it = model_.lower_bound(now_ + AnyTime());
         it != model_.end() && random_() % 10 != 0; it = model_.erase(it)) {
      ASSERT_TRUE(Cancel(it->second.id));
      gone_ = it->second.id;
    }
    ASSERT_FALSE(Cancel(gone_));
  }
  void Take(bool all) {
    for (const int number : all ? TakeAll(now_) : TakeSome(now_)) {
      ASSERT_FALSE(model_.empty());
      const auto first = model_.begin();
      ASSERT_EQ(number, first->second.number);
      ASSERT_LE(first->first, now_);
      gone_ = first->second.id;
      model_.erase(first);
    }
    const Instant first = model_.empty() ? kNever : model_.begin()->first;
    ASSERT_LE(wheel_.next(), first);
    if (all) ASSERT_GT(first, now_);
  }

  std::mt19937_64 random_{static_cast<std::uint64_t>(GetParam())};
  Instant now_ = kBegin;
  Model model_;
  int last_ = 0;
  TimerWheel::Id gone_ = TimerWheel::Id::kNone;  // of one not pending
};

TEST_P(TimerWheelRandomTest, TheWheelIsAsAnOrderedMap) {
  for (int i = 0; i < 3000 && !HasFatalFailure(); ++i) {
    AddMany();
    if (random_() % 2 == 0) CancelSome();
    if (random_() % 4 == 0) now_ += AnyTime();
    Take(/*all=*/random_() % 8 == 0);
  }
}
INSTANTIATE_TEST_SUITE_P(Seeds, TimerWheelRandomTest, ::testing::Range(1, 6));

}  // namespace
}  // namespace anteroom::coro
