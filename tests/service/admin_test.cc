// What an operator sees: resources, instances, leases, and why somebody waits.
#include <algorithm>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/service/admin_base.h"
#include "tests/service/scope_client.h"

namespace anteroom::service {
namespace {

using absl::StatusCode;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::StartsWith;
using ::testing::UnorderedElementsAreArray;

constexpr char kConfig[] = R"pb(
  resources {
    name: "one"
    labels { key: "team" value: "blue" }
    labels { key: "tier" value: "1" }
    policy {
      max_ttl { seconds: 90 }
      idle_timeout { seconds: 3600 }
    }
    hello {
      style: STYLE_CONTEXT
      exit_takes { nanos: 1000000 }
    }
  }
  resources {
    name: "keyed"
    policy { keyed: true max_instances: 2 }
    hello {}
  }
  resources {
    name: "shared"
    policy { max_holders: 0 }
    hello {}
  }
  resources {
    name: "slow"
    hello {
      style: STYLE_AWAITABLE
      init_takes { seconds: 3600 }
    }
  }
  resources {
    name: "failing"
    policy {
      breaker {
        failures: 1
        open { seconds: 3600 }
      }
    }
    hello { init_fails: 1 }
  }
)pb";

class AdminViewTest : public AdminTest {
 protected:
  AdminViewTest() : AdminTest(kConfig) {}

  // A With call that asked for `resource`, and waits.
  std::unique_ptr<ScopeClient> Queue(const std::string& resource,
                                     const std::string& key = "",
                                     int priority = 0) {
    auto client = std::make_unique<ScopeClient>(*stub_);
    v1::WithRequest request;
    request.mutable_acquire()->set_resource(resource);
    request.mutable_acquire()->set_key(key);
    request.mutable_acquire()->set_priority(priority);
    client->Send(request);
    AwaitPhases(resource, v1::LifecycleEvent::PHASE_WAITING, ++waiting_);
    return client;
  }

