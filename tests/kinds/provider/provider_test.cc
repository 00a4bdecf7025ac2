#include "tests/kinds/provider/provider_test.h"

#include <utility>

#include "absl/strings/str_join.h"
#include "server/coro/sync_wait.h"
#include "tests/lifecycle/lifecycle_test.h"

namespace anteroom::kinds {

using lifecycle::Event;
using lifecycle::Phase;

ProviderTest::ProviderTest()
    : anteroom_(std::make_unique<lifecycle::Anteroom>(
          runtime(), lifecycle::Anteroom::Options{})),
      first_event_(anteroom_->events().next_sequence()) {
  anteroom_->Start();
}

ProviderTest::~ProviderTest() {
  Drain();
  for (const lifecycle::Pool* const pool : anteroom_->pools()) {
    const lifecycle::Pool::Counts left = pool->counts();
    EXPECT_EQ(left.instances, 0) << pool->resource();
    EXPECT_EQ(left.leases, 0) << pool->resource();
    EXPECT_EQ(left.waiting, 0) << pool->resource();
  }
  executor_.Stop();
}

void ProviderTest::Drain() {
  if (!std::exchange(drained_, true)) coro::SyncWait(anteroom_->Drain());
}

FakeProvider& ProviderTest::Serve(ProviderScript script, const Policy& policy) {
  provider_ = std::make_unique<FakeProvider>(std::move(script));
  AddResource("thing", provider_->address(), policy);
  return *provider_;
}

void ProviderTest::AddResource(const std::string& name,
                               const std::string& address, const Policy& policy,
                               const std::string& kind, bool proxy) {
  ProviderParameters parameters;
  parameters.address = address;
  parameters.kind = kind;
  (*parameters.parameters.mutable_fields())["size"].set_number_value(7);
  parameters.proxy = proxy;
  parameters.watch = watch_;
  const absl::Status added = anteroom_->AddResource(
      name, policy,
      std::make_unique<Provider>(runtime(), std::move(parameters)));
  ASSERT_TRUE(added.ok()) << added;
}

absl::StatusOr<LeasePtr> ProviderTest::Acquire(const std::string& resource,
                                               std::stop_token stop) {
  lifecycle::AcquireOptions options;
  options.stream_bound = true;  // no time to live
  options.holder = "somebody";
  options.labels = {{"job", "7"}};
  options.argument = {lifecycle::kJson, "1"};
  return coro::SyncWait(anteroom_->Acquire(resource, std::move(options),
                                           absl::InfiniteDuration(),
                                           std::move(stop), coro::kNever));
}

std::future<absl::StatusOr<LeasePtr>> ProviderTest::StartAcquire(
    const std::string& resource, const std::stop_token& stop) {
  return std::async(std::launch::async,
                    [this, resource, stop] { return Acquire(resource, stop); });
}

absl::StatusOr<Payload> ProviderTest::Use(const LeasePtr& lease,
                                          const std::string& method,
                                          const std::string& data) {
  const Payload argument{lifecycle::kJson, data};
  return coro::SyncWait(
      anteroom_->Use(lease->id(), method, argument, 0, {}, coro::kNever));
}

std::future<absl::StatusOr<Payload>> ProviderTest::StartUse(
    const LeasePtr& lease, const std::string& method) {
  return std::async(std::launch::async,
                    [this, lease, method] { return Use(lease, method); });
}

absl::StatusOr<lifecycle::Receipt> ProviderTest::Release(
    const LeasePtr& lease, lifecycle::ExitCause cause) {
  return coro::SyncWait(
      anteroom_->Release(lease->id(), std::move(cause), {}, coro::kNever));
}

std::future<absl::StatusOr<lifecycle::Receipt>> ProviderTest::StartRelease(
    const LeasePtr& lease) {
  return std::async(std::launch::async,
                    [this, lease] { return Release(lease); });
}

std::vector<Event> ProviderTest::EventsUntil(Phase last, int count,
                                             const std::string& resource) {
  std::vector<Event> chosen;
  std::uint64_t next = first_event_;
  while (true) {
    const auto events =
        coro::SyncWait(anteroom_->events().Read(next, 1'000, {}));
    if (!events.ok()) {
      ADD_FAILURE() << events.status();
      return chosen;
    }
    for (const Event& event : *events) {
      next = event.sequence + 1;
      if (event.resource() != resource) continue;
      chosen.push_back(event);
      if (event.phase == last && --count == 0) return chosen;
    }
  }
}

std::string ProviderTest::PhasesUntil(Phase last, int count,
                                      const std::string& resource) {
  std::vector<std::string> names;
  for (const Event& event : EventsUntil(last, count, resource)) {
    names.push_back(lifecycle::PhaseName(event.phase));
  }
  return absl::StrJoin(names, " ");
}

Event ProviderTest::AwaitEvent(Phase phase, int count,
                               const std::string& resource) {
  return EventsUntil(phase, count, resource).back();
}

}  // namespace anteroom::kinds
