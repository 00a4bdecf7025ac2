// What is kept: events, leases by id, policies.
#include "server/lifecycle/event_log.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "server/lifecycle/lease_table.h"
#include "server/lifecycle/policy.h"
#include "tests/lifecycle/lifecycle_test.h"

namespace anteroom::lifecycle {
namespace {

using ReadOutcome = testing::Outcome<absl::StatusOr<std::vector<Event>>>;

class EventLogTest : public ::testing::Test {
 protected:
  void Append(std::string message) {
    Event event;
    event.details = MakeDetails({.message = std::move(message)});
    log_.Append(std::move(event), {});
  }
  ReadOutcome Read(std::uint64_t from, std::stop_token stop = {}) {
    return {calls_, log_.Read(from, 100, std::move(stop))};
  }

  testing::ManualRuntime world_;
  coro::TaskGroup calls_{world_.runtime()};
  EventLog log_{world_.runtime(), 3};
  const std::uint64_t first_ = log_.next_sequence();
};

TEST_F(EventLogTest, SequencesStartAtTheServersStartTimeAndGrowByOne) {
  EXPECT_EQ(first_, static_cast<std::uint64_t>(
                        absl::ToUnixMicros(world_.clock().WallNow())));
  Append("a");
  Append("b");
  const ReadOutcome read = Read(first_);
  ASSERT_EQ(read.value()->size(), 2u);
  EXPECT_EQ((*read.value())[0].sequence, first_);
  EXPECT_EQ((*read.value())[1].sequence, first_ + 1);
}

TEST_F(EventLogTest, ALongMessageIsCut) {
  Append(std::string(5000, 'x'));
  EXPECT_EQ((*Read(first_).value())[0].message(), std::string(1024, 'x'));
}

TEST_F(EventLogTest, AMessageIsUtf8WhateverItWasMadeOf) {
  Append("a\xff");
  Append(std::string(1023, 'x') + "\u044f");  // whose last byte is one too many
  const ReadOutcome read = Read(first_);
  EXPECT_EQ((*read.value())[0].message(), "a?");
  EXPECT_EQ((*read.value())[1].message(), std::string(1023, 'x'));
}

TEST_F(EventLogTest, AReaderWaitsForTheNextEvent) {
  const ReadOutcome read = Read(first_);
  world_.RunUntilIdle();
  EXPECT_FALSE(read.done());
  Append("a");
  world_.RunUntilIdle();
  EXPECT_EQ((*read.value())[0].message(), "a");
}

TEST_F(EventLogTest, AReaderThatFellBehindIsToldTheOldestThereIs) {
  for (const char* message : {"a", "b", "c", "d"}) Append(message);
  const ReadOutcome read = Read(first_);
  EXPECT_THAT(read.value().status(), FailsWith(Reason::kEventsLost));
  const auto metadata = DetailOf(read.value().status()).metadata;
  ASSERT_EQ(metadata.size(), 1u);
  EXPECT_EQ(metadata[0].first, "oldest_sequence");
  EXPECT_EQ(metadata[0].second, std::to_string(first_ + 1));
  EXPECT_EQ(Read(first_ + 1).value()->size(), 3u);
}

TEST_F(EventLogTest, ASequenceThatNeverWasIsLost) {
  EXPECT_THAT(Read(first_ + 1).value().status(),
              FailsWith(Reason::kEventsLost));
}

TEST_F(EventLogTest, AStoppedReaderLeaves) {
  std::stop_source stop;
  const ReadOutcome read = Read(first_, stop.get_token());
  stop.request_stop();
  world_.RunUntilIdle();
  EXPECT_TRUE(absl::IsCancelled(read.value().status()));
}

TEST_F(EventLogTest, AClosedLogGivesWhatItHasThenDraining) {
  Append("a");
  const ReadOutcome waiting = Read(first_ + 1);
  log_.Close();
  world_.RunUntilIdle();
  EXPECT_THAT(waiting.value().status(), FailsWith(Reason::kDraining));
  EXPECT_EQ(Read(first_).value()->size(), 1u);
}

class KeptTest : public LifecycleTest {};

TEST_F(KeptTest, UsedIsRecordedOnlyWhileSomebodyWatches) {
  Serve(kNoHooks);
  const LeasePtr lease = Acquire();
  StartUse(lease, "unseen");
  EXPECT_EQ(EventTrace(), "CONSTRUCTED ENTERED");
  const EventLog::Watch watch(anteroom_->events());
  StartUse(lease, "seen");
  EXPECT_EQ(EventTrace(), "CONSTRUCTED ENTERED USED");
}

TEST_F(KeptTest, AReceiptIsKeptForItsTimeThenTheLeaseIsNotFound) {
  Serve(kNoHooks);
  const LeasePtr lease = Acquire();
  Release(lease);
  world_.Advance(absl::Minutes(10) - absl::Seconds(1));
  EXPECT_TRUE(anteroom_->Find(lease->id()).ok());
  world_.Advance(absl::Seconds(1));
  EXPECT_THAT(anteroom_->Find(lease->id()).status(),
              FailsWith(Reason::kLeaseNotFound));
  EXPECT_EQ(anteroom_->leases_known(), 0u);
}

TEST_F(KeptTest, ALeasesDateStaysThoughTheWallClockIsSet) {
  Serve(kNoHooks);
  world_.clock().Advance(absl::Milliseconds(1'239));
  const absl::Time asked = world_.clock().WallNow();
  const LeasePtr lease = Acquire();
  const absl::Time shown = lease->View().create_time;
  EXPECT_LE(shown, asked);
  EXPECT_GT(shown, asked - absl::Milliseconds(10));
  // As that of a machine without a clock of its own.
  const absl::Duration since_1970 = asked - absl::UnixEpoch();
  world_.clock().JumpWall(-since_1970);
  EXPECT_EQ(lease->View().create_time, shown);
  EXPECT_EQ(world_.clock().WallNow(), absl::UnixEpoch());
}

// It is looked at on the wheel's levels, and its times are kept in
// microseconds.
TEST_F(KeptTest, ALeaseIsHeldForItsTimeWhateverTheClocksNanoseconds) {
  Serve(kNoHooks);
  for (const absl::Duration odd :
       {absl::ZeroDuration(), absl::Nanoseconds(1), absl::Nanoseconds(998)}) {
    for (const absl::Duration ttl :
         {absl::Microseconds(1), absl::Milliseconds(7), absl::Seconds(30)}) {
      world_.Advance(odd);
      AcquireOptions options;
      options.ttl = ttl;
      const LeasePtr lease = Acquire(options);
      world_.Advance(ttl - absl::Nanoseconds(1));
      EXPECT_EQ(lease->state(), LeaseState::kHeld) << ttl << " after " << odd;
      world_.Advance(absl::Microseconds(1));
      EXPECT_EQ(lease->state(), LeaseState::kEnded) << ttl << " after " << odd;
      EXPECT_GE(lease->receipt().held, ttl);
    }
  }
}

TEST_F(KeptTest, ARequestIdIsForgottenWithItsReceipt) {
  Serve(kNoHooks);
  AcquireOptions options;
  options.request = "0123456789abcdef";
  Release(Acquire(options));
  world_.Advance(absl::Minutes(10));
  EXPECT_EQ(Acquire(options)->state(), LeaseState::kHeld);
}

TEST_F(KeptTest, AnIdThatNeverWasIsNotFound) {
  Serve(kNoHooks);
  for (const char* garbage :
       {"x", "00000000000000000000000000000000", "\xff"}) {
    EXPECT_THAT(anteroom_->Find(garbage).status(),
                FailsWith(Reason::kLeaseNotFound));
  }
}

// Lends one object after another, and keeps so many receipts.
struct House {
  explicit House(std::size_t receipts_max)
      : anteroom(world.runtime(),
                 {.receipts = {.receipts_max = receipts_max}}) {
    EXPECT_TRUE(
        anteroom
            .AddResource("r", {},
                         std::make_unique<testing::ScriptedKind>(script))
            .ok());
  }
  ~House() { world.Run(anteroom.Drain()); }

  LeasePtr Acquire() {
    return *world.Run(
        anteroom.Acquire("r", {}, absl::InfiniteDuration(), {}, coro::kNever));
  }
  void Release(const std::string& id) {
    (void)world.Run(anteroom.Release(id, {}, {}, coro::kNever));
  }

  testing::ManualRuntime world;
  testing::Script script;
  Anteroom anteroom;
};

TEST(LeaseTableTest, TheOldestReceiptsGoFirst) {
  House house(/*receipts_max=*/2);
  std::vector<std::string> ids;
  for (int i = 0; i < 3; ++i) {
    const LeasePtr lease = house.Acquire();
    ids.push_back(lease->id());
    house.Release(ids.back());
  }
  EXPECT_FALSE(house.anteroom.Find(ids[0]).ok());
  EXPECT_TRUE(house.anteroom.Find(ids[1]).ok());
  EXPECT_TRUE(house.anteroom.Find(ids[2]).ok());
}

TEST(LeaseTableTest, ALeaseIsNotTakenForOneThatHadItsPlaceBefore) {
  House house(/*receipts_max=*/0);
  std::set<std::string> ids;
  std::set<std::uint32_t> places;
  constexpr std::size_t kLeases = 100;
  for (std::size_t i = 0; i < kLeases; ++i) {
    const LeasePtr lease = house.Acquire();
    const std::string id = lease->id();
    for (const std::string& other : ids)
      EXPECT_FALSE(house.anteroom.Find(other).ok());
    EXPECT_EQ(*house.anteroom.Find(id), lease);
    ids.insert(id);
    places.insert(lease->place());
    house.Release(id);
  }
  EXPECT_EQ(ids.size(), kLeases);
  EXPECT_LT(places.size(), kLeases) << "no place was taken again";
}

TEST(LeaseTableTest, ALeaseIsFoundByItsWholeIdAlone) {
  House house(/*receipts_max=*/10);
  const LeasePtr lease = house.Acquire();
  const std::string id = lease->id();
  EXPECT_TRUE(house.anteroom.Find(id).ok());
  for (std::size_t i = 0; i < id.size(); ++i) {
    std::string other = id;
    other[i] = other[i] == '0' ? '1' : '0';
    EXPECT_FALSE(house.anteroom.Find(other).ok()) << other;
  }
  house.Release(id);
}

TEST(PolicyTest, TheDefaultsAreValid) { EXPECT_TRUE(Validate(Policy()).ok()); }

TEST(PolicyTest, AContradictionIsRefusedWithItsField) {
  const struct {
    void (*spoil)(Policy&);
    const char* field;
  } contradictions[] = {
      {[](Policy& p) { p.max_instances = 0; }, "policy.max_instances"},
      {[](Policy& p) { p.max_holders = -1; }, "policy.max_holders"},
      {[](Policy& p) { p.max_waiters = -1; }, "policy.max_waiters"},
      {[](Policy& p) { p.idle_timeout = absl::Seconds(-1); },
       "policy.idle_timeout"},
      {[](Policy& p) { p.init_timeout = absl::ZeroDuration(); },
       "policy.init_timeout"},
      {[](Policy& p) { p.default_ttl = absl::Hours(1); }, "policy.default_ttl"},
  };
  for (const auto& contradiction : contradictions) {
    Policy policy;
    contradiction.spoil(policy);
    const ErrorDetail detail = DetailOf(Validate(policy));
    ASSERT_EQ(detail.field_violations.size(), 1u) << contradiction.field;
    EXPECT_EQ(detail.field_violations[0].first, contradiction.field);
  }
}

TEST(AnteroomTest, NamesAreUniqueAndNotEmpty) {
  testing::ManualRuntime world;
  testing::Script script;
  Anteroom anteroom(world.runtime(), {});
  const auto add = [&](const char* name) {
    return anteroom.AddResource(
        name, {}, std::make_unique<testing::ScriptedKind>(script));
  };
  EXPECT_THAT(add(""), FailsWith(Reason::kInvalidRequest));
  EXPECT_TRUE(add("r").ok());
  EXPECT_THAT(add("r"), FailsWith(Reason::kResourceExists));
  EXPECT_THAT(world
                  .Run(anteroom.Acquire("s", {}, absl::InfiniteDuration(), {},
                                        coro::kNever))
                  .status(),
              FailsWith(Reason::kResourceNotFound));
  world.Run(anteroom.Drain());
}

}  // namespace
}  // namespace anteroom::lifecycle
