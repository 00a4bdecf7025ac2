// A pool of eight objects under two hundred clients, some of which are killed.
//
// That the rules hold is seen twice: in the events, and by the objects
// themselves.
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <iostream>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gtest/gtest.h"
#include "server/coro/check.h"
#include "server/coro/sleep.h"
#include "server/coro/sync_wait.h"
#include "server/service/convert.h"
#include "tests/load/ledger.h"
#include "tests/load/load_test.h"
#include "tests/load/process.h"
#include "tests/service/service_test.h"

namespace anteroom::service {
namespace {

constexpr int kObjects = 8;
constexpr int kProcesses = 10;
constexpr int kClientsEach = 20;
// Entered leases between two kills, at most.
constexpr int kLeasesPerKill = 200;
constexpr std::size_t kEventBatch = 1000;

// What the objects saw of themselves.
struct Seen {
  std::atomic<int> live = 0;
  std::atomic<int> most_live = 0;
  std::atomic<int> closed_wrongly = 0;   // not once, or while held
  std::atomic<int> entered_wrongly = 0;  // while held, or before init was done
  std::atomic<int> exited_wrongly = 0;   // while not held
  std::atomic<int> constructed = 0;
  std::atomic<int> inits = 0;
  std::atomic<int> inits_failed = 0;
  std::atomic<int> entered = 0;
  std::atomic<int> exited = 0;
  std::array<std::atomic<int>, 16> reasons{};  // of exits
};

// Its objects take a little while for everything, and one init in five fails.
class FlakyKind : public lifecycle::Kind {
 public:
  FlakyKind(coro::Runtime runtime, bool has_enter, std::shared_ptr<Seen> seen)
      : runtime_(runtime), has_enter_(has_enter), seen_(std::move(seen)) {}

  lifecycle::Hooks hooks() const override {
    return {.init = true, .enter = has_enter_, .exit = true, .close = true};
  }
  std::unique_ptr<lifecycle::Object> Construct(
      const lifecycle::InstanceInfo&, lifecycle::InstanceContext&) override;

 private:
  class FlakyObject;

  // Up to `most`.
  coro::Task<void> Pause(absl::Duration most) {
    coro::Task<coro::Wake> sleep = coro::SleepUntil(
        runtime_, coro::After(runtime_.clock.Now(), most * Chance()));
    co_await std::move(sleep);
  }
  // 0 to 1.
  double Chance() {
    const std::scoped_lock lock(mu_);
    return std::uniform_real_distribution<>()(random_);
  }

  const coro::Runtime runtime_;
  const bool has_enter_;
  const std::shared_ptr<Seen> seen_;
  std::mutex mu_;
  std::mt19937 random_{20260915};  // guarded by mu_
};

class FlakyKind::FlakyObject : public lifecycle::Object {
 public:
  explicit FlakyObject(FlakyKind& kind) : kind_(kind), seen_(kind.seen_) {
    ++seen_->constructed;
    const int live = ++seen_->live;
    int most = seen_->most_live;
    while (live > most && !seen_->most_live.compare_exchange_weak(most, live)) {
    }
  }
  ~FlakyObject() override {
    if (closes_ != 1) ++seen_->closed_wrongly;
    --seen_->live;
  }

  coro::Task<absl::Status> Init(lifecycle::InitContext&) override {
    ++seen_->inits;
    coro::Task<void> pause = kind_.Pause(absl::Milliseconds(4));
    co_await std::move(pause);
    if (kind_.Chance() < 0.2) {
      ++seen_->inits_failed;
      co_return absl::UnavailableError("init fails by chance");
    }
    ready_ = true;
    co_return absl::OkStatus();
  }

  coro::Task<absl::StatusOr<lifecycle::Payload>> Enter(
      lifecycle::EnterContext& context) override {
    coro::Task<absl::Status> init = context.Init();
    const absl::Status initialized = co_await std::move(init);
    if (!initialized.ok()) co_return initialized;
    if (!ready_ || held_.exchange(true)) ++seen_->entered_wrongly;
    ++seen_->entered;
    co_return lifecycle::Payload();
  }

  coro::Task<absl::StatusOr<lifecycle::Payload>> Use(
      lifecycle::UseContext&, absl::string_view,
      lifecycle::PayloadView argument) override {
    if (!ready_) ++seen_->entered_wrongly;
    coro::Task<void> pause = kind_.Pause(absl::Milliseconds(2));
    co_await std::move(pause);
    co_return argument.Copy();
  }

  coro::Task<absl::StatusOr<lifecycle::ExitResult>> Exit(
      lifecycle::ExitContext& context) override {
    ++seen_->exited;
    ++seen_->reasons.at(static_cast<std::size_t>(context.cause().reason));
    coro::Task<void> pause = kind_.Pause(absl::Milliseconds(2));
    co_await std::move(pause);
    if (!held_.exchange(false) && kind_.has_enter_) ++seen_->exited_wrongly;
    lifecycle::ExitResult result;
    result.tainted = kind_.Chance() < 0.2;
    co_return result;
  }

  coro::Task<absl::Status> Close(lifecycle::CloseContext&) override {
    ++closes_;
    if (held_) ++seen_->closed_wrongly;
    coro::Task<void> pause = kind_.Pause(absl::Milliseconds(2));
    co_await std::move(pause);
    co_return absl::OkStatus();
  }

