// Keyed resources: one object, and one queue, a key.
#include <string>

#include "tests/lifecycle/lifecycle_test.h"

namespace anteroom::lifecycle {
namespace {

class KeyedTest : public LifecycleTest {
 protected:
  static Policy Keyed(int max_instances = kUnlimited) {
    Policy policy;
    policy.keyed = true;
    policy.max_instances = max_instances;
    return policy;
  }
  static AcquireOptions Key(const std::string& key) {
    AcquireOptions options;
    options.key = key;
    return options;
  }
};

TEST_F(KeyedTest, KeyedGivesEachKeyAnObjectOfItsOwn) {
  Serve(kAllHooks, Keyed());
  const LeasePtr a = Acquire(Key("a"));
  const LeasePtr b = Acquire(Key("b"));
  EXPECT_NE(a->View().instance_id, b->View().instance_id);
  EXPECT_EQ(a->key(), "a");
  EXPECT_EQ(a->instance()->info().key, "a");
}

TEST_F(KeyedTest, TheHoldersOfAKeyTakeTurnsOnItsObject) {
  Policy policy = Keyed();
  policy.idle_timeout = absl::Minutes(1);
  Serve(kAllHooks, policy);
  const LeasePtr first = Acquire(Key("a"));
  const AcquireOutcome second = StartAcquire(Key("a"));
  world_.RunUntilIdle();
  EXPECT_FALSE(second.done());
  Release(first);
  ASSERT_TRUE(second.done());
  EXPECT_EQ((*second.value())->View().instance_id, "r#1");
  EXPECT_EQ(script_.Count("init"), 1);
}

TEST_F(KeyedTest, ManyWhoWantAKeyAtOnceCauseOneInit) {
  Policy policy = Keyed();
  policy.max_holders = 0;
  InitWaitsForGate();
  Serve(kAllHooks, policy);
  std::vector<AcquireOutcome> waiting;
  for (int i = 0; i < 100; ++i) waiting.push_back(StartAcquire(Key("a")));
  world_.RunUntilIdle();
  OpenGate();
  world_.RunUntilIdle();
  for (const AcquireOutcome& outcome : waiting) {
    ASSERT_TRUE(outcome.done());
    EXPECT_TRUE(outcome.value().ok());
  }
  EXPECT_EQ(script_.Count("construct"), 1);
  EXPECT_EQ(script_.Count("init"), 1);
}

TEST_F(KeyedTest, AKeyThatNobodyHoldsIsClosedAndForgotten) {
  Serve(kAllHooks, Keyed());
  Release(Acquire(Key("a")));
  EXPECT_EQ(pool().counts().instances, 0u);
  EXPECT_EQ(Acquire(Key("a"))->View().instance_id, "r#2");
}

TEST_F(KeyedTest, AnEmptyKeyIsRefusedByItsField) {
  Serve(kAllHooks, Keyed());
  const AcquireOutcome refused = StartAcquire();
  world_.RunUntilIdle();
  const absl::Status status = refused.value().status();
  EXPECT_THAT(status, FailsWith(Reason::kInvalidRequest));
  EXPECT_EQ(DetailOf(status).field_violations.front().first, "key");
}

TEST_F(KeyedTest, AtTheLimitTheLeastRecentlyUsedIdleObjectIsEvicted) {
  Policy policy = Keyed(/*max_instances=*/2);
  policy.idle_timeout = absl::Hours(1);
  Serve(kAllHooks, policy);
  Release(Acquire(Key("a")));
  Release(Acquire(Key("b")));
  Release(Acquire(Key("a")));  // now b is the least recently used
  Acquire(Key("c"));
  EXPECT_EQ(script_.Count("close r#2"), 1);
  EXPECT_EQ(pool().counts().instances, 2u);
  Acquire(Key("a"));
  EXPECT_EQ(script_.Count("init"), 3) << "a's object is still there";
}

TEST_F(KeyedTest, AtTheLimitAHeldObjectIsNotEvicted) {
  Policy policy = Keyed(/*max_instances=*/1);
  policy.idle_timeout = absl::Hours(1);
  Serve(kAllHooks, policy);
  const LeasePtr a = Acquire(Key("a"));
  const AcquireOutcome b = StartAcquire(Key("b"));
  world_.RunUntilIdle();
  EXPECT_FALSE(b.done());
  Release(a);
  ASSERT_TRUE(b.done());
  EXPECT_TRUE(b.value().ok());
  EXPECT_EQ(pool().counts().instances, 1u);
}

TEST_F(KeyedTest, KeysThatCompeteForRoomGetItInOrderOfArrival) {
  Serve(kAllHooks, Keyed(/*max_instances=*/1));
  LeasePtr holder = Acquire(Key("z"));
  std::vector<AcquireOutcome> waiting;
  for (const char* const key : {"m", "a", "q"}) {
    waiting.push_back(StartAcquire(Key(key)));
    world_.RunUntilIdle();
  }
  for (AcquireOutcome& next : waiting) {
    EXPECT_FALSE(next.done());
    Release(holder);
    ASSERT_TRUE(next.done());
    ASSERT_TRUE(next.value().ok()) << next.value().status();
    holder = *next.value();
  }
}

TEST_F(KeyedTest, AKeyWhoseFirstWaiterLeftCompetesWithItsSecond) {
  Serve(kAllHooks, Keyed(/*max_instances=*/1));
  const LeasePtr holder = Acquire(Key("z"));
  std::stop_source caller;
  StartAcquire(Key("a"), absl::InfiniteDuration(), caller.get_token());
  const AcquireOutcome b = StartAcquire(Key("b"));
  const AcquireOutcome a = StartAcquire(Key("a"));
  world_.RunUntilIdle();
  caller.request_stop();
  world_.RunUntilIdle();
  Release(holder);
  ASSERT_TRUE(b.done());
  EXPECT_FALSE(a.done());
  Release(*b.value());
  EXPECT_TRUE(a.done());
}

TEST_F(KeyedTest, AKeyCompetesWithItsWaiterOfHighestPriority) {
  Serve(kAllHooks, Keyed(/*max_instances=*/1));
  const LeasePtr holder = Acquire(Key("z"));
  const AcquireOutcome b = StartAcquire(Key("b"));
  const AcquireOutcome a = StartAcquire(Key("a"));
  world_.RunUntilIdle();
  AcquireOptions urgent = Key("a");
  urgent.priority = 1;
  const AcquireOutcome urgent_a = StartAcquire(urgent);
  world_.RunUntilIdle();
  Release(holder);
  EXPECT_TRUE(urgent_a.done());
  EXPECT_FALSE(b.done());
}

TEST_F(KeyedTest, AKeyWhoseObjectClosesTakesItsTurnWithTheOthers) {
  Serve(kAllHooks, Keyed(/*max_instances=*/1));
  const LeasePtr a = Acquire(Key("a"));
  const AcquireOutcome b = StartAcquire(Key("b"));
  world_.RunUntilIdle();
  const AcquireOutcome a_again = StartAcquire(Key("a"));
  world_.RunUntilIdle();
  // a's object comes back, and its own key waits for it: nothing to build.
  Release(a);
  ASSERT_TRUE(a_again.done());
  EXPECT_FALSE(b.done());
  Release(*a_again.value());
  EXPECT_TRUE(b.done());
}

TEST_F(KeyedTest, MaxWaitersCountsAllKeys) {
  Policy policy = Keyed(/*max_instances=*/1);
  policy.max_waiters = 2;
  Serve(kAllHooks, policy);
  Acquire(Key("a"));
  const AcquireOutcome b = StartAcquire(Key("b"));
  const AcquireOutcome c = StartAcquire(Key("c"));
  const AcquireOutcome d = StartAcquire(Key("d"));
  world_.RunUntilIdle();
  EXPECT_FALSE(b.done());
  EXPECT_FALSE(c.done());
  ASSERT_TRUE(d.done());
  EXPECT_THAT(d.value().status(), FailsWith(Reason::kQueueFull));
}

TEST_F(KeyedTest, AWaiterThatLeavesMakesRoomForOthersToWait) {
  Policy policy = Keyed(/*max_instances=*/1);
  policy.max_waiters = 1;
  Serve(kAllHooks, policy);
  Acquire(Key("a"));
  std::stop_source caller;
  StartAcquire(Key("b"), absl::InfiniteDuration(), caller.get_token());
  world_.RunUntilIdle();
  caller.request_stop();
  world_.RunUntilIdle();
  const AcquireOutcome c = StartAcquire(Key("c"));
  world_.RunUntilIdle();
  EXPECT_FALSE(c.done());
  EXPECT_EQ(pool().counts().waiting, 1u);
}

TEST_F(KeyedTest, ManyKeysAtOnceAreBuiltSideBySide) {
  InitWaitsForGate();
  Serve(kInitOnly, Keyed());
  std::vector<AcquireOutcome> waiting;
  for (int i = 0; i < 50; ++i) {
    waiting.push_back(StartAcquire(Key(std::to_string(i))));
  }
  world_.RunUntilIdle();
  EXPECT_EQ(pool().counts().instances, 50u);
  OpenGate();
  world_.RunUntilIdle();
  for (const AcquireOutcome& outcome : waiting) EXPECT_TRUE(outcome.done());
}

}  // namespace
}  // namespace anteroom::lifecycle
