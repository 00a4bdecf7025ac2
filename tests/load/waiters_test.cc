// Thousands of acquires that wait for one exclusive object, over the network.
//
// In which order they arrived at the server is known in two ways: the first
// test sends each only after it has seen the one before wait; the others send
// all at once and take the order of the events WAITING, which are recorded as
// the queue is joined.
#include <algorithm>
#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/rpc/status.h"
#include "tests/load/load_test.h"
#include "tests/service/service_test.h"

namespace anteroom::service {
namespace {

constexpr char kConfig[] = R"pb(
  resources {
    name: "one"
    policy { max_waiters: 20000 }
    hello {}
  }
)pb";

constexpr std::size_t kConnections = 4;
// Of a lease whose holder gave up just as it was granted: nobody releases it.
constexpr int kLostTtlSeconds = 1;

using Event = v1::LifecycleEvent;

// Acquires of "one", each of which releases what it gets at once.
class Crowd {
 public:
  Crowd(const std::string& address, int count) : waiters_(count) {
    for (std::size_t i = 0; i < kConnections; ++i) {
      stubs_.push_back(v1::ResourceService::NewStub(NewChannel(address)));
    }
  }

  std::size_t size() const { return waiters_.size(); }

  void Send(std::size_t index, int ttl_seconds = 0) {
    Waiter& waiter = waiters_[index];
    waiter.acquire.set_resource("one");
    if (ttl_seconds > 0) waiter.acquire.mutable_ttl()->set_seconds(ttl_seconds);
    StubOf(index).async()->Acquire(
        &waiter.acquiring, &waiter.acquire, &waiter.acquired,
        [this, index](const grpc::Status& status) { Acquired(index, status); });
  }

  void Cancel(std::size_t index) { waiters_[index].acquiring.TryCancel(); }

  // Waits until each has been answered, and has released what it got.
  void Join() {
    std::unique_lock lock(mu_);
    over_.wait(lock, [this] { return done_ == waiters_.size(); });
  }

  // After Join(): what each acquire came to.
  absl::Status status(std::size_t index) const {
    return waiters_[index].status;
  }
  const v1::Lease& lease(std::size_t index) const {
    return waiters_[index].acquired.lease();
  }
  absl::Status release_status(std::size_t index) const {
    return waiters_[index].release_status;
  }

 private:
  struct Waiter {
    grpc::ClientContext acquiring;
    v1::AcquireRequest acquire;
    v1::AcquireResponse acquired;
    absl::Status status;
    grpc::ClientContext releasing;
    v1::ReleaseRequest release;
    v1::ReleaseResponse released;
    absl::Status release_status;
  };

  v1::ResourceService::Stub& StubOf(std::size_t index) {
    return *stubs_[index % stubs_.size()];
  }

  void Acquired(std::size_t index, const grpc::Status& status) {
    Waiter& waiter = waiters_[index];
    waiter.status = rpc::FromGrpcStatus(status);
    if (!status.ok()) return Done();
    waiter.release.set_lease_id(waiter.acquired.lease().lease_id());
    StubOf(index).async()->Release(
        &waiter.releasing, &waiter.release, &waiter.released,
        [this, &waiter](const grpc::Status& released) {
          waiter.release_status = rpc::FromGrpcStatus(released);
          Done();
        });
  }

  void Done() {
    const std::scoped_lock lock(mu_);
    ++done_;
    over_.notify_one();
  }

  std::vector<std::unique_ptr<v1::ResourceService::Stub>> stubs_;
  std::vector<Waiter> waiters_;
  std::mutex mu_;
  std::condition_variable over_;
  std::size_t done_ = 0;  // guarded by mu_
};

class WaitersTest : public ServiceTest {
 protected:
  WaitersTest()
      : ServiceTest(kConfig), events_(server_->addresses().front(), "one") {}

  // The object is taken, so that whoever comes waits.
  v1::Lease Take() {
    const auto holder = Acquire("one");
    EXPECT_TRUE(holder.ok()) << holder.status();
    events_.Await(Event::PHASE_ENTERED);
    return *holder;
  }

  // Reads on until the object is closed, which is after the last exit.
  void AwaitQuiet() { events_.Await(Event::PHASE_CLOSED); }

  // The leases in the order in which they joined the queue: a waiter is told
  // its place again when that has changed.
  std::vector<std::string> Arrivals() {
    std::vector<std::string> arrivals;
    std::unordered_set<std::string> known;
    for (auto& name : events_.LeaseNames(Event::PHASE_WAITING)) {
      if (known.insert(name).second) arrivals.push_back(std::move(name));
    }
    return arrivals;
  }

  void ExpectNothingIsLeft() {
    const lifecycle::Pool::Counts left = pool("one").counts();
    EXPECT_EQ(left.waiting, 0);
    EXPECT_EQ(left.leases, 0);
    EXPECT_EQ(left.instances, 0);
  }

  const std::string& address() const { return server_->addresses().front(); }

