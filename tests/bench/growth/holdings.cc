#include "tests/bench/growth/holdings.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <memory>
#include <random>
#include <string>
#include <utility>

#include "absl/strings/str_format.h"
#include "absl/time/time.h"
#include "server/coro/check.h"
#include "server/coro/clock.h"
#include "server/coro/random.h"
#include "server/coro/runtime.h"
#include "server/coro/sync_wait.h"
#include "server/coro/task.h"
#include "server/coro/task_group.h"
#include "server/coro/thread_pool.h"
#include "server/coro/thread_timers.h"
#include "server/kinds/hello/hello.h"
#include "server/lifecycle/anteroom.h"
#include "server/service/convert.h"
#include "tests/bench/growth/memory.h"
#include "tests/bench/messages.h"
#include "tests/bench/process.h"

namespace anteroom::bench {
namespace {

using lifecycle::Anteroom;
using lifecycle::Policy;

// What is made before the first that is counted: what all share is there by
// then.
constexpr std::int64_t kRunUp = 100;

// No receipt, and of all events the last: there are bounds to both.
constexpr Anteroom::Options kNothingKept = {
    .receipts = {.receipts_kept = absl::ZeroDuration(), .receipts_max = 0},
    .events_kept = 1};

// The lifecycle on the server's runtime, with a resource whose objects do
// nothing.
class House {
 public:
  explicit House(const Policy& policy,
                 const Anteroom::Options& options = kNothingKept)
      : anteroom_(runtime_, options) {
    kinds::HelloParameters plain;
    plain.style = kinds::HelloStyle::kPlain;
    ANTEROOM_CHECK(
        anteroom_
            .AddResource(kHeld, policy,
                         std::make_unique<kinds::Hello>(runtime_, plain))
            .ok());
  }

  coro::Runtime runtime() const { return runtime_; }
  Anteroom& anteroom() { return anteroom_; }