 private:
  FlakyKind& kind_;
  const std::shared_ptr<Seen> seen_;
  std::atomic<bool> ready_ = false;
  std::atomic<bool> held_ = false;
  std::atomic<int> closes_ = 0;
};

std::unique_ptr<lifecycle::Object> FlakyKind::Construct(
    const lifecycle::InstanceInfo&, lifecycle::InstanceContext&) {
  return std::make_unique<FlakyObject>(*this);
}

class PoolLoadTest : public ServiceTest,
                     public ::testing::WithParamInterface<bool> {
 protected:
  PoolLoadTest() : PoolLoadTest(std::make_shared<Seen>()) {}

  // A process with clients of its own.
  std::unique_ptr<Process> StartClients() {
    return std::make_unique<Process>(std::vector<std::string>{
        server_->addresses().front(), "flaky", "churn",
        absl::StrCat(kClientsEach), absl::StrCat(random_() >> 1)});
  }

  // Enters the next events into the ledger, as soon as there is one. From the
  // log itself: a watcher over the network is too slow for so many.
  absl::Status ReadEvents() {
    const auto batch = coro::SyncWait(
        built_.anteroom->events().Read(next_event_, kEventBatch, {}));
    if (!batch.ok()) return batch.status();
    for (const lifecycle::Event& event : *batch) {
      v1::LifecycleEvent entry;
      ToProto(event, &entry);
      ledger_.Enter(entry);
      next_event_ = event.sequence + 1;
    }
    return absl::OkStatus();
  }

  // Lets the clients come and go, and has some killed in the midst of it; then
  // drains under them.
  void Churn() {
    std::vector<std::unique_ptr<Process>> clients;
    for (int i = 0; i < kProcesses; ++i) clients.push_back(StartClients());
    std::size_t next_kill = 0;
    const absl::Time end = absl::Now() + SizesFromEnvironment().time;
    while (absl::Now() < end) {
      const absl::Status read = ReadEvents();
      ASSERT_TRUE(read.ok()) << read;
      if (ledger_.entered() < next_kill) continue;
      std::unique_ptr<Process>& victim = clients[random_() % clients.size()];
      victim->Kill();
      victim = StartClients();
      ++kills_;
      next_kill = ledger_.entered() + 1 + random_() % kLeasesPerKill;
    }
    Drain();
    for (const auto& process : clients) EXPECT_EQ(process->Join(), 0);
    absl::Status read;
    while (read.ok()) read = ReadEvents();
    EXPECT_THAT(read, Fails(absl::StatusCode::kUnavailable, Reason::kDraining));
    ledger_.Close();
  }

  const std::shared_ptr<Seen> seen_;
  Ledger ledger_{kObjects};
  std::uint64_t next_event_ = first_sequence_;
  std::mt19937 random_{20260916};
  int kills_ = 0;

 private:
  explicit PoolLoadTest(const std::shared_ptr<Seen>& seen)
      : ServiceTest(
            /*config_textproto=*/"",
            [&seen](coro::Runtime runtime, lifecycle::Anteroom& anteroom) {
              lifecycle::Policy policy;
              policy.max_instances = kObjects;
              policy.idle_timeout = absl::Milliseconds(2);
              ANTEROOM_CHECK(anteroom
                                 .AddResource("flaky", policy,
                                              std::make_unique<FlakyKind>(
                                                  runtime, GetParam(), seen))
                                 .ok());
            }),
        seen_(seen) {}
};

TEST_P(PoolLoadTest, EightObjectsAreNeverMoreAndNothingIsLeft) {
  Churn();
  const lifecycle::Pool::Counts left = pool("flaky").counts();
  EXPECT_EQ(left.instances, 0);
  EXPECT_EQ(left.leases, 0);
  EXPECT_EQ(left.waiting, 0);
  EXPECT_EQ(seen_->live, 0);
  EXPECT_EQ(seen_->closed_wrongly, 0);
  EXPECT_EQ(seen_->entered_wrongly, 0);
  EXPECT_EQ(seen_->exited_wrongly, 0);
  if (GetParam()) EXPECT_EQ(seen_->entered, seen_->exited);
  EXPECT_EQ(ledger_.entered(), seen_->exited);
  EXPECT_EQ(ledger_.constructed(), seen_->constructed);
  EXPECT_EQ(ledger_.inits_failed(), seen_->inits_failed);
  EXPECT_LE(seen_->inits, seen_->constructed);
  // It was a load worth the name.
  EXPECT_EQ(seen_->most_live, kObjects);
  EXPECT_EQ(ledger_.most_instances(), kObjects);
  EXPECT_GT(seen_->inits_failed, 0);
  EXPECT_GT(kills_, 1);
  const auto exits = [this](lifecycle::ExitReason reason) {
    return seen_->reasons.at(static_cast<std::size_t>(reason)).load();
  };
  const int released = exits(lifecycle::ExitReason::kReleased);
  const int disconnected = exits(lifecycle::ExitReason::kDisconnected);
  const int expired = exits(lifecycle::ExitReason::kTtlExpired);
  EXPECT_GT(released, 0);
  EXPECT_GT(disconnected, 0);
  EXPECT_GT(expired, 0);
  std::cout << kills_ << " processes killed, " << seen_->constructed
            << " objects, " << seen_->inits_failed << " inits failed, "
            << ledger_.entered() << " leases, of which " << released
            << " released, " << disconnected << " disconnected, " << expired
            << " expired\n";
}

INSTANTIATE_TEST_SUITE_P(Kinds, PoolLoadTest, ::testing::Bool(),
                         [](const auto& info) {
                           return std::string(info.param
                                                  ? "EnterAwaitsInit"
                                                  : "TheServerAwaitsInit");
                         });

}  // namespace
}  // namespace anteroom::service