  int waiting_ = 0;  // of one resource
};

std::vector<std::string> NamesOf(const auto& elements) {
  std::vector<std::string> names;
  for (const auto& element : elements) names.push_back(element.name());
  return names;
}

// ---- Resources ----

TEST_F(AdminViewTest, AResourceIsShownAsConfiguredDefaultsFilledIn) {
  const auto got = Ask(&Stub::GetResource, "name: 'one'");
  ASSERT_TRUE(got.ok()) << got.status();
  const v1::Resource& one = got->resource();
  EXPECT_EQ(one.name(), "one");
  EXPECT_EQ(one.labels().at("team"), "blue");
  EXPECT_EQ(one.labels().at("tier"), "1");
  EXPECT_EQ(one.hello().style(), v1::Hello::STYLE_CONTEXT);
  EXPECT_EQ(one.hello().exit_takes().nanos(), 1'000'000);
  EXPECT_EQ(one.policy().max_ttl().seconds(), 90);
  EXPECT_EQ(one.policy().idle_timeout().seconds(), 3600);
  EXPECT_EQ(one.policy().default_ttl().seconds(), 30);
  EXPECT_EQ(one.policy().max_instances(), 1);
  EXPECT_EQ(one.policy().max_waiters(), 1000);
  EXPECT_EQ(one.policy().init_retry().attempts(), 1);
  EXPECT_EQ(one.policy().await_init(), v1::Policy::AWAIT_INIT_ON_ENTER);
  EXPECT_FALSE(one.policy().has_use_timeout());
  EXPECT_FALSE(one.policy().has_max_hold());
}

TEST_F(AdminViewTest, AResourceThatIsNotThereIsNotFound) {
  EXPECT_THAT(StatusOf(&Stub::GetResource, "name: 'none'"),
              Fails(StatusCode::kNotFound, Reason::kResourceNotFound));
  EXPECT_THAT(StatusOf(&Stub::GetResource), RefusesField("name"));
}

TEST_F(AdminViewTest, ResourcesAreListedByNamePageByPage) {
  const auto all = Ask(&Stub::ListResources);
  ASSERT_TRUE(all.ok()) << all.status();
  EXPECT_THAT(NamesOf(all->resources()),
              ElementsAre("failing", "keyed", "one", "shared", "slow"));
  EXPECT_EQ(all->next_page_token(), "");
  EXPECT_EQ(all->resources(2).labels().at("team"), "blue");

  const auto first = Ask(&Stub::ListResources, "page_size: 3");
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_THAT(NamesOf(first->resources()),
              ElementsAre("failing", "keyed", "one"));
  const auto second =
      Ask(&Stub::ListResources, absl::StrCat("page_size: 3 page_token: '",
                                             first->next_page_token(), "'"));
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_THAT(NamesOf(second->resources()), ElementsAre("shared", "slow"));
  EXPECT_EQ(second->next_page_token(), "");
  const auto exact = Ask(&Stub::ListResources, "page_size: 5");
  ASSERT_TRUE(exact.ok()) << exact.status();
  EXPECT_EQ(exact->next_page_token(), "") << "a page that is just full";
}

// ---- Instances and leases ----

TEST_F(AdminViewTest, AnInstanceIsShownInEveryStateOfItsLife) {
  EXPECT_THAT(Instances(""), IsEmpty());
  const v1::Lease lease = Hold("one");
  ASSERT_TRUE(Use(lease.lease_id(), "a_method").ok());
  std::vector<v1::Instance> seen = Instances("one");
  ASSERT_THAT(seen, SizeIs(1));
  EXPECT_EQ(seen[0].instance_id(), lease.instance_id());
  EXPECT_EQ(seen[0].resource(), "one");
  EXPECT_EQ(seen[0].key(), "");
  EXPECT_EQ(seen[0].state(), v1::Instance::STATE_HELD);
  EXPECT_EQ(seen[0].holders(), 1);
  EXPECT_EQ(seen[0].uses(), 1);
  EXPECT_TRUE(seen[0].has_create_time());
  EXPECT_TRUE(seen[0].has_ready_time());

  ASSERT_TRUE(Release(lease.lease_id()).ok());
  seen = Instances("one");
  ASSERT_THAT(seen, SizeIs(1));
  EXPECT_EQ(seen[0].state(), v1::Instance::STATE_READY);
  EXPECT_EQ(seen[0].holders(), 0);

  ScopeClient waiting(*stub_);
  waiting.SendAcquire("slow");
  AwaitPhase("slow", v1::LifecycleEvent::PHASE_INITIALIZING);
  seen = Instances("slow");
  ASSERT_THAT(seen, SizeIs(1));
  EXPECT_EQ(seen[0].state(), v1::Instance::STATE_INITIALIZING);
  EXPECT_FALSE(seen[0].has_ready_time());
}

TEST_F(AdminViewTest, AKeyedInstanceIsShownWithItsKey) {
  Hold("keyed", "k1");
  const std::vector<v1::Instance> seen = Instances("keyed");
  ASSERT_THAT(seen, SizeIs(1));
  EXPECT_EQ(seen[0].key(), "k1");
}

TEST_F(AdminViewTest, LeasesAreShownWithoutWhatOnlyTheirHoldersMayKnow) {
  v1::AcquireRequest request;
  request.set_resource("one");
  (*request.mutable_labels())["job"] = "7";
  const v1::Lease held = Hold(request);
  const auto waiting = Queue("one");
  const std::vector<v1::Lease> seen = Leases("one");
  ASSERT_THAT(seen, SizeIs(2));
  EXPECT_EQ(seen[0].state(), v1::Lease::STATE_WAITING);
  EXPECT_EQ(seen[0].fencing_token(), 0);
  EXPECT_EQ(seen[0].instance_id(), "");
  EXPECT_EQ(seen[1].state(), v1::Lease::STATE_HELD);
  EXPECT_EQ(seen[1].name(), held.name());
  EXPECT_EQ(seen[1].fencing_token(), held.fencing_token());
  EXPECT_EQ(seen[1].instance_id(), held.instance_id());
  EXPECT_EQ(seen[1].labels().at("job"), "7");
  EXPECT_TRUE(seen[1].has_expire_time());
  for (const v1::Lease& lease : seen) {
    EXPECT_EQ(lease.lease_id(), "");
    EXPECT_FALSE(lease.has_value());
  }
  // A With lease that is held has a secret, too.
  ASSERT_TRUE(Release(held.lease_id()).ok());
  KeepSecret(waiting->AwaitEntered().lease_id());
  EXPECT_EQ(Leases("one").at(0).state(), v1::Lease::STATE_HELD);
}

TEST_F(AdminViewTest, AListOfAnUnknownResourceIsRefused) {
  for (const absl::Status& refused :
       {StatusOf(&Stub::ListLeases, "resource: 'none'"),
        StatusOf(&Stub::ListInstances, "resource: 'none'")}) {
    EXPECT_THAT(refused,
                Fails(StatusCode::kNotFound, Reason::kResourceNotFound));
  }
}

// ---- Pages ----

TEST_F(AdminViewTest, AListingGoesOnFromOneResourceToTheNext) {
  std::vector<std::string> instances;
  std::vector<std::string> leases;
  for (const v1::Lease& lease :
       {Hold("keyed", "a"), Hold("keyed", "b"), Hold("one"), Hold("shared"),
        Hold("shared"), Hold("shared")}) {
    leases.push_back(lease.name());
    if (instances.empty() || instances.back() != lease.instance_id()) {
      instances.push_back(lease.instance_id());
    }
  }
  const auto first = Queue("one");
  const auto second = Queue("one");
  const std::vector<v1::Lease> waiting = Leases("one");
  leases.push_back(waiting.at(0).name());
  leases.push_back(waiting.at(1).name());

  for (int size = 1; size <= 9; ++size) {
    std::vector<std::string> listed;
    std::vector<std::string> resources;
    std::string token;
    int pages = 0;
    do {
      const auto page =
          Ask(&Stub::ListLeases,
              absl::StrCat("page_size: ", size, " page_token: '", token, "'"));
      ASSERT_TRUE(page.ok()) << page.status();
      for (const v1::Lease& lease : page->leases()) {
        listed.push_back(lease.name());
        resources.push_back(lease.resource());
      }
      token = page->next_page_token();
      ++pages;
      EXPECT_TRUE(token.empty() || page->leases_size() == size);
    } while (!token.empty());
    EXPECT_THAT(listed, UnorderedElementsAreArray(leases)) << size;
    EXPECT_TRUE(std::is_sorted(resources.begin(), resources.end())) << size;
    EXPECT_EQ(pages, (8 + size - 1) / size);

    listed.clear();
    do {
      const auto page =
          Ask(&Stub::ListInstances,
              absl::StrCat("page_size: ", size, " page_token: '", token, "'"));
      ASSERT_TRUE(page.ok()) << page.status();
      for (const v1::Instance& instance : page->instances()) {
        listed.push_back(instance.instance_id());
      }
      token = page->next_page_token();
    } while (!token.empty());
    EXPECT_EQ(listed, instances) << size;
  }
}

TEST_F(AdminViewTest,
       APageHasAHundredElementsUnlessAskedForAndAThousandAtMost) {
  for (int i = 0; i < 1001; ++i) Hold("shared");
  const auto usual = Ask(&Stub::ListLeases);
  ASSERT_TRUE(usual.ok()) << usual.status();
  EXPECT_EQ(usual->leases_size(), 100);
  const auto most = Ask(&Stub::ListLeases, "page_size: 2147483647");
  ASSERT_TRUE(most.ok()) << most.status();
  EXPECT_EQ(most->leases_size(), 1000);
  const auto rest = Ask(
      &Stub::ListLeases,
      absl::StrCat("resource: '' page_token: '", most->next_page_token(), "'"));
  ASSERT_TRUE(rest.ok()) << rest.status();
  EXPECT_EQ(rest->leases_size(), 1);
  EXPECT_EQ(rest->next_page_token(), "");

  const auto why = Ask(&Stub::ExplainWait, "resource: 'shared'");
  ASSERT_TRUE(why.ok()) << why.status();
  EXPECT_EQ(why->holders_size(), 1000);
  EXPECT_THAT(why->explanation(), StartsWith("1001 leases hold shared"));
}

TEST_F(AdminViewTest, APageOfLargeElementsIsNoLargerThanClientsReceive) {
  constexpr int kLeases = 1200;
  v1::AcquireRequest request;
  request.set_resource("shared");
  for (int i = 0; i < 16; ++i) {
    (*request.mutable_labels())[absl::StrCat("key ", i)] =
        std::string(240, 'x');
  }
  for (int i = 0; i < kLeases; ++i) Hold(request);
  std::set<std::string> names;
  std::string token;
  do {
    const auto page =
        Ask(&Stub::ListLeases,
            absl::StrCat("page_size: 1000 page_token: '", token, "'"));
    ASSERT_TRUE(page.ok()) << page.status();
    EXPECT_LT(page->ByteSizeLong(), 2 << 20);
    for (const v1::Lease& lease : page->leases()) names.insert(lease.name());
    token = page->next_page_token();
  } while (!token.empty());
  EXPECT_THAT(names, SizeIs(kLeases));

  const auto why = Ask(&Stub::ExplainWait, "resource: 'shared'");
  ASSERT_TRUE(why.ok()) << why.status();
  EXPECT_LT(why->ByteSizeLong(), 2 << 20);
  EXPECT_THAT(why->explanation(), StartsWith("1200 leases hold shared"));
}

TEST_F(AdminViewTest, APageSizeOfLessThanNothingIsRefused) {
  EXPECT_THAT(StatusOf(&Stub::ListResources, "page_size: -1"),
              RefusesField("page_size"));
  EXPECT_THAT(StatusOf(&Stub::ListInstances, "page_size: -1"),
              RefusesField("page_size"));
  EXPECT_THAT(StatusOf(&Stub::ListLeases, "page_size: -2147483648"),
              RefusesField("page_size"));
}

TEST_F(AdminViewTest, ATokenThatIsNotOfThisListingIsRefused) {
  Hold("shared");
  Hold("shared");
  Hold("one");
  const auto token_of = [](const auto& page) {
    EXPECT_TRUE(page.ok()) << page.status();
    EXPECT_NE(page->next_page_token(), "");
    return absl::StrCat(" page_token: '", page->next_page_token(), "'");
  };
  const std::string resources =
      token_of(Ask(&Stub::ListResources, "page_size: 1"));
  const std::string instances =
      token_of(Ask(&Stub::ListInstances, "page_size: 1"));
  const std::string leases = token_of(Ask(&Stub::ListLeases, "page_size: 1"));
  const std::string shared =
      token_of(Ask(&Stub::ListLeases, "page_size: 1 resource: 'shared'"));
  EXPECT_TRUE(Ask(&Stub::ListLeases, leases).ok());
  for (const std::string& token :
       {resources, instances, shared, std::string(" page_token: 'garbage'"),
        std::string(" page_token: '!'"), std::string(" page_token: 'MQ'")}) {
    EXPECT_THAT(StatusOf(&Stub::ListLeases, token), RefusesField("page_token"))
        << token;
  }
  EXPECT_THAT(StatusOf(&Stub::ListLeases, "resource: 'one'" + shared),
              RefusesField("page_token"));
  EXPECT_THAT(StatusOf(&Stub::ListResources, leases),
              RefusesField("page_token"));
  EXPECT_THAT(StatusOf(&Stub::ListInstances, leases),
              RefusesField("page_token"));
}

// ---- Why somebody waits ----

TEST_F(AdminViewTest, AWaitIsExplainedByWhoHoldsAndWhoIsNext) {
  const v1::Lease held = Hold("one");
  const auto low = Queue("one", "", 0);
  const auto high = Queue("one", "", 1);
  const auto why = Ask(&Stub::ExplainWait, "resource: 'one'");
  ASSERT_TRUE(why.ok()) << why.status();
  EXPECT_THAT(NamesOf(why->holders()), ElementsAre(held.name()));
  // In order of arrival here, by turn there.
  const std::vector<v1::Lease> arrived = Leases("one");
  EXPECT_THAT(NamesOf(why->waiters()),
              ElementsAre(arrived.at(1).name(), arrived.at(0).name()));
  ASSERT_EQ(why->instances_size(), 1);
  EXPECT_EQ(why->instances(0).instance_id(), held.instance_id());
  EXPECT_THAT(
      why->explanation(),
      AllOf(StartsWith("1 lease holds one, 2 wait, and 1 of at most 1 object "
                       "exists. A waiter is served when a lease ends, the "
                       "first of them at 20"),
            EndsWith("Z as things stand: a release or RevokeLease would "
                     "help, or a larger max_instances.")));
}

TEST_F(AdminViewTest, AKeyHasAnExplanationOfItsOwn) {
  const v1::Lease a = Hold("keyed", "a");
  Hold("keyed", "b");
  const auto queued = Queue("keyed", "a");
  const auto why = Ask(&Stub::ExplainWait, "resource: 'keyed' key: 'a'");
  ASSERT_TRUE(why.ok()) << why.status();
  EXPECT_THAT(NamesOf(why->holders()), ElementsAre(a.name()));
  EXPECT_THAT(why->waiters(), SizeIs(1));
  EXPECT_THAT(why->instances(), SizeIs(1));
  EXPECT_THAT(why->explanation(),
              AllOf(StartsWith("1 lease holds key \"a\" of keyed, 1 waits, and "
                               "2 of at most 2 objects exist, those of other "
                               "keys included. A waiter is served when "),
                    Not(HasSubstr("max_instances"))));

  const auto hungry = Queue("keyed", "c");
  const auto why_c = Ask(&Stub::ExplainWait, "resource: 'keyed' key: 'c'");
  ASSERT_TRUE(why_c.ok()) << why_c.status();
  EXPECT_THAT(why_c->holders(), IsEmpty());
  EXPECT_THAT(why_c->waiters(), SizeIs(1));
  EXPECT_THAT(why_c->explanation(), HasSubstr("Other keys have all objects"));

  const auto nobody = Ask(&Stub::ExplainWait, "resource: 'keyed' key: 'd'");
  ASSERT_TRUE(nobody.ok()) << nobody.status();
  EXPECT_THAT(nobody->explanation(),
              StartsWith("Nobody holds key \"d\" of keyed, nobody waits, and 2 "
                         "of at most 2 objects exist"));
}

TEST_F(AdminViewTest, WhereNobodyWaitsItIsSaidWhetherAnAcquireWould) {
  const auto explanation = [this](const std::string& resource) {
    const auto why =
        Ask(&Stub::ExplainWait, absl::StrCat("resource: '", resource, "'"));
    EXPECT_TRUE(why.ok()) << why.status();
    return why->explanation();
  };
  EXPECT_EQ(explanation("one"),
            "Nobody holds one, nobody waits, and 0 of at most 1 object exist. "
            "An acquire need not queue.");
  const v1::Lease lease = Hold("one");
  EXPECT_THAT(explanation("one"), HasSubstr("A waiter is served when"));
  ASSERT_TRUE(Release(lease.lease_id()).ok());
  EXPECT_THAT(explanation("one"), HasSubstr("An acquire need not queue."));
  Hold("shared");
  EXPECT_THAT(explanation("shared"), HasSubstr("An acquire need not queue."));
}

TEST_F(AdminViewTest, AnInitThatIsAwaitedIsTheExplanation) {
  ScopeClient waiting(*stub_);
  waiting.SendAcquire("slow");
  AwaitPhase("slow", v1::LifecycleEvent::PHASE_INITIALIZING);
  const auto why = Ask(&Stub::ExplainWait, "resource: 'slow'");
  ASSERT_TRUE(why.ok()) << why.status();
  EXPECT_EQ(why->explanation(),
            "Nobody holds slow, 1 waits, and 1 of at most 1 object exists. An "
            "object is becoming ready: its init is awaited.");
}

TEST_F(AdminViewTest, AnOpenBreakerIsTheExplanation) {
  EXPECT_FALSE(Acquire("failing").ok());
  AwaitPhase("failing", v1::LifecycleEvent::PHASE_CLOSED);
  const auto why = Ask(&Stub::ExplainWait, "resource: 'failing'");
  ASSERT_TRUE(why.ok()) << why.status();
  EXPECT_THAT(why->explanation(), HasSubstr("Its breaker is open"));
}

TEST_F(AdminViewTest, ADrainIsTheExplanation) {
  ASSERT_TRUE(Ask(&Stub::Drain, "resource: 'one'").ok());
  const auto why = Ask(&Stub::ExplainWait, "resource: 'one'");
  ASSERT_TRUE(why.ok()) << why.status();
  EXPECT_THAT(why->explanation(), HasSubstr("It drains"));
}

TEST_F(AdminViewTest, AnExplanationNeedsAResourceAndAKeyWhereThereAreKeys) {
  EXPECT_THAT(StatusOf(&Stub::ExplainWait), RefusesField("resource"));
  EXPECT_THAT(StatusOf(&Stub::ExplainWait, "resource: 'none'"),
              Fails(StatusCode::kNotFound, Reason::kResourceNotFound));
  EXPECT_THAT(StatusOf(&Stub::ExplainWait, "resource: 'keyed'"),
              RefusesField("key"));
  EXPECT_THAT(StatusOf(&Stub::ExplainWait, "resource: 'one' key: 'a'"),
              RefusesField("key"));
  EXPECT_THAT(
      StatusOf(&Stub::ExplainWait, absl::StrCat("resource: 'keyed' key: '",
                                                std::string(257, 'k'), "'")),
      RefusesField("key"));
}

}  // namespace
}  // namespace anteroom::service
