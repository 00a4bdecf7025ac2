// WAITING: who queues is told its place, and again when that has changed.
#include "tests/lifecycle/lifecycle_test.h"

namespace anteroom::lifecycle {
namespace {

class PlacesTest : public LifecycleTest {
 protected:
  struct Waiter {
    std::shared_ptr<RecordingSink> sink = std::make_shared<RecordingSink>();
    std::stop_source stop;
    std::optional<AcquireOutcome> outcome;

    // The places it was told, joined by spaces.
    std::string Places() const {
      std::string places;
      for (const Event& event : sink->events) {
        if (event.phase != Phase::kWaiting) continue;
        places +=
            (places.empty() ? "" : " ") + std::to_string(event.queue_position);
      }
      return places;
    }
  };

  Waiter Queue(std::string key = "") {
    Waiter waiter;
    AcquireOptions options;
    options.key = std::move(key);
    options.sink = waiter.sink;
    waiter.outcome = StartAcquire(options, absl::InfiniteDuration(),
                                  waiter.stop.get_token());
    world_.RunUntilIdle();
    return waiter;
  }
};

TEST_F(PlacesTest, WhoMovesUpAmongTheFirstIsToldEachPlace) {
  Serve(kNoHooks);
  const LeasePtr holder = Acquire();
  const Waiter first = Queue();
  const Waiter second = Queue();
  const Waiter third = Queue();
  EXPECT_EQ(third.Places(), "3");
  Release(holder);
  world_.Advance(absl::Seconds(1));
  EXPECT_EQ(first.Places(), "1");
  EXPECT_EQ(second.Places(), "2 1");
  EXPECT_EQ(third.Places(), "3 2");
}

TEST_F(PlacesTest, WhoWaitsFarBehindIsToldWhenHalfOfThoseBeforeHaveGone) {
  Policy policy;
  policy.default_ttl = policy.max_ttl;
  Serve(kNoHooks, policy);
  const LeasePtr holder = Acquire();
  std::vector<Waiter> before;
  before.reserve(19);
  for (int i = 0; i < 19; ++i) before.push_back(Queue());
  const Waiter last = Queue();
  for (Waiter& waiter : before) {
    waiter.stop.request_stop();
    world_.Advance(absl::Seconds(1));
  }
  EXPECT_EQ(last.Places(), "20 10 5 3 2 1");
}

TEST_F(PlacesTest, ManyChangesAtOnceAreToldOnce) {
  Serve(kNoHooks);
  const LeasePtr holder = Acquire();
  Waiter first = Queue();
  Waiter second = Queue();
  const Waiter third = Queue();
  first.stop.request_stop();
  second.stop.request_stop();
  world_.Advance(absl::Seconds(1));
  EXPECT_EQ(third.Places(), "3 1");
}

TEST_F(PlacesTest, WhoMovesUpAsAConstructorThrowsIsToldThoughAnotherKeyIsNext) {
  Policy policy;
  policy.keyed = true;
  policy.max_instances = 1;
  Serve(kNoHooks, policy);
  AcquireOptions options;
  options.key = "a";
  const LeasePtr holder = Acquire(options);
  const Waiter fails = Queue("a");
  const Waiter other = Queue("b");
  const Waiter moves_up = Queue("a");
  world_.Advance(absl::Seconds(1));
  script_.construct = [this] {
    script_.construct = nullptr;
    throw std::runtime_error("thrown");
  };
  ExitCause tainted;
  tainted.tainted = true;
  Release(holder, tainted);
  EXPECT_FALSE(fails.outcome->value().ok());
  EXPECT_TRUE(other.outcome->value().ok());
  world_.Advance(absl::Seconds(1));
  EXPECT_EQ(moves_up.Places(), "2 1");
}

}  // namespace
}  // namespace anteroom::lifecycle
