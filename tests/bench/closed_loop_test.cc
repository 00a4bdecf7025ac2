#include "tests/bench/closed_loop.h"

#include <gtest/gtest.h>

#include <deque>
#include <memory>
#include <thread>

#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace anteroom::bench {
namespace {

class TestCaller;

// Does the things of all callers, in the order in which they were begun.
class Worker {
 public:
  ~Worker() {
    Add(nullptr);
    thread_.join();
  }
  void Add(TestCaller* caller) {
    const absl::MutexLock lock(&mu_);
    begun_.push_back(caller);
  }

 private:
  TestCaller* Next() {
    const absl::MutexLock lock(&mu_);
    mu_.Await(absl::Condition(
        +[](std::deque<TestCaller*>* begun) { return !begun->empty(); },
        &begun_));
    TestCaller* const next = begun_.front();
    begun_.pop_front();
    return next;
  }
  void Work();

  absl::Mutex mu_;
  std::deque<TestCaller*> begun_ ABSL_GUARDED_BY(mu_);
  std::thread thread_{[this] { Work(); }};
};

class TestCaller : public Caller {
 public:
  explicit TestCaller(Worker& worker) : worker_(worker) {}
  using Caller::Done;
  int begun() const { return begun_; }

 private:
  void Begin() override {
    ++begun_;
    worker_.Add(this);
  }

  Worker& worker_;
  int begun_ = 0;
};

void Worker::Work() {
  while (TestCaller* const caller = Next()) caller->Done();
}

class ClosedLoopTest : public testing::Test {
 protected:
  ClosedLoopTest() {
    for (int i = 0; i < 3; ++i) {
      callers_.push_back(std::make_unique<TestCaller>(worker_));
    }
  }

  int Begun() const {
    int begun = 0;
    for (const auto& caller : callers_) {
      begun += static_cast<const TestCaller&>(*caller).begun();
    }
    return begun;
  }

  Worker worker_;
  Callers callers_;
};

TEST_F(ClosedLoopTest, EndsWhatItHasBegun) {
  const LoopResult result = RunClosedLoop(callers_, absl::ZeroDuration());
  EXPECT_EQ(Begun(), 3);
  EXPECT_EQ(result.latencies.count(), 3);
}

TEST_F(ClosedLoopTest, GoesOnUntilItsTimeIsOver) {
  const LoopResult result = RunClosedLoop(callers_, absl::Milliseconds(20));
  EXPECT_GE(result.seconds, 0.02);
  EXPECT_GE(Begun(), 3);
  EXPECT_EQ(result.latencies.count(), Begun());
}

TEST_F(ClosedLoopTest, CountsEachLoopByItself) {
  RunClosedLoop(callers_, absl::ZeroDuration());
  const LoopResult second = RunClosedLoop(callers_, absl::ZeroDuration());
  EXPECT_EQ(Begun(), 6);
  EXPECT_EQ(second.latencies.count(), 3);
}

}  // namespace
}  // namespace anteroom::bench
