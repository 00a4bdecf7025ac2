#include "server/lifecycle/wait_queue.h"

#include <algorithm>
#include <cstddef>
#include <memory>
#include <random>
#include <vector>

#include "tests/lifecycle/lifecycle_test.h"

namespace anteroom::lifecycle {
namespace {

class WaitQueueTest : public LifecycleTest {
 protected:
  WaitQueueTest() { Serve(kNoHooks); }

  std::shared_ptr<Ticket> Push(int priority = 0, bool deferred = false) {
    AcquireOptions options;
    options.priority = priority;
    options.deferred = deferred;
    const auto ticket = MakeTicket(std::move(options));
    queue_.Push(ticket);
    return ticket;
  }
  std::shared_ptr<Ticket> PushDeferred() { return Push(0, true); }

  WaitQueue queue_;
};

TEST_F(WaitQueueTest, PositionsCountFromTheFrontHigherPrioritiesFirst) {
  const auto first = Push();
  const auto second = Push();
  const auto urgent = Push(/*priority=*/1);
  EXPECT_EQ(queue_.PositionOf(*urgent), 1u);
  EXPECT_EQ(queue_.PositionOf(*first), 2u);
  EXPECT_EQ(queue_.PositionOf(*second), 3u);
  EXPECT_EQ(queue_.At(0), urgent);
  EXPECT_EQ(queue_.At(2), second);
}

TEST_F(WaitQueueTest, WhoIsTakenOutHasNoPositionAndOthersMoveUp) {
  const auto first = Push();
  const auto second = Push();
  EXPECT_TRUE(queue_.Remove(*first));
  EXPECT_FALSE(queue_.Remove(*first));
  EXPECT_EQ(queue_.PositionOf(*first), 0u);
  EXPECT_EQ(queue_.PositionOf(*second), 1u);
}

TEST_F(WaitQueueTest, SomeAreTakenFromAPlaceOn) {
  const auto first = Push();
  const auto second = Push();
  const auto third = Push();
  const auto fourth = Push();
  EXPECT_THAT(queue_.Take(1, 2), ::testing::ElementsAre(second, third));
  EXPECT_EQ(queue_.PositionOf(*fourth), 2u);
  EXPECT_THAT(queue_.Take(1, 2), ::testing::ElementsAre(fourth));
  EXPECT_THAT(queue_.Take(1, 2), ::testing::IsEmpty());
}

TEST_F(WaitQueueTest, OnlyThoseWhoLeaveFromBeforeOthersCountAsDepartures) {
  const auto first = Push();
  const auto second = Push();
  queue_.Remove(*second);
  EXPECT_EQ(queue_.departures(), 0u);
  Push();
  queue_.Remove(*first);
  EXPECT_EQ(queue_.departures(), 1u);
}

TEST_F(WaitQueueTest, DeferredOnesAreFoundFromAPlaceOn) {
  EXPECT_EQ(queue_.DeferredFrom(0), nullptr);
  const auto first = PushDeferred();
  Push();
  const auto third = PushDeferred();
  Push();
  EXPECT_EQ(queue_.DeferredFrom(0), first);
  EXPECT_EQ(queue_.DeferredFrom(1), third);
  EXPECT_EQ(queue_.DeferredFrom(2), third);
  EXPECT_EQ(queue_.DeferredFrom(3), nullptr);
  EXPECT_EQ(queue_.DeferredFrom(4), nullptr);
  queue_.Remove(*third);
  EXPECT_EQ(queue_.DeferredFrom(1), nullptr);
}

// Against what is as plain as can be: a sorted list.
TEST_F(WaitQueueTest, WhateverComesAndGoesThePlacesAreThoseOfASortedList) {
  std::mt19937 random(1);
  const auto below = [&random](std::size_t bound) {
    return std::uniform_int_distribution<std::size_t>(0, bound - 1)(random);
  };
  std::vector<std::shared_ptr<Ticket>> sorted;
  std::uint64_t departures = 0;
  const auto remove = [&](std::size_t offset) {
    if (offset + 1 < sorted.size()) ++departures;
    EXPECT_TRUE(queue_.Remove(*sorted[offset]));
    sorted.erase(sorted.begin() + static_cast<std::ptrdiff_t>(offset));
  };
  for (int step = 0; step < 3'000; ++step) {
    // It grows to some hundreds, then shrinks to none.
    if (below(3'000) > static_cast<std::size_t>(step)) {
      const auto ticket = Push(static_cast<int>(below(4)), below(8) == 0);
      sorted.insert(std::upper_bound(sorted.begin(), sorted.end(), ticket,
                                     [](const auto& a, const auto& b) {
                                       return a->place < b->place;
                                     }),
                    ticket);
    } else if (!sorted.empty()) {
      remove(below(2) == 0 ? 0 : below(sorted.size()));
    }
    ASSERT_EQ(queue_.size(), sorted.size());
    ASSERT_EQ(queue_.departures(), departures);
    if (sorted.empty()) continue;
    ASSERT_EQ(queue_.front(), sorted.front());
    const std::size_t offset = below(sorted.size());
    ASSERT_EQ(queue_.At(offset), sorted[offset]);
    ASSERT_EQ(queue_.PositionOf(*sorted[offset]), offset + 1);
    const auto deferred = std::find_if(
        sorted.begin() + static_cast<std::ptrdiff_t>(offset), sorted.end(),
        [](const auto& ticket) { return ticket->lease->deferred(); });
    ASSERT_EQ(queue_.DeferredFrom(offset),
              deferred == sorted.end() ? nullptr : *deferred);
    if (step % 100 != 0) continue;
    std::vector<Ticket*> listed;
    for (Ticket& ticket : queue_) listed.push_back(&ticket);
    ASSERT_TRUE(std::equal(
        listed.begin(), listed.end(), sorted.begin(), sorted.end(),
        [](const Ticket* a, const auto& b) { return a == b.get(); }));
  }
  while (!sorted.empty()) remove(below(sorted.size()));
  EXPECT_TRUE(queue_.empty());
}

}  // namespace
}  // namespace anteroom::lifecycle
