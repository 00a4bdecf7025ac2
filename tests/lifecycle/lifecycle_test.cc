#include "tests/lifecycle/lifecycle_test.h"

#include "absl/strings/str_join.h"

namespace anteroom::lifecycle {

LifecycleTest::LifecycleTest()
    : anteroom_(
          std::make_unique<Anteroom>(world_.runtime(), Anteroom::Options{})),
      gate_(std::make_shared<coro::Event>(world_.runtime())),
      calls_(std::make_unique<coro::TaskGroup>(world_.runtime())),
      first_event_(anteroom_->events().next_sequence()) {
  anteroom_->Start();
}

LifecycleTest::~LifecycleTest() {
  OpenGate();
  if (!drained_) DrainAndCheck();
}

void LifecycleTest::Serve(Hooks hooks, Policy policy) {
  script_.hooks = hooks;
  if (hooks.enter && !script_.enter) script_.enter = EnterAwaitsInit;
  ASSERT_TRUE(
      anteroom_
          ->AddResource("r", policy,
                        std::make_unique<testing::ScriptedKind>(script_))
          .ok());
}

void LifecycleTest::InitWaitsForGate() {
  script_.init = [this](InitContext& context) {
    return WaitFor(gate_, context.stop());
  };
}

AcquireOutcome LifecycleTest::StartAcquire(AcquireOptions options,
                                           absl::Duration max_wait,
                                           std::stop_token stop) {
  return {*calls_, anteroom_->Acquire("r", std::move(options), max_wait,
                                      std::move(stop), coro::kNever)};
}

std::shared_ptr<Ticket> LifecycleTest::MakeTicket(AcquireOptions options) {
  return std::make_shared<Ticket>(
      world_.runtime(),
      pool().leases().Make(pool(), /*number=*/1, std::move(options)),
      ++last_arrival_);
}

LeasePtr LifecycleTest::Acquire(AcquireOptions options) {
  const AcquireOutcome outcome = StartAcquire(std::move(options));
  world_.RunUntilIdle();
  EXPECT_TRUE(outcome.done());
  EXPECT_TRUE(outcome.value().ok()) << outcome.value().status();
  return outcome.value().value_or(nullptr);
}

UseOutcome LifecycleTest::StartUse(const LeasePtr& lease, std::string method,
                                   std::stop_token stop) {
  return {*calls_, anteroom_->Use(lease->id(), methods_.emplace_back(method),
                                  argument_, 0, std::move(stop), coro::kNever)};
}

ReleaseOutcome LifecycleTest::StartRelease(const LeasePtr& lease,
                                           ExitCause cause) {
  return {*calls_,
          anteroom_->Release(lease->id(), std::move(cause), {}, coro::kNever)};
}

Receipt LifecycleTest::Release(const LeasePtr& lease, ExitCause cause) {
  const ReleaseOutcome outcome = StartRelease(lease, std::move(cause));
  world_.RunUntilIdle();
  EXPECT_TRUE(outcome.done());
  EXPECT_TRUE(outcome.value().ok()) << outcome.value().status();
  return outcome.value().value_or(Receipt());
}

std::string LifecycleTest::EventTrace() {
  if (anteroom_->events().next_sequence() == first_event_) return "";
  const auto events =
      world_.Run(anteroom_->events().Read(first_event_, 1'000'000, {}));
  std::vector<std::string> names;
  for (const Event& event : *events) names.push_back(PhaseName(event.phase));
  return absl::StrJoin(names, " ");
}

void LifecycleTest::DrainAndCheck() {
  drained_ = true;
  world_.RunAdvancing(anteroom_->Drain());
  world_.RunAdvancing(calls_->Join());
  for (const auto& name : {"r"}) {
    const auto pool = anteroom_->FindPool(name);
    if (!pool.ok()) continue;
    const Pool::Counts left = (*pool)->counts();
    EXPECT_EQ(left.instances, 0u);
    EXPECT_EQ(left.leases, 0u);
    EXPECT_EQ(left.waiting, 0u);
  }
  EXPECT_EQ(world_.timers().pending(), 0u) << "a timer is left";
  EXPECT_EQ(anteroom_->leases_watched(), 0u);
  EXPECT_EQ(script_.Count("construct"), script_.Count("destroy"));
  if (script_.hooks.close) {
    EXPECT_EQ(script_.Count("construct"), script_.Count("close"));
  }
}

std::string RecordingSink::Trace() const {
  std::vector<std::string> names;
  for (const Event& event : events) names.push_back(PhaseName(event.phase));
  return absl::StrJoin(names, " ");
}

std::string PhaseName(Phase phase) {
  static const char* const kNames[] = {
      "CONSTRUCTED", "WAITING", "ENTERING", "INITIALIZING", "PROGRESS",
      "READY",       "ENTERED", "USED",     "REVOKING",     "EXITING",
      "EXITED",      "CLOSING", "CLOSED",   "FAILED"};
  return kNames[static_cast<int>(phase)];
}

coro::Task<absl::Status> Return(absl::Status status) { co_return status; }

coro::Task<absl::StatusOr<Payload>> ReturnPayload(
    absl::StatusOr<Payload> payload) {
  co_return payload;
}

coro::Task<absl::StatusOr<ExitResult>> ReturnExit(
    absl::StatusOr<ExitResult> result) {
  co_return result;
}

coro::Task<absl::StatusOr<Payload>> EnterAwaitsInit(EnterContext& context) {
  coro::Task<absl::Status> init = context.Init();
  const absl::Status initialized = co_await std::move(init);
  if (!initialized.ok()) co_return initialized;
  co_return Payload{"text/plain", "entered"};
}

coro::Task<absl::Status> WaitFor(std::shared_ptr<coro::Event> gate,
                                 std::stop_token stop) {
  coro::Task<coro::Wake> wait = gate->Wait(std::move(stop));
  const coro::Wake wake = co_await std::move(wait);
  if (wake == coro::Wake::kSignalled) co_return absl::OkStatus();
  co_return absl::CancelledError("stopped at the gate");
}

coro::Task<absl::StatusOr<Payload>> UseWaitsFor(
    std::shared_ptr<coro::Event> gate, std::stop_token stop) {
  coro::Task<absl::Status> wait = WaitFor(std::move(gate), std::move(stop));
  const absl::Status waited = co_await std::move(wait);
  if (!waited.ok()) co_return waited;
  co_return Payload{"text/plain", "used"};
}

coro::Task<absl::StatusOr<ExitResult>> ExitWaitsFor(
    std::shared_ptr<coro::Event> gate) {
  coro::Task<absl::Status> wait = WaitFor(std::move(gate), {});
  (void)co_await std::move(wait);
  co_return ExitResult();
}

}  // namespace anteroom::lifecycle
