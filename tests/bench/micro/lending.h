// Lending: a resource "r" in a world whose time stands still, with one object,
// those who hold it and those who wait for it. To look at the clock, and to
// draw a number, costs what it does in production.
//
// Thread safety: none.
#ifndef ANTEROOM_TESTS_BENCH_MICRO_LENDING_H_
#define ANTEROOM_TESTS_BENCH_MICRO_LENDING_H_

#include <deque>
#include <memory>
#include <stop_token>
#include <utility>

#include "absl/time/time.h"
#include "benchmark/benchmark.h"
#include "server/coro/check.h"
#include "server/coro/clock.h"
#include "server/coro/random.h"
#include "server/coro/runtime.h"
#include "server/coro/task.h"
#include "server/coro/task_group.h"
#include "server/kinds/hello/hello.h"
#include "server/lifecycle/anteroom.h"
#include "tests/support/manual_runtime.h"

namespace anteroom::lifecycle {

// Shows the time of another clock at the price of the machine's.
class PricedClock : public coro::Clock {
 public:
  explicit PricedClock(const coro::Clock& shown) : shown_(shown) {}
  coro::Instant Now() const override {
    benchmark::DoNotOptimize(system_.Now());
    return shown_.Now();
  }
  absl::Time WallNow() const override {
    benchmark::DoNotOptimize(system_.WallNow());
    return shown_.WallNow();
  }

 private:
  const coro::Clock& shown_;
  const coro::SystemClock system_;
};

class Lending {
 public:
  // The object is made, and idle. `max_holders` may hold it at once; 0: all.
  explicit Lending(int max_holders = 1, const Anteroom::Options& options = {})
      : anteroom_(runtime_, options) {
    Policy policy;
    policy.max_holders = max_holders;
    policy.max_waiters = kUnlimited;
    policy.idle_timeout = absl::Hours(1);
    kinds::HelloParameters plain;
    plain.style = kinds::HelloStyle::kPlain;
    ANTEROOM_CHECK(
        anteroom_
            .AddResource("r", policy,
                         std::make_unique<kinds::Hello>(runtime_, plain))
            .ok());
    Acquire();
    End();
  }
  // REQUIRES: nobody holds it or waits for it.
  ~Lending() { world_.Run(anteroom_.Drain()); }
  Lending(const Lending&) = delete;
  Lending& operator=(const Lending&) = delete;

  // One more wants it: holds it at once, if it may.
  void Acquire(std::stop_token stop = {}) {
    acquires_.Spawn(AcquireIt(std::move(stop)));
  }
  // Who has held it longest gives it back; the next one is granted its lease.
  void End() {
    const LeasePtr lease = std::move(held_.front());
    held_.pop_front();
    pool().End(lease, ExitCause());
    Run();
  }
  // All that can run.
  void Run() { world_.executor().RunUntilIdle(); }

  bool held() const { return !held_.empty(); }
  Pool& pool() { return **anteroom_.FindPool("r"); }
  EventLog& events() { return anteroom_.events(); }
  testing::ManualRuntime& world() { return world_; }

 private:
  coro::Task<void> AcquireIt(std::stop_token stop) {
    auto acquire =
        anteroom_.Acquire("r", AcquireOptions(), absl::InfiniteDuration(),
                          std::move(stop), coro::kNever);
    absl::StatusOr<LeasePtr> lease = co_await std::move(acquire);
    if (lease.ok()) held_.push_back(*std::move(lease));
  }

  testing::ManualRuntime world_;
  const PricedClock clock_{world_.clock()};
  coro::SystemRandom random_;
  const coro::Runtime runtime_{world_.executor(), world_.timers(), clock_,
                               random_};
  Anteroom anteroom_;
  coro::TaskGroup acquires_{runtime_};
  std::deque<LeasePtr> held_;
};

}  // namespace anteroom::lifecycle

#endif  // ANTEROOM_TESTS_BENCH_MICRO_LENDING_H_
