// Who leaves while an object is being initialised, and what becomes of the
// init.
#include "tests/lifecycle/lifecycle_test.h"

namespace anteroom::lifecycle {
namespace {

class AbandonTest : public LifecycleTest {};

coro::Task<absl::StatusOr<Payload>> EnterWorksThenAwaitsInit(
    EnterContext& context, std::shared_ptr<coro::Event> work) {
  coro::Task<absl::Status> wait = WaitFor(std::move(work), context.stop());
  (void)co_await std::move(wait);
  coro::Task<absl::Status> init = context.Init();
  const absl::Status initialized = co_await std::move(init);
  if (!initialized.ok()) co_return initialized;
  co_return Payload();
}

TEST_F(AbandonTest, ALeavingNeighbourDoesNotCancelTheInitOfWhoIsBoundToo) {
  Policy policy;
  policy.max_holders = 2;
  auto work = std::make_shared<coro::Event>(world_.runtime());
  int enters = 0;
  script_.enter = [&enters, work](EnterContext& context) {
    return ++enters == 1 ? EnterAwaitsInit(context)
                         : EnterWorksThenAwaitsInit(context, work);
  };
  InitWaitsForGate();
  Serve(kAllHooks, policy);
  std::stop_source caller;
  const AcquireOutcome leaves =
      StartAcquire({}, absl::InfiniteDuration(), caller.get_token());
  const AcquireOutcome stays = StartAcquire();
  world_.RunUntilIdle();
  caller.request_stop();  // the only one that awaits the init by now
  world_.RunUntilIdle();
  work->Set();
  OpenGate();
  world_.RunUntilIdle();
  ASSERT_TRUE(stays.done());
  EXPECT_TRUE(stays.value().ok()) << stays.value().status();
}

TEST_F(AbandonTest, TheInitOfAnObjectThatIsToBeClosedIsLetGo) {
  Policy policy;
  policy.enter_timeout = absl::Seconds(1);
  auto work = std::make_shared<coro::Event>(world_.runtime());
  script_.enter = [work](EnterContext& context) {
    return EnterWorksThenAwaitsInit(context, work);
  };
  InitWaitsForGate();
  Serve(kAllHooks, policy);
  const AcquireOutcome outcome = StartAcquire();
  world_.Advance(absl::Seconds(1));  // starts the init when its time is over
  ASSERT_TRUE(outcome.done());
  EXPECT_THAT(outcome.value().status(), FailsWith(Reason::kEnterTimedOut));
  EXPECT_EQ(pool().counts().instances, 0u) << "an init that nobody awaits";
}

TEST_F(AbandonTest, AnAbandonedInitThatIsKeptServesTheNextAlsoWithItsOwnEnter) {
  Policy policy;
  policy.abandon_init = AbandonInit::kKeep;
  policy.idle_timeout = absl::Minutes(1);
  InitWaitsForGate();
  Serve(kAllHooks, policy);
  std::stop_source caller;
  StartAcquire({}, absl::InfiniteDuration(), caller.get_token());
  world_.RunUntilIdle();
  caller.request_stop();
  OpenGate();
  world_.RunUntilIdle();
  Acquire();
  EXPECT_EQ(script_.Count("init"), 1);
}

TEST_F(AbandonTest, WhoLeavesASharedInitDoesNotRetireTheObjectForAllOthers) {
  Policy policy;
  policy.max_holders = 0;
  InitWaitsForGate();
  Serve(kAllHooks, policy);
  const AcquireOutcome stays = StartAcquire();
  std::stop_source caller;
  StartAcquire({}, absl::InfiniteDuration(), caller.get_token());
  world_.RunUntilIdle();
  caller.request_stop();
  world_.RunUntilIdle();
  OpenGate();
  world_.RunUntilIdle();
  ASSERT_TRUE(stays.value().ok());
  const AcquireOutcome newcomer = StartAcquire();
  world_.RunUntilIdle();
  EXPECT_TRUE(newcomer.done()) << "waits until the last holder has left";
}

TEST_F(AbandonTest, ALongQueueOnAnInitThatFailsAtOnceDoesNotOverflowTheStack) {
  Policy policy;
  policy.max_waiters = 1'000'000;
  bool fails = false;
  script_.init = [&fails](InitContext&) {
    return Return(fails ? absl::UnavailableError("x") : absl::OkStatus());
  };
  Serve(kInitOnly, policy);
  const LeasePtr holder = Acquire();
  fails = true;
  const char* n = std::getenv("N");
  for (int i = 0; i < (n ? std::atoi(n) : 50'000); ++i) StartAcquire();
  world_.RunUntilIdle();
  ExitCause tainted;
  tainted.tainted = true;  // so that the next waiter needs a new object
  Release(holder, tainted);
  EXPECT_EQ(pool().counts().waiting, 0u);
}

}  // namespace
}  // namespace anteroom::lifecycle
