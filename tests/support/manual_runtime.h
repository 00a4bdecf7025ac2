// A world of the test's own: nothing runs, and no time passes, until asked.
//
// Thread safety: none; one thread owns the whole world.
#ifndef ANTEROOM_TESTS_SUPPORT_MANUAL_RUNTIME_H_
#define ANTEROOM_TESTS_SUPPORT_MANUAL_RUNTIME_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <random>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "server/coro/check.h"
#include "server/coro/clock.h"
#include "server/coro/executor.h"
#include "server/coro/random.h"
#include "server/coro/runtime.h"
#include "server/coro/task.h"
#include "server/coro/task_group.h"
#include "server/coro/timers.h"

namespace anteroom::testing {

// Runs posted work when told to: in the order posted, or, given a seed, in a
// random order that the seed alone decides.
class ManualExecutor : public coro::Executor {
 public:
  explicit ManualExecutor(std::optional<std::uint64_t> seed = std::nullopt);

  void Post(coro::Work work) override { queue_.push_back(std::move(work)); }
  // False if there was nothing to run.
  bool RunOne();
  // Returns how much was run.
  std::size_t RunUntilIdle();
  std::size_t pending() const { return queue_.size(); }

 private:
  std::deque<coro::Work> queue_;
  std::optional<std::mt19937_64> pick_;
};

// Stands still until moved.
class FakeClock : public coro::Clock {
 public:
  coro::Instant Now() const override { return now_; }
  absl::Time WallNow() const override { return wall_; }

  // Both clocks move on. `by` must not be negative.
  void Advance(absl::Duration by);
  // The wall clock alone is set, as an administrator would.
  void JumpWall(absl::Duration by) { wall_ += by; }

 private:
  coro::Instant now_{std::chrono::hours(1)};
  absl::Time wall_ = absl::FromUnixSeconds(1'700'000'000);
};

// Posts due work, in the order of (when, scheduled), when told to. A binary
// heap whose entries know their place, so that cancelling is cheap, too.
class FakeTimers : public coro::Timers {
 public:
  FakeTimers(coro::Executor& executor, const coro::Clock& clock)
      : executor_(executor), clock_(clock) {}

  Id Schedule(coro::Instant when, coro::Work work) override;
  bool Cancel(Id id) override;

  // Posts what is due by now.
  void PostDue();
  // kNever if nothing is pending.
  coro::Instant next_due() const;
  std::size_t pending() const { return heap_.size(); }

 private:
  struct Timer {
    coro::Instant when;
    std::uint64_t number = 0;  // of this use of the slot; grows
    std::size_t place = 0;     // in heap_
    coro::Work work;
  };
  using Slot = std::uint32_t;
  // An id is the slot + 1 in its low bits, the number above.
  static constexpr int kSlotBits = 20;

  bool Before(Slot a, Slot b) const;
  void Put(std::size_t place, Slot slot);
  void SiftUp(std::size_t place);
  void SiftDown(std::size_t place);
  coro::Work Take(Slot slot);

  coro::Executor& executor_;
  const coro::Clock& clock_;
  std::vector<Timer> slots_;
  std::vector<Slot> free_;
  std::vector<Slot> heap_;
  std::uint64_t last_number_ = 0;
};

// The same numbers for the same seed.
class SeededRandom : public coro::Random {
 public:
  explicit SeededRandom(std::uint64_t seed) : bits_(seed) {}
  std::uint64_t Next() override { return bits_(); }

 private:
  std::mt19937_64 bits_;
};

class ManualRuntime {
 public:
  explicit ManualRuntime(std::optional<std::uint64_t> seed = std::nullopt)
      : executor_(seed),
        timers_(executor_, clock_),
        random_(seed.value_or(1)) {}

  coro::Runtime runtime() { return {executor_, timers_, clock_, random_}; }
  ManualExecutor& executor() { return executor_; }
  FakeClock& clock() { return clock_; }
  FakeTimers& timers() { return timers_; }

  // Runs all that can run without time passing.
  void RunUntilIdle();
  // Moves time forward, timer by timer, running all that each sets going.
  void Advance(absl::Duration by);

  // Drives `task` to its end without time passing; aborts if it does not end.
  template <typename T>
  T Run(coro::Task<T> task) {
    return Drive(std::move(task), /*advances=*/false);
  }
  // The same, with time passing from timer to timer as needed.
  template <typename T>
  T RunAdvancing(coro::Task<T> task) {
    return Drive(std::move(task), /*advances=*/true);
  }

 private:
  template <typename T>
  static coro::Task<void> Store(coro::Task<T> task, std::optional<T>* result) {
    result->emplace(co_await std::move(task));
  }
  static coro::Task<void> Store(coro::Task<void> task,
                                std::optional<bool>* done) {
    co_await std::move(task);
    done->emplace(true);
  }

  template <typename T>
  T Drive(coro::Task<T> task, bool advances) {
    using Result = std::conditional_t<std::is_void_v<T>, bool, T>;
    std::optional<Result> result;
    coro::TaskGroup group(runtime());
    group.Spawn(Store(std::move(task), &result));
    RunUntilIdle();
    while (!result.has_value() && advances && timers_.pending() > 0) {
      Advance(coro::Between(clock_.Now(), timers_.next_due()));
    }
    ANTEROOM_CHECK(result.has_value() && "the task did not end");
    if constexpr (!std::is_void_v<T>) return *std::move(result);
  }

  ManualExecutor executor_;
  FakeClock clock_;
  FakeTimers timers_;
  SeededRandom random_;
};

}  // namespace anteroom::testing

#endif  // ANTEROOM_TESTS_SUPPORT_MANUAL_RUNTIME_H_