  const LoadSizes sizes_ = SizesFromEnvironment();
  EventReader events_;
};

TEST_F(WaitersTest, AreServedInTheOrderInWhichTheyWereSentOneByOne) {
  const v1::Lease holder = Take();
  Crowd crowd(address(), sizes_.waiters);
  for (std::size_t i = 0; i < crowd.size(); ++i) {
    crowd.Send(i);
    const Event waiting = events_.Await(Event::PHASE_WAITING);
    ASSERT_EQ(waiting.queue_position(), i + 1);
  }
  EXPECT_EQ(pool("one").counts().waiting, crowd.size());
  ASSERT_TRUE(Release(holder.lease_id()).ok());
  crowd.Join();
  AwaitQuiet();
  ExpectNothingIsLeft();

  std::vector<std::string> sent = {holder.name()};
  std::uint64_t last_token = holder.fencing_token();
  for (std::size_t i = 0; i < crowd.size(); ++i) {
    ASSERT_TRUE(crowd.status(i).ok()) << crowd.status(i);
    EXPECT_TRUE(crowd.release_status(i).ok()) << crowd.release_status(i);
    EXPECT_GT(crowd.lease(i).fencing_token(), last_token);
    last_token = crowd.lease(i).fencing_token();
    sent.push_back(crowd.lease(i).name());
  }
  EXPECT_TRUE(events_.LeaseNames(Event::PHASE_ENTERED) == sent);
  EXPECT_TRUE(events_.LeaseNames(Event::PHASE_EXITED) == sent);
  EXPECT_EQ(events_.Count(Event::PHASE_CONSTRUCTED), 1);
}

TEST_F(WaitersTest, ThatCameAllAtOnceAreServedInTheOrderOfTheirArrival) {
  const v1::Lease holder = Take();
  Crowd crowd(address(), sizes_.waiters);
  for (std::size_t i = 0; i < crowd.size(); ++i) crowd.Send(i);
  for (std::size_t i = 0; i < crowd.size(); ++i) {
    ASSERT_EQ(events_.Await(Event::PHASE_WAITING).queue_position(), i + 1);
  }
  ASSERT_TRUE(Release(holder.lease_id()).ok());
  crowd.Join();
  AwaitQuiet();
  ExpectNothingIsLeft();

  std::vector<std::string> arrived = {holder.name()};
  for (auto& name : Arrivals()) arrived.push_back(std::move(name));
  EXPECT_TRUE(events_.LeaseNames(Event::PHASE_ENTERED) == arrived);
}

// Half of them leave: half of those before the first is served, the others
// while the queue moves, which some of them leave just as their turn comes.
TEST_F(WaitersTest, ThatLeaveAtRandomCostNobodyATurn) {
  const v1::Lease holder = Take();
  Crowd crowd(address(), sizes_.waiters);
  for (std::size_t i = 0; i < crowd.size(); ++i) {
    crowd.Send(i, kLostTtlSeconds);
  }
  for (std::size_t i = 0; i < crowd.size(); ++i) {
    events_.Await(Event::PHASE_WAITING);
  }

  std::mt19937 random(20260915);
  std::vector<std::size_t> leaving(crowd.size());
  for (std::size_t i = 0; i < leaving.size(); ++i) leaving[i] = i;
  std::shuffle(leaving.begin(), leaving.end(), random);
  leaving.resize(crowd.size() / 2);
  const std::size_t early = leaving.size() / 2;
  for (std::size_t i = 0; i < early; ++i) crowd.Cancel(leaving[i]);
  for (std::size_t i = 0; i < early; ++i) {
    EXPECT_EQ(events_.Await(Event::PHASE_FAILED).status().code(),
              static_cast<int>(absl::StatusCode::kCancelled));
  }
  EXPECT_EQ(pool("one").counts().waiting, crowd.size() - early);

  ASSERT_TRUE(Release(holder.lease_id()).ok());
  for (std::size_t i = early; i < leaving.size(); ++i) {
    events_.Await(Event::PHASE_ENTERED);
    crowd.Cancel(leaving[i]);
  }
  crowd.Join();
  AwaitQuiet();
  ExpectNothingIsLeft();

  const std::vector<std::string> failed =
      events_.LeaseNames(Event::PHASE_FAILED);
  const std::unordered_set<std::string> left(failed.begin(), failed.end());
  EXPECT_EQ(left.size(), failed.size()) << "each leaves once";
  std::vector<std::string> stayed = {holder.name()};
  for (auto& name : Arrivals()) {
    if (!left.contains(name)) stayed.push_back(std::move(name));
  }
  EXPECT_TRUE(events_.LeaseNames(Event::PHASE_ENTERED) == stayed);
  EXPECT_TRUE(events_.LeaseNames(Event::PHASE_EXITED) == stayed);
  // It takes two to leave: who did not want to was served.
  std::vector<bool> wanted(crowd.size(), true);
  for (const std::size_t index : leaving) wanted[index] = false;
  std::size_t granted = 0;
  for (std::size_t i = 0; i < crowd.size(); ++i) {
    if (crowd.status(i).ok()) ++granted;
    EXPECT_TRUE(!wanted[i] || crowd.status(i).ok()) << crowd.status(i);
  }
  EXPECT_GE(granted, crowd.size() - leaving.size());
  EXPECT_LE(granted, stayed.size() - 1);
}

}  // namespace
}  // namespace anteroom::service
