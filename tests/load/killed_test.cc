// A client with many streams is killed.
#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/load/load_test.h"
#include "tests/load/process.h"
#include "tests/service/service_test.h"

namespace anteroom::service {
namespace {

constexpr char kConfig[] = R"pb(
  resources {
    name: "shared"
    policy { max_holders: 0 }
    hello {}
  }
)pb";

using Event = v1::LifecycleEvent;

class KilledTest : public ServiceTest {
 protected:
  KilledTest()
      : ServiceTest(kConfig),
        events_(server_->addresses().front(), "shared"),
        client_({server_->addresses().front(), "shared", "hold", "0",
                 absl::StrCat(sizes_.scopes_killed)}) {
    EXPECT_EQ(client_.Line(), absl::StrCat("holding 0 ", sizes_.scopes_killed));
    client_.Say("names");
    for (int i = 0; i < sizes_.scopes_killed; ++i) {
      leases_.push_back(*client_.Line());
    }
  }

  std::vector<std::string> SortedNames(Event::Phase phase) const {
    std::vector<std::string> names = events_.LeaseNames(phase);
    std::sort(names.begin(), names.end());
    return names;
  }

  // Each exit has begun and ended, once; then the object was closed.
  void KillAndExpectExits() {
    client_.Kill();
    events_.Await(Event::PHASE_CLOSED);
    const auto entered = SortedNames(Event::PHASE_ENTERED);
    ASSERT_EQ(entered.size(), leases_.size());
    EXPECT_TRUE(SortedNames(Event::PHASE_EXITING) == entered);
    EXPECT_TRUE(SortedNames(Event::PHASE_EXITED) == entered);
    for (const std::string& lease_id : leases_) {
      const auto lease = GetLease(lease_id);
      ASSERT_TRUE(lease.ok()) << lease.status();
      EXPECT_EQ(lease->receipt().reason(), v1::EXIT_REASON_DISCONNECTED);
      EXPECT_EQ(lease->receipt().attempts(), 1);
      EXPECT_EQ(lease->receipt().exit_status().code(), 0);
    }
    const lifecycle::Pool::Counts left = pool("shared").counts();
    EXPECT_EQ(left.leases, 0);
    EXPECT_EQ(left.instances, 0);
  }

  const LoadSizes sizes_ = SizesFromEnvironment();
  EventReader events_;
  Process client_;
  std::vector<std::string> leases_;
};

TEST_F(KilledTest, EachOfItsManyScopesExitsAsDisconnected) {
  KillAndExpectExits();
}

TEST_F(KilledTest, EachOfItsManyScopesExitsThoughAMethodRuns) {
  client_.Say("use");
  EXPECT_EQ(client_.Line(), absl::StrCat("using ", sizes_.scopes_killed));
  for (int i = 0; i < sizes_.scopes_killed; ++i) {
    events_.Await(Event::PHASE_USED);
  }
  KillAndExpectExits();
  EXPECT_EQ(events_.Count(Event::PHASE_USED), leases_.size());
}

}  // namespace
}  // namespace anteroom::service
