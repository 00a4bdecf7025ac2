#include "server/lifecycle/wait_queue.h"

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

}  // namespace
}  // namespace anteroom::lifecycle
