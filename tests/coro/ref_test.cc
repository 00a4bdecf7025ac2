#include "server/coro/ref.h"

#include <thread>
#include <utility>
#include <vector>

#include "gtest/gtest.h"

namespace anteroom::coro {
namespace {

// Says when it goes.
class Thing : public Counted<Thing> {
 public:
  explicit Thing(int& gone) : gone_(gone) {}
  ~Thing() { ++gone_; }
  Thing(const Thing&) = delete;
  Thing& operator=(const Thing&) = delete;

 private:
  int& gone_;
};

static_assert(sizeof(Ref<Thing>) == sizeof(Thing*));

Ref<Thing> MakeThing(int& gone) { return Ref<Thing>(new Thing(gone)); }

TEST(RefTest, TheLastToGoDeletesTheObject) {
  int gone = 0;
  Ref<Thing> first = MakeThing(gone);
  Ref<Thing> second = first;
  first.reset();
  EXPECT_EQ(gone, 0);
  EXPECT_EQ(first, nullptr);
  second = nullptr;
  EXPECT_EQ(gone, 1);
}

TEST(RefTest, WhatIsMovedFromRefersToNothing) {
  int gone = 0;
  Ref<Thing> from = MakeThing(gone);
  Thing* const thing = from.get();
  const Ref<Thing> to = std::move(from);
  EXPECT_EQ(from, nullptr);  // NOLINT(bugprone-use-after-move)
  EXPECT_EQ(to.get(), thing);
  EXPECT_EQ(gone, 0);
}

TEST(RefTest, AssignedToItselfItStays) {
  int gone = 0;
  Ref<Thing> ref = MakeThing(gone);
  const Ref<Thing>& same = ref;
  ref = same;
  EXPECT_NE(ref, nullptr);
  EXPECT_EQ(gone, 0);
}

TEST(RefTest, AnObjectMayReferToItself) {
  int gone = 0;
  Ref<Thing> ref = MakeThing(gone);
  Ref<Thing> again(ref.get());
  EXPECT_EQ(ref, again);
  ref.reset();
  EXPECT_EQ(gone, 0);
  again.reset();
  EXPECT_EQ(gone, 1);
}

TEST(RefTest, ManyThreadsThatShareItDeleteItOnce) {
  for (int round = 0; round < 200; ++round) {
    int gone = 0;
    Ref<Thing> shared = MakeThing(gone);
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([mine = shared]() mutable {
        const Ref<Thing> another = mine;
        mine.reset();
      });
    }
    shared.reset();
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(gone, 1);
  }
}

TEST(RefTest, ADetachedReferenceKeepsTheObjectUntilItIsAdopted) {
  int gone = 0;
  Ref<Thing> ref = MakeThing(gone);
  EXPECT_TRUE(ref.unique());
  Thing* const kept = Ref<Thing>(ref).Detach();
  EXPECT_FALSE(ref.unique());
  ref.reset();
  EXPECT_EQ(gone, 0);
  Ref<Thing>::Adopt(kept).reset();
  EXPECT_EQ(gone, 1);
}

}  // namespace
}  // namespace anteroom::coro
