#include "server/coro/single_flight.h"

#include <memory>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "tests/support/manual_runtime.h"
#include "tests/support/outcome.h"

namespace anteroom::coro {
namespace {

using testing::Outcome;
using Result = absl::StatusOr<int>;

struct Attempts {
  int begun = 0;
  int running = 0;
  int most_at_once = 0;
  int stopped = 0;
};

// Waits for `gate`; a stop is noticed unless `ignores_stop`.
Task<Result> Attempt(Attempts& attempts, std::shared_ptr<Event> gate,
                     std::stop_token stop, bool ignores_stop, Result result) {
  ++attempts.begun;
  attempts.most_at_once = std::max(attempts.most_at_once, ++attempts.running);
  Task<Wake> wait = gate->Wait(ignores_stop ? std::stop_token() : stop);
  const Wake wake = co_await std::move(wait);
  --attempts.running;
  if (wake == Wake::kCancelled) {
    ++attempts.stopped;
    co_return absl::CancelledError("stopped");
  }
  co_return result;
}

class SingleFlightTest : public ::testing::Test {
 protected:
  SingleFlight<int>& Make(OnAbandon on_abandon, bool ignores_stop = false) {
    flight_ = std::make_unique<SingleFlight<int>>(
        world_.runtime(), group_, on_abandon,
        [this, ignores_stop](std::stop_token stop) {
          return Attempt(attempts_, gate_, std::move(stop), ignores_stop,
                         result_);
        });
    return *flight_;
  }
  Outcome<Result> Get(std::stop_token stop = {}, Instant deadline = kNever) {
    return {callers_, flight_->Get(std::move(stop), deadline)};
  }
  void OpenGate() {
    gate_->Set();
    world_.RunUntilIdle();
  }

  testing::ManualRuntime world_;
  TaskGroup group_{world_.runtime()};
  TaskGroup callers_{world_.runtime()};
  std::shared_ptr<Event> gate_ = std::make_shared<Event>(world_.runtime());
  Attempts attempts_;
  Result result_ = 42;
  std::unique_ptr<SingleFlight<int>> flight_;
};

TEST_F(SingleFlightTest, ConcurrentGettersShareOneAttempt) {
  Make(OnAbandon::kCancel);
  std::vector<Outcome<Result>> gets;
  for (int i = 0; i < 1000; ++i) gets.push_back(Get());
  world_.RunUntilIdle();
  EXPECT_EQ(attempts_.begun, 1);
  OpenGate();
  for (const auto& get : gets) EXPECT_EQ(*get.value(), 42);
  EXPECT_EQ(attempts_.begun, 1);
}

TEST_F(SingleFlightTest, ASuccessAnswersLaterGettersInline) {
  Make(OnAbandon::kCancel);
  Get();
  OpenGate();
  EXPECT_EQ(*Get().value(), 42);
  EXPECT_EQ(attempts_.begun, 1);
}

TEST_F(SingleFlightTest, AFailureGoesToItsWaitersAndIsForgotten) {
  result_ = absl::UnavailableError("no");
  Make(OnAbandon::kCancel);
  const Outcome<Result> first = Get();
  const Outcome<Result> second = Get();
  OpenGate();
  EXPECT_EQ(first.value().status().message(), "no");
  EXPECT_EQ(second.value().status().message(), "no");
  result_ = 7;
  EXPECT_EQ(*Get().value(), 7);
  EXPECT_EQ(attempts_.begun, 2);
}

TEST_F(SingleFlightTest, OneThatLeavesDoesNotStopTheOthersAttempt) {
  Make(OnAbandon::kCancel);
  std::stop_source stop;
  const Outcome<Result> leaves = Get(stop.get_token());
  const Outcome<Result> stays = Get();
  stop.request_stop();
  world_.RunUntilIdle();
  EXPECT_TRUE(absl::IsCancelled(leaves.value().status()));
  EXPECT_EQ(attempts_.stopped, 0);
  OpenGate();
  EXPECT_EQ(*stays.value(), 42);
}

TEST_F(SingleFlightTest, TheLastThatLeavesCancelsTheAttempt) {
  Make(OnAbandon::kCancel);
  std::stop_source stop;
  Get(stop.get_token());
  stop.request_stop();
  world_.RunUntilIdle();
  EXPECT_EQ(attempts_.stopped, 1);
}

TEST_F(SingleFlightTest, ADeadlineIsALeave) {
  Make(OnAbandon::kCancel);
  const Outcome<Result> get =
      Get({}, After(world_.clock().Now(), absl::Seconds(1)));
  world_.Advance(absl::Seconds(1));
  EXPECT_TRUE(absl::IsDeadlineExceeded(get.value().status()));
  EXPECT_EQ(attempts_.stopped, 1);
}

TEST_F(SingleFlightTest, AKeptAttemptGoesOnForThoseWhoComeLater) {
  Make(OnAbandon::kKeep);
  std::stop_source stop;
  Get(stop.get_token());
  stop.request_stop();
  world_.RunUntilIdle();
  EXPECT_EQ(attempts_.stopped, 0);
  const Outcome<Result> later = Get();
  OpenGate();
  EXPECT_EQ(*later.value(), 42);
  EXPECT_EQ(attempts_.begun, 1);
}

TEST_F(SingleFlightTest, ANewGetterWaitsForACancelledAttemptToEnd) {
  Make(OnAbandon::kCancel, /*ignores_stop=*/true);
  result_ = absl::UnavailableError("no");
  std::stop_source stop;
  Get(stop.get_token());
  stop.request_stop();
  world_.RunUntilIdle();
  const Outcome<Result> later = Get();
  world_.RunUntilIdle();
  EXPECT_EQ(attempts_.begun, 1);
  OpenGate();
  EXPECT_EQ(attempts_.begun, 2);
  EXPECT_EQ(attempts_.most_at_once, 1);
  EXPECT_TRUE(later.done());
}

TEST_F(SingleFlightTest, AnAbandonedAttemptThatSucceedsIsKept) {
  Make(OnAbandon::kCancel, /*ignores_stop=*/true);
  std::stop_source stop;
  Get(stop.get_token());
  stop.request_stop();
  world_.RunUntilIdle();
  const Outcome<Result> later = Get();
  OpenGate();
  EXPECT_EQ(*later.value(), 42);
  EXPECT_EQ(attempts_.begun, 1);
}

TEST_F(SingleFlightTest, AClosedGroupIsUnavailable) {
  Make(OnAbandon::kCancel);
  group_.Close();
  EXPECT_TRUE(absl::IsUnavailable(Get().value().status()));
}

TEST_F(SingleFlightTest, MayDieWhileAnAttemptRuns) {
  Make(OnAbandon::kCancel);
  const Outcome<Result> get = Get();
  flight_.reset();
  OpenGate();
  EXPECT_EQ(*get.value(), 42);
}

}  // namespace
}  // namespace anteroom::coro