 private:
  const coro::SystemClock clock_;
  coro::SystemRandom random_;
  coro::ThreadPool executor_{1};
  coro::ThreadTimers timers_{executor_, clock_};
  const coro::Runtime runtime_{executor_, timers_, clock_, random_};
  Anteroom anteroom_;
};

// None expires while it is measured.
Policy PolicyOfDays() {
  Policy policy;
  policy.max_ttl = policy.default_ttl = absl::Hours(24);
  policy.max_waiters = lifecycle::kUnlimited;
  return policy;
}

// Processor time of `work`, for each of `count`.
template <typename Work>
double Nanoseconds(Work work, std::int64_t count) {
  const double before = ProcessorTime({getpid()});
  work();
  return (ProcessorTime({getpid()}) - before) * 1e9 /
         static_cast<double>(count);
}

// `begin` makes so many, which are held until `end`. Twice: memory that is
// touched for the first time is had from the kernel, which may take longer than
// all the rest. So the second time is measured, on a heap that is no longer in
// order either.
template <typename Begin, typename End>
Cost Measure(std::int64_t count, Begin begin, End end) {
  const auto each = static_cast<double>(count);
  const std::int64_t allocated = AllocatedBytes();
  const std::int64_t resident = ResidentBytes(getpid());
  begin();
  Cost cost;
  cost.bytes = static_cast<double>(AllocatedBytes() - allocated) / each;
  cost.resident =
      static_cast<double>(ResidentBytes(getpid()) - resident) / each;
  end();
  cost.begin_ns = Nanoseconds(begin, count);
  cost.end_ns = Nanoseconds(end, count);
  return cost;
}

// Who asks, and how the acquire of number i differs from the others.
using Naming = void (*)(v1::AcquireRequest& request, std::int64_t i);

void Plain(v1::AcquireRequest&, std::int64_t) {}

void Labelled(v1::AcquireRequest& request, std::int64_t i) {
  (*request.mutable_labels())["team"] = "search";
  (*request.mutable_labels())["run"] = "nightly-17";
  request.set_request_id(absl::StrFormat("nightly-17-worker-%09d", i));
}

void Keyed(v1::AcquireRequest& request, std::int64_t i) {
  request.set_key(absl::StrFormat("key-%09d", i));
}

coro::Task<absl::StatusOr<lifecycle::LeasePtr>> Acquire(
    Anteroom& anteroom, const v1::AcquireRequest& request) {
  auto asked = service::FromProto(request, service::LeaseBinding::kTtl);
  ANTEROOM_CHECK(asked.ok());
  return anteroom.Acquire(asked->resource, std::move(asked->options),
                          asked->max_wait, {}, coro::kNever);
}

// A lease's, kept where nothing is allocated for it.
using Id = std::array<char, 32>;

coro::Task<void> AcquireAll(Anteroom& anteroom, Naming naming,
                            std::vector<Id>& ids) {
  v1::AcquireRequest request = AcquireOf(kHeld);
  request.clear_ttl();
  std::int64_t number = 0;
  for (Id& id : ids) {
    naming(request, number++);
    auto acquire = Acquire(anteroom, request);
    const auto lease = co_await std::move(acquire);
    ANTEROOM_CHECK(lease.ok() && (*lease)->id().size() == id.size());
    std::copy_n((*lease)->id().begin(), id.size(), id.begin());
  }
}

coro::Task<void> Release(Anteroom& anteroom, std::string id) {
  auto release = anteroom.Release(std::move(id), {}, {}, coro::kNever);
  const auto receipt = co_await std::move(release);
  ANTEROOM_CHECK(receipt.ok());
}

// In no order that anything knows.
coro::Task<void> ReleaseAll(Anteroom& anteroom, std::vector<Id>& ids) {
  std::shuffle(ids.begin(), ids.end(), std::mt19937_64(1));
  for (const Id& id : ids) {
    coro::Task<void> release =
        Release(anteroom, std::string(id.data(), id.size()));
    co_await std::move(release);
  }
  (void)anteroom.Find("nobody's");  // receipts that are not kept are dropped
}

void RunUp(House& house, Naming naming) {
  std::vector<Id> ids(kRunUp);
  coro::SyncWait(AcquireAll(house.anteroom(), naming, ids));
  coro::SyncWait(ReleaseAll(house.anteroom(), ids));
}

Cost MeasureLeases(House& house, Naming naming, std::int64_t count) {
  RunUp(house, naming);
  std::vector<Id> ids(static_cast<std::size_t>(count));
  return Measure(
      count, [&] { coro::SyncWait(AcquireAll(house.anteroom(), naming, ids)); },
      [&] { coro::SyncWait(ReleaseAll(house.anteroom(), ids)); });
}

// Of one object, which stays.
Policy SharedPolicy() {
  Policy policy = PolicyOfDays();
  policy.max_holders = 0;
  policy.idle_timeout = absl::Hours(24);
  return policy;
}

Cost MeasurePlainLeases(std::int64_t count) {
  return MeasureLeases(*new House(SharedPolicy()), Plain, count);
}

Cost MeasureLabelledLeases(std::int64_t count) {
  return MeasureLeases(*new House(SharedPolicy()), Labelled, count);
}

// Begins with the acquire of each; what is left of it counts.
Cost MeasureReceipts(std::int64_t count) {
  Anteroom::Options options = kNothingKept;
  options.receipts = {absl::Hours(24), static_cast<std::size_t>(count)};
  House& house = *new House(SharedPolicy(), options);
  RunUp(house, Plain);
  std::vector<Id> ids(static_cast<std::size_t>(count));
  const auto hold_all = [&] {
    coro::SyncWait(AcquireAll(house.anteroom(), Plain, ids));
    coro::SyncWait(ReleaseAll(house.anteroom(), ids));
  };
  Cost cost = Measure(count, hold_all, [] {});
  cost.end_ns = 0;  // they are dropped by others' calls
  return cost;
}

coro::Task<void> AwaitTurn(Anteroom& anteroom, v1::AcquireRequest request) {
  auto acquire = Acquire(anteroom, request);
  const auto lease = co_await std::move(acquire);
  ANTEROOM_CHECK(lease.ok());
  coro::Task<void> release = Release(anteroom, (*lease)->id());
  co_await std::move(release);
}

Cost MeasureWaiters(std::int64_t count) {
  House& house = *new House(PolicyOfDays());
  std::vector<Id> holder(1);
  const v1::AcquireRequest request = AcquireOf(kHeld);
  std::unique_ptr<coro::TaskGroup> waiters;
  return Measure(
      count,
      [&] {
        coro::SyncWait(AcquireAll(house.anteroom(), Plain, holder));
        waiters = std::make_unique<coro::TaskGroup>(house.runtime());
        for (std::int64_t i = 0; i < count; ++i) {
          waiters->Spawn(AwaitTurn(house.anteroom(), request));
        }
      },
      [&] {
        coro::SyncWait(ReleaseAll(house.anteroom(), holder));
        coro::SyncWait(waiters->Join());
      });
}

Cost MeasureIdleInstances(std::int64_t count) {
  Policy policy = PolicyOfDays();
  policy.max_instances = policy.min_idle = static_cast<int>(count);
  std::unique_ptr<House> house;
  return Measure(
      count,
      [&] {
        house = std::make_unique<House>(policy);
        house->anteroom().Start();
      },
      [&] {
        coro::SyncWait(house->anteroom().Drain());
        house = nullptr;
      });
}

Cost MeasureHeldInstances(std::int64_t count) {
  Policy policy = PolicyOfDays();
  policy.max_instances = static_cast<int>(count);
  return MeasureLeases(*new House(policy), Plain, count);
}

Cost MeasureKeyedInstances(std::int64_t count) {
  Policy policy = PolicyOfDays();
  policy.max_instances = static_cast<int>(count);
  policy.keyed = true;
  return MeasureLeases(*new House(policy), Keyed, count);
}

}  // namespace

const std::vector<Holding>& AllHoldings() {
  constexpr std::int64_t kThousand = 1'000;
  constexpr std::int64_t kMillion = 1'000'000;
  static const std::vector<Holding> holdings = {
      {"lease", "a held unary lease, with a time to live", kThousand, kMillion,
       MeasurePlainLeases},
      {"labelled-lease", "the same, with two labels and a request_id",
       kThousand, kMillion, MeasureLabelledLeases},
      {"receipt",
       "what is kept of a lease that has ended; begins with its acquire and\n"
       "release",
       kThousand, 100'000, MeasureReceipts},
      {"waiter",
       "an acquire that waits for one object; its end is grant and\n"
       "release, one after the other",
       kThousand, kMillion, MeasureWaiters},
      // So few show already how fast it grows.
      {"idle-instance", "an object that is kept warm (min_idle)", 100, kMillion,
       MeasureIdleInstances},
      {"held-instance", "an object with its lease, all of one resource",
       kThousand, kMillion, MeasureHeldInstances},
      {"keyed-instance", "an object with its lease, each of its own key",
       kThousand, kMillion, MeasureKeyedInstances},
  };
  return holdings;
}

}  // namespace anteroom::bench
