#include "server/coro/event.h"

#include <vector>

#include "gtest/gtest.h"
#include "server/coro/task_group.h"
#include "tests/support/manual_runtime.h"
#include "tests/support/outcome.h"

namespace anteroom::coro {
namespace {

using testing::Outcome;

class EventTest : public ::testing::Test {
 protected:
  Outcome<Wake> Start(std::stop_token stop = {}, Instant deadline = kNever) {
    return {group_, event_.Wait(std::move(stop), deadline)};
  }
  testing::ManualRuntime world_;
  TaskGroup group_{world_.runtime()};
  Event event_{world_.runtime()};
};

TEST_F(EventTest, SetWakesEveryWaiterOnce) {
  std::vector<Outcome<Wake>> waits;
  for (int i = 0; i < 10; ++i) waits.push_back(Start());
  event_.Set();
  event_.Set();
  world_.RunUntilIdle();
  for (const auto& wait : waits) EXPECT_EQ(wait.value(), Wake::kSignalled);
}

TEST_F(EventTest, ResumeResumesEveryWaiterInPlace) {
  std::vector<Outcome<Wake>> waits;
  for (int i = 0; i < 10; ++i) waits.push_back(Start());
  event_.Resume();
  for (const auto& wait : waits) {
    ASSERT_TRUE(wait.done());
    EXPECT_EQ(wait.value(), Wake::kSignalled);
  }
  event_.Resume();
  EXPECT_TRUE(event_.is_set());
}

TEST_F(EventTest, AWaitForASetEventEndsInline) {
  event_.Set();
  EXPECT_EQ(Start().value(), Wake::kSignalled);
}

TEST_F(EventTest, OneThatGivesUpLeavesTheOthersWaiting) {
  std::stop_source stop;
  const Outcome<Wake> stopped = Start(stop.get_token());
  const Outcome<Wake> timed =
      Start({}, After(world_.clock().Now(), absl::Seconds(1)));
  const Outcome<Wake> patient = Start();
  stop.request_stop();
  world_.Advance(absl::Seconds(1));
  EXPECT_EQ(stopped.value(), Wake::kCancelled);
  EXPECT_EQ(timed.value(), Wake::kTimedOut);
  EXPECT_FALSE(patient.done());
  event_.Set();
  world_.RunUntilIdle();
  EXPECT_EQ(patient.value(), Wake::kSignalled);
}

TEST_F(EventTest, SetAndStopAtOnceIsOneOfTheTwo) {
  std::stop_source stop;
  const Outcome<Wake> wait = Start(stop.get_token());
  stop.request_stop();
  event_.Set();
  world_.RunUntilIdle();
  EXPECT_EQ(wait.value(), Wake::kCancelled);
}

}  // namespace
}  // namespace anteroom::coro
