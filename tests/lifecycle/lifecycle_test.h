// What the tests of the lifecycle share: one resource "r" of a scripted kind in
// a world whose time stands still.
#ifndef ANTEROOM_TESTS_LIFECYCLE_LIFECYCLE_TEST_H_
#define ANTEROOM_TESTS_LIFECYCLE_LIFECYCLE_TEST_H_

#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/coro/event.h"
#include "server/coro/sleep.h"
#include "server/error/error.h"
#include "server/lifecycle/anteroom.h"
#include "tests/support/manual_runtime.h"
#include "tests/support/outcome.h"
#include "tests/support/scripted_kind.h"

namespace anteroom::lifecycle {

inline constexpr Hooks kNoHooks{};
inline constexpr Hooks kInitOnly{.init = true};
// Article 4: enter awaits the init.
inline constexpr Hooks kAllHooks{
    .init = true, .enter = true, .exit = true, .close = true};

using AcquireOutcome = testing::Outcome<absl::StatusOr<LeasePtr>>;
using UseOutcome = testing::Outcome<absl::StatusOr<Payload>>;
using ReleaseOutcome = testing::Outcome<absl::StatusOr<Receipt>>;

class LifecycleTest : public ::testing::Test {
 protected:
  LifecycleTest();
  ~LifecycleTest() override;

  // The resource "r"; to be called once, before all else.
  void Serve(Hooks hooks, Policy policy = {});

  // Begins an acquire; nothing is run.
  AcquireOutcome StartAcquire(
      AcquireOptions options = {},
      absl::Duration max_wait = absl::InfiniteDuration(),
      std::stop_token stop = {});
  // An acquire that must succeed without time passing.
  LeasePtr Acquire(AcquireOptions options = {});
  // One that queues nowhere yet, later than those before.
  std::shared_ptr<Ticket> MakeTicket(AcquireOptions options);
  UseOutcome StartUse(const LeasePtr& lease, std::string method,
                      std::stop_token stop = {});
  ReleaseOutcome StartRelease(const LeasePtr& lease, ExitCause cause = {});
  // A release that must succeed without time passing.
  Receipt Release(const LeasePtr& lease, ExitCause cause = {});
  Pool& pool() { return **anteroom_->FindPool("r"); }
  // All events so far, as "PHASE" names joined by spaces; those of one lease
  // (with what its instance went through for it) through a sink.
  std::string EventTrace();

  // Drains and checks that nothing is left (G8); the destructor does it if the
  // test has not.
  void DrainAndCheck();

  void OpenGate() { gate_->Set(); }
  // Init is done when the gate opens, or fails when it is stopped.
  void InitWaitsForGate();

  testing::ManualRuntime world_;
  testing::Script script_;
  std::unique_ptr<Anteroom> anteroom_;
  std::shared_ptr<coro::Event> gate_;
  std::unique_ptr<coro::TaskGroup> calls_;
  const Payload argument_{"text/plain", "argument"};
  std::deque<std::string> methods_;  // of the calls so far, which look at them

 private:
  std::uint64_t first_event_ = 0;
  std::uint64_t last_arrival_ = 0;
  bool drained_ = false;
};

// Collects the phases that a lease's stream would carry.
class RecordingSink : public EventSink {
 public:
  void OnEvent(const Event& event) override { events.push_back(event); }
  std::string Trace() const;
  std::vector<Event> events;
};

std::string PhaseName(Phase phase);

// `init` scripts and the like from a plain result.
coro::Task<absl::Status> Return(absl::Status status);
coro::Task<absl::StatusOr<Payload>> ReturnPayload(
    absl::StatusOr<Payload> payload);
coro::Task<absl::StatusOr<ExitResult>> ReturnExit(
    absl::StatusOr<ExitResult> result);
// Article 4's enter: `await self`.
coro::Task<absl::StatusOr<Payload>> EnterAwaitsInit(EnterContext& context);
// Waits for `gate`, or is stopped.
coro::Task<absl::Status> WaitFor(std::shared_ptr<coro::Event> gate,
                                 std::stop_token stop);
coro::Task<absl::StatusOr<Payload>> UseWaitsFor(
    std::shared_ptr<coro::Event> gate, std::stop_token stop);

// Whatever its context says.
coro::Task<absl::StatusOr<ExitResult>> ExitWaitsFor(
    std::shared_ptr<coro::Event> gate);

MATCHER_P(FailsWith, reason, std::string(ReasonName(reason))) {
  *result_listener << "which is " << arg.ToString();
  return HasReason(arg, reason);
}

}  // namespace anteroom::lifecycle

#endif  // ANTEROOM_TESTS_LIFECYCLE_LIFECYCLE_TEST_H_
