#include "server/config/build.h"

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "google/protobuf/text_format.h"
#include "gtest/gtest.h"
#include "server/config/load.h"
#include "server/error/error.h"
#include "server/kinds/hello/hello.h"
#include "tests/support/manual_runtime.h"

namespace anteroom::config {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::Pair;
using ::testing::StartsWith;

template <typename Message>
Message Parse(const std::string& text) {
  Message message;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &message))
      << text;
  return message;
}

class BuildTest : public ::testing::Test {
 protected:
  absl::StatusOr<Built> BuildFrom(const v1::ServerConfig& config) {
    return Build(world_.runtime(), config);
  }
  absl::Status StatusOf(const std::string& text) {
    return BuildFrom(Parse<v1::ServerConfig>(text)).status();
  }
  // REQUIRES: `text` is a configuration that is accepted.
  Built BuiltFrom(const std::string& text) {
    absl::StatusOr<Built> built = BuildFrom(Parse<v1::ServerConfig>(text));
    EXPECT_TRUE(built.ok()) << built.status();
    return *std::move(built);
  }
  // `text` is refused as wrong by one complaint that names `field`.
  void ExpectRefused(const std::string& text, const std::string& field) {
    const absl::Status status = StatusOf(text);
    EXPECT_TRUE(HasReason(status, Reason::kInvalidRequest))
        << text << ": " << status;
    EXPECT_THAT(DetailOf(status).field_violations,
                ElementsAre(Pair(field, Not(""))))
        << text;
    EXPECT_THAT(status.message(), StartsWith(field + ": ")) << text;
  }
  // `text` is refused as not supported yet, by `field`.
  void ExpectNotYet(const std::string& text, const std::string& field) {
    const absl::Status status = StatusOf(text);
    EXPECT_TRUE(HasReason(status, Reason::kNotImplemented))
        << text << ": " << status;
    EXPECT_THAT(status.message(), StartsWith(field + ": ")) << text;
  }

  testing::ManualRuntime world_;
};

// A configuration whose one resource has this policy, or this in its hello.
std::string WithPolicy(const std::string& policy) {
  return absl::StrCat("resources { name: 'a' hello {} policy { ", policy,
                      " } }");
}
std::string WithHello(const std::string& hello) {
  return absl::StrCat("resources { name: 'a' hello { ", hello, " } }");
}

// ---- What is accepted ----

TEST_F(BuildTest, TheDefaultConfigurationIsAccepted) {
  const absl::StatusOr<Built> built = BuildFrom(DefaultConfig());
  ASSERT_TRUE(built.ok()) << built.status();
  for (const char* const name :
       {"hello-plain", "hello-awaitable", "hello-context", "hello"}) {
    EXPECT_TRUE(built->anteroom->FindPool(name).ok()) << name;
  }
}

TEST_F(BuildTest, AnEmptyConfigurationHasTheDefaultsOfTheContract) {
  const Built built = BuiltFrom("");
  EXPECT_THAT(built.listeners, ElementsAre("127.0.0.1:50051"));
  EXPECT_EQ(built.drain_timeout, absl::Seconds(30));
  EXPECT_FALSE(built.anteroom->FindPool("hello").ok());
}

TEST_F(BuildTest, WhatIsConfiguredIsBuilt) {
  const Built built = BuiltFrom(R"(
    resources { name: 'a' hello {} }
    resources { name: 'b' hello {} }
    listeners { address: '127.0.0.1:0' }
    listeners { address: 'unix:/run/a.sock' }
    drain_timeout { seconds: 1 nanos: 500000000 })");
  EXPECT_TRUE(built.anteroom->FindPool("a").ok());
  EXPECT_TRUE(built.anteroom->FindPool("b").ok());
  EXPECT_THAT(built.listeners, ElementsAre("127.0.0.1:0", "unix:/run/a.sock"));
  EXPECT_EQ(built.drain_timeout, absl::Milliseconds(1500));
}

class ProgressCount : public lifecycle::EventSink {
 public:
  void OnEvent(const lifecycle::Event& event) override {
    if (event.phase == lifecycle::Phase::kProgress) ++count;
  }
  int count = 0;
};

class BuiltServiceTest : public BuildTest {
 protected:
  using LeasePtr = lifecycle::LeasePtr;

  ~BuiltServiceTest() override {
    world_.RunAdvancing(built_.anteroom->Drain());
  }

  void Serve(const std::string& text) { built_ = BuiltFrom(text); }
  // Each leaves in took_ how much fake time it took.
  absl::StatusOr<LeasePtr> Acquire() {
    lifecycle::AcquireOptions options;
    options.stream_bound = true;
    options.sink = progress_;
    return Timed(built_.anteroom->Acquire(
        "a", std::move(options), absl::InfiniteDuration(), {}, coro::kNever));
  }
  absl::StatusOr<lifecycle::Payload> Use(const LeasePtr& lease) {
    return Timed(built_.anteroom->Use(lease->id(), "echo", argument_, 0, {},
                                      coro::kNever));
  }
  lifecycle::Receipt Release(const LeasePtr& lease,
                             lifecycle::ExitCause cause = {}) {
    return Timed(built_.anteroom->Release(lease->id(), std::move(cause), {},
                                          coro::kNever))
        .value();
  }

  Built built_;
  absl::Duration took_;
  const std::shared_ptr<ProgressCount> progress_ =
      std::make_shared<ProgressCount>();

 private:
  template <typename T>
  T Timed(coro::Task<T> task) {
    const coro::Instant began = world_.clock().Now();
    T result = world_.RunAdvancing(std::move(task));
    took_ = coro::Between(began, world_.clock().Now());
    return result;
  }

  const lifecycle::Payload argument_;
};

TEST_F(BuiltServiceTest, EachKnobOfHelloReachesTheObject) {
  Serve(WithHello(R"(
    init_takes { seconds: 1 } enter_takes { seconds: 2 }
    use_takes { seconds: 4 } exit_takes { seconds: 8 }
    close_takes { seconds: 9 } init_fails: 1 enter_fails: 1 exit_fails: 1
    suppress: true progress_steps: 2)"));
  EXPECT_EQ(Acquire().status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(took_, absl::Seconds(1)) << "init_takes";
  EXPECT_EQ(progress_->count, 2);
  EXPECT_EQ(Acquire().status().code(), absl::StatusCode::kInternal);
  LeasePtr lease = Acquire().value();
  EXPECT_EQ(took_, absl::Seconds(9 + 1 + 2))
      << "the close of the one before, init, enter";
  EXPECT_TRUE(Use(lease).ok());
  EXPECT_EQ(took_, absl::Seconds(4)) << "use_takes";
  EXPECT_EQ(Release(lease).exit_status.code(), absl::StatusCode::kInternal);
  EXPECT_EQ(took_, absl::Seconds(8)) << "exit_takes";
  lease = Acquire().value();
  const lifecycle::Receipt receipt =
      Release(lease, {lifecycle::ExitReason::kBodyFailed,
                      absl::UnknownError("ValueError"), false});
  EXPECT_TRUE(receipt.exit_status.ok());
  EXPECT_TRUE(receipt.error_suppressed);
}

TEST_F(BuiltServiceTest, HelloHasTheStyleThatIsConfigured) {
  const struct {
    const char* style;
    int hooks_take;  // init: 1, enter: 2
    int exits;
  } styles[] = {
      {"", 3, 1},
      {"style: STYLE_PLAIN", 0, 0},
      {"style: STYLE_AWAITABLE", 1, 0},
      {"style: STYLE_CONTEXT", 3, 1},
      {"style: STYLE_ENTER_AWAITS_INIT", 3, 1},
  };
  for (const auto& row : styles) {
    Serve(WithHello(absl::StrCat(
        row.style, " init_takes { seconds: 1 } enter_takes { seconds: 2 }")));
    const LeasePtr lease = Acquire().value();
    EXPECT_EQ(took_, absl::Seconds(row.hooks_take)) << row.style;
    EXPECT_EQ(Release(lease).attempts, row.exits) << row.style;
    world_.RunAdvancing(built_.anteroom->Drain());
  }
  Serve("");  // for the drain at the end
}

TEST_F(BuiltServiceTest, ReceiptsMaxReachesTheTable) {
  Serve(absl::StrCat("receipts_max: 1 ", WithHello("")));
  const LeasePtr first = Acquire().value();
  Release(first);
  const LeasePtr second = Acquire().value();
  Release(second);
  (void)Acquire();
  EXPECT_FALSE(built_.anteroom->Find(first->id()).ok());
  EXPECT_TRUE(built_.anteroom->Find(second->id()).ok());
}

TEST_F(BuiltServiceTest, ReceiptsKeptReachesTheTable) {
  Serve(absl::StrCat("receipts_kept { seconds: 5 } ", WithHello("")));
  const LeasePtr lease = Acquire().value();
  Release(lease);
  world_.Advance(absl::Seconds(4));
  Release(Acquire().value());
  EXPECT_TRUE(built_.anteroom->Find(lease->id()).ok());
  world_.Advance(absl::Seconds(2));
  Release(Acquire().value());
  EXPECT_FALSE(built_.anteroom->Find(lease->id()).ok());
}

// ---- Policies ----

TEST(PolicyTest, WithoutADefaultTtlItIsAtMostMaxTtl) {
  const auto proto = Parse<v1::Policy>("max_ttl { seconds: 29 }");
  EXPECT_EQ(PolicyFromProto("policy", proto)->default_ttl, absl::Seconds(29));
}

TEST(PolicyTest, AnEmptyPolicyHasTheDefaultsOfTheContract) {
  const lifecycle::Policy policy = PolicyFromProto("policy", {}).value();
  EXPECT_EQ(policy.max_instances, 1);
  EXPECT_EQ(policy.max_holders, 1);
  EXPECT_EQ(policy.idle_timeout, absl::ZeroDuration());
  EXPECT_EQ(policy.init_timeout, absl::Seconds(60));
  EXPECT_EQ(policy.enter_timeout, absl::Seconds(10));
  EXPECT_EQ(policy.use_timeout, absl::InfiniteDuration());
  EXPECT_EQ(policy.exit_timeout, absl::Seconds(10));
  EXPECT_EQ(policy.close_timeout, absl::Seconds(10));
  EXPECT_EQ(policy.use_grace, absl::Seconds(5));
  EXPECT_EQ(policy.abandon_init, lifecycle::AbandonInit::kCancel);
  EXPECT_EQ(policy.await_init, lifecycle::AwaitInit::kOnEnter);
  EXPECT_EQ(policy.default_ttl, absl::Seconds(30));
  EXPECT_EQ(policy.max_ttl, absl::Minutes(10));
  EXPECT_EQ(policy.max_waiters, 1000);
  EXPECT_FALSE(policy.reuse_tainted);
  EXPECT_FALSE(policy.keyed);
  EXPECT_EQ(policy.min_idle, 0);
  EXPECT_EQ(policy.max_lifetime, absl::InfiniteDuration());
  EXPECT_EQ(policy.check_interval, absl::ZeroDuration());
  EXPECT_EQ(policy.init_retry.attempts, 1);
  EXPECT_EQ(policy.init_retry.initial_backoff, absl::Milliseconds(100));
  EXPECT_EQ(policy.init_retry.max_backoff, absl::Seconds(10));
  EXPECT_EQ(policy.breaker.failures, 0);
  EXPECT_EQ(policy.breaker.open, absl::Seconds(30));
  EXPECT_EQ(policy.revoke_notice, absl::ZeroDuration());
  EXPECT_EQ(policy.max_hold, absl::InfiniteDuration());
  EXPECT_EQ(policy.max_disconnect_grace, absl::Seconds(60));
}

TEST(PolicyTest, AKeyedResourceHasAsManyInstancesAsKeys) {
  EXPECT_EQ(
      PolicyFromProto("", Parse<v1::Policy>("keyed: true"))->max_instances,
      lifecycle::kUnlimited);
  EXPECT_EQ(
      PolicyFromProto("", Parse<v1::Policy>("keyed: true max_instances: 5"))
          ->max_instances,
      5);
}

TEST(PolicyTest, EachFieldLandsInItsOwnPlace) {
  const lifecycle::Policy policy = PolicyFromProto("", Parse<v1::Policy>(R"(
    max_instances: 2 max_holders: 3 max_waiters: 4 reuse_tainted: true
    idle_timeout { seconds: 5 } init_timeout { seconds: 6 }
    enter_timeout { seconds: 7 } use_timeout { seconds: 8 }
    exit_timeout { seconds: 9 } close_timeout { seconds: 10 }
    use_grace { seconds: 11 } default_ttl { seconds: 12 }
    max_ttl { seconds: 13 nanos: 14 }
    abandon_init: ABANDON_INIT_KEEP await_init: AWAIT_INIT_NEVER
    min_idle: 15 max_lifetime { seconds: 16 } check_interval { seconds: 17 }
    init_retry {
      attempts: 18 initial_backoff { seconds: 19 } max_backoff { seconds: 20 }
    }
    breaker { failures: 21 open { seconds: 22 } }
    revoke_notice { seconds: 23 } max_hold { seconds: 24 }
    max_disconnect_grace { seconds: 25 })"))
                                       .value();
  EXPECT_EQ(policy.max_instances, 2);
  EXPECT_EQ(policy.max_holders, 3);
  EXPECT_EQ(policy.max_waiters, 4);
  EXPECT_TRUE(policy.reuse_tainted);
  EXPECT_EQ(policy.idle_timeout, absl::Seconds(5));
  EXPECT_EQ(policy.init_timeout, absl::Seconds(6));
  EXPECT_EQ(policy.enter_timeout, absl::Seconds(7));
  EXPECT_EQ(policy.use_timeout, absl::Seconds(8));
  EXPECT_EQ(policy.exit_timeout, absl::Seconds(9));
  EXPECT_EQ(policy.close_timeout, absl::Seconds(10));
  EXPECT_EQ(policy.use_grace, absl::Seconds(11));
  EXPECT_EQ(policy.default_ttl, absl::Seconds(12));
  EXPECT_EQ(policy.max_ttl, absl::Seconds(13) + absl::Nanoseconds(14));
  EXPECT_EQ(policy.abandon_init, lifecycle::AbandonInit::kKeep);
  EXPECT_EQ(policy.await_init, lifecycle::AwaitInit::kNever);
  EXPECT_EQ(policy.min_idle, 15);
  EXPECT_EQ(policy.max_lifetime, absl::Seconds(16));
  EXPECT_EQ(policy.check_interval, absl::Seconds(17));
  EXPECT_EQ(policy.init_retry.attempts, 18);
  EXPECT_EQ(policy.init_retry.initial_backoff, absl::Seconds(19));
  EXPECT_EQ(policy.init_retry.max_backoff, absl::Seconds(20));
  EXPECT_EQ(policy.breaker.failures, 21);
  EXPECT_EQ(policy.breaker.open, absl::Seconds(22));
  EXPECT_EQ(policy.revoke_notice, absl::Seconds(23));
  EXPECT_EQ(policy.max_hold, absl::Seconds(24));
  EXPECT_EQ(policy.max_disconnect_grace, absl::Seconds(25));
}

TEST(PolicyTest, ZeroIsAValueOfItsOwnWhereTheFieldIsOptional) {
  const lifecycle::Policy policy =
      PolicyFromProto("", Parse<v1::Policy>("max_holders: 0 max_waiters: 0 "
                                            "min_idle: 0 use_grace {}"))
          .value();
  EXPECT_EQ(policy.max_holders, 0);
  EXPECT_EQ(policy.max_waiters, 0);
  EXPECT_EQ(policy.use_grace, absl::ZeroDuration());
}

// ---- What is refused as wrong ----

TEST_F(BuildTest, AWrongNumberOfAPolicyIsRefusedByItsPath) {
  ExpectRefused(WithPolicy("max_instances: 0"),
                "resources[0].policy.max_instances");
  for (const char* const field :
       {"max_instances", "max_holders", "max_waiters"}) {
    ExpectRefused(WithPolicy(absl::StrCat(field, ": -1")),
                  absl::StrCat("resources[0].policy.", field));
  }
}

TEST_F(BuildTest, AWrongDurationOfAPolicyIsRefusedByItsPath) {
  for (const char* const field :
       {"idle_timeout", "init_timeout", "enter_timeout", "use_timeout",
        "exit_timeout", "close_timeout", "use_grace", "default_ttl",
        "max_ttl"}) {
    for (const char* const wrong :
         {"seconds: -1", "nanos: -1", "seconds: 1 nanos: -1",
          "nanos: 1000000000"}) {
      ExpectRefused(WithPolicy(absl::StrCat(field, " { ", wrong, " }")),
                    absl::StrCat("resources[0].policy.", field));
    }
  }
}

TEST_F(BuildTest, ABoundOfNothingIsRefusedByItsPath) {
  for (const char* const field :
       {"init_timeout", "enter_timeout", "use_timeout", "exit_timeout",
        "close_timeout", "default_ttl"}) {
    ExpectRefused(WithPolicy(absl::StrCat(field, " {}")),
                  absl::StrCat("resources[0].policy.", field));
  }
  ExpectRefused(WithPolicy("max_ttl {}"), "resources[0].policy.max_ttl");
  for (const char* const field : {"idle_timeout", "use_grace"}) {
    BuiltFrom(WithPolicy(absl::StrCat(field, " {}")));
  }
}

TEST_F(BuildTest, ADefaultTtlAboveMaxTtlIsAContradiction) {
  const std::string field = "resources[0].policy.default_ttl";
  ExpectRefused(WithPolicy("default_ttl { seconds: 601 }"), field);
  BuiltFrom(WithPolicy("default_ttl { seconds: 600 }"));
}

TEST_F(BuildTest, ADrainTimeoutOfMoreThanADayIsRefused) {
  ExpectRefused("drain_timeout { seconds: 86401 }", "drain_timeout");
  BuiltFrom("drain_timeout { seconds: 86400 }");
}

TEST_F(BuildTest, AnUnknownEnumValueIsRefusedByItsPath) {
  ExpectRefused(WithPolicy("abandon_init: 7"),
                "resources[0].policy.abandon_init");
  ExpectRefused(WithPolicy("await_init: 7"), "resources[0].policy.await_init");
  ExpectRefused(WithHello("style: 7"), "resources[0].hello.style");
}

TEST_F(BuildTest, AWrongKnobOfHelloIsRefusedByItsPath) {
  for (const char* const field : {"init_takes", "enter_takes", "use_takes",
                                  "exit_takes", "close_takes"}) {
    ExpectRefused(WithHello(absl::StrCat(field, " { seconds: -1 }")),
                  absl::StrCat("resources[0].hello.", field));
  }
  for (const char* const field :
       {"init_fails", "enter_fails", "exit_fails", "progress_steps"}) {
    ExpectRefused(WithHello(absl::StrCat(field, ": -1")),
                  absl::StrCat("resources[0].hello.", field));
  }
}

TEST_F(BuildTest, AProviderIsAcceptedThatIsNotThereYet) {
  for (const char* const address :
       {"127.0.0.1:1", "[::1]:1", "some-host.example:65535", "unix:/run/p"}) {
    const Built built = BuiltFrom(absl::StrCat(
        "resources { name: 'a' provider { address: '", address,
        "' kind: 'k' parameters { fields { key: 'x' value { } } } } }"));
    EXPECT_TRUE(built.anteroom->FindPool("a").ok());
  }
}

TEST_F(BuildTest, AProviderNeedsAnAddressThatCanBeConnectedTo) {
  for (const char* const address :
       {"", "host", "host:", ":1", "host:0", "host:65536", "host:http", "::1",
        "http://host:80", "ho st:1", "unix:"}) {
    ExpectRefused(absl::StrCat("resources { name: 'a' provider { address: '",
                               address, "' kind: 'k' } }"),
                  "resources[0].provider.address");
  }
}

TEST_F(BuildTest, AProviderNeedsAKind) {
  ExpectRefused("resources { name: 'a' provider { address: 'h:1' } }",
                "resources[0].provider.kind");
}

TEST_F(BuildTest, AWrongFieldOfTheWholeIsRefusedByItsName) {
  ExpectRefused("drain_timeout { seconds: -1 }", "drain_timeout");
  ExpectRefused("receipts_kept { nanos: -1 }", "receipts_kept");
  ExpectRefused("receipts_max: -1", "receipts_max");
}

TEST_F(BuildTest, AListenerWithoutAddressIsRefusedByItsPath) {
  ExpectRefused("listeners { address: '127.0.0.1:0' } listeners {}",
                "listeners[1].address");
}

TEST_F(BuildTest, AResourceNeedsAKind) {
  ExpectRefused("resources { name: 'a' }", "resources[0]");
}

TEST_F(BuildTest, AResourceNeedsANameOfAtMost256Bytes) {
  ExpectRefused("resources { hello {} }", "resources[0].name");
  ExpectRefused(absl::StrCat("resources { hello {} name: '",
                             std::string(257, 'a'), "' }"),
                "resources[0].name");
  const Built built = BuiltFrom(absl::StrCat("resources { hello {} name: '",
                                             std::string(256, 'a'), "' }"));
  EXPECT_TRUE(built.anteroom->FindPool(std::string(256, 'a')).ok());
}

TEST_F(BuildTest, TwoResourcesOfOneNameAreRefusedByIt) {
  const absl::Status status = StatusOf(
      "resources { name: 'twin' hello {} } resources { name: 'b' hello {} } "
      "resources { name: 'twin' hello {} }");
  EXPECT_TRUE(HasReason(status, Reason::kResourceExists)) << status;
  EXPECT_THAT(status.message(), HasSubstr("twin"));
}

TEST_F(BuildTest, APathCountsTheResourcesFromZero) {
  ExpectRefused(
      "resources { name: 'a' hello {} } resources { name: 'b' hello {} } "
      "resources { name: 'c' hello {} policy { max_ttl { seconds: -1 } } }",
      "resources[2].policy.max_ttl");
}

TEST_F(BuildTest, APolicyThatContradictsItselfIsRefusedByItsPath) {
  ExpectRefused(WithPolicy("keyed: true min_idle: 1"),
                "resources[0].policy.min_idle");
  ExpectRefused(WithPolicy("max_instances: 2 min_idle: 3"),
                "resources[0].policy.min_idle");
  ExpectRefused(WithPolicy("init_retry { attempts: -1 }"),
                "resources[0].policy.init_retry.attempts");
  ExpectRefused(WithPolicy("init_retry { max_backoff { seconds: -1 } }"),
                "resources[0].policy.init_retry.max_backoff");
  ExpectRefused(WithPolicy("breaker { failures: -1 }"),
                "resources[0].policy.breaker.failures");
  ExpectRefused(WithPolicy("breaker { failures: 1 open {} }"),
                "resources[0].policy.breaker.open");
  ExpectRefused(WithPolicy("max_lifetime {}"),
                "resources[0].policy.max_lifetime");
  ExpectRefused(WithPolicy("max_hold {}"), "resources[0].policy.max_hold");
}

TEST_F(BuildTest, TheFirstComplaintOfAMessageIsMade) {
  ExpectRefused(
      WithPolicy("init_timeout { seconds: -1 } max_ttl { seconds: -1 }"),
      "resources[0].policy.init_timeout");
}

TEST_F(BuildTest, AResourceHasLabelsWithinBounds) {
  const Built built = BuiltFrom(
      "resources { name: 'a' hello {} labels { key: 'team' value: 'x' } }");
  ASSERT_EQ(built.resources.size(), 1);
  EXPECT_EQ(built.resources[0].labels().at("team"), "x");
  EXPECT_TRUE(built.resources[0].has_hello());

  const auto with_labels = [](const std::string& labels) {
    return absl::StrCat(
        "resources { name: 'a' hello {} } "
        "resources { name: 'b' hello {} ",
        labels, " }");
  };
  const std::string many = [] {
    std::string labels;
    for (int i = 0; i < 65; ++i) {
      absl::StrAppend(&labels, "labels { key: 'k", i, "' } ");
    }
    return labels;
  }();
  const std::string large = [] {
    std::string labels;
    for (int i = 0; i < 17; ++i) {
      absl::StrAppend(&labels, "labels { key: 'k", i, "' value: '",
                      std::string(240, 'v'), "' } ");
    }
    return labels;
  }();
  for (const std::string& labels :
       {std::string("labels { value: 'x' }"),
        absl::StrCat("labels { key: '", std::string(257, 'k'), "' }"),
        absl::StrCat("labels { key: 'k' value: '", std::string(257, 'v'),
                     "' }"),
        many, large}) {
    ExpectRefused(with_labels(labels), "resources[1].labels");
  }
}

// ---- Kinds that were compiled in ----

TEST_F(BuildTest, ACustomKindIsNamedByItsResourceAndGivenTheParameters) {
  const auto config = Parse<v1::ServerConfig>(
      "resources { name: 'a' custom { kind: 'mine' parameters { fields { key: "
      "'size' value { number_value: 7 } } } } }");
  std::vector<std::string> given;
  const CustomKinds kinds = {
      {"mine", [&given](coro::Runtime runtime, const nlohmann::json& json) {
         given.push_back(json.dump());
         return std::make_unique<kinds::Hello>(runtime,
                                               kinds::HelloParameters{});
       }}};
  const absl::StatusOr<Built> built = Build(world_.runtime(), config, kinds);
  ASSERT_TRUE(built.ok()) << built.status();
  EXPECT_THAT(given, ElementsAre("{\"size\":7}"));
}

TEST_F(BuildTest, ACustomKindThatIsNotCompiledInIsRefused) {
  ExpectRefused("resources { name: 'a' custom { kind: 'mine' } }",
                "resources[0].custom.kind");
}

// ---- What is refused as not supported yet ----

TEST_F(BuildTest, NothingOfTheWholeIsSilentlyLeftOut) {
  ExpectNotYet("limits { max_message_bytes: 1 }", "limits");
}

// A field that joins the contract has to be read, or refused: these tests know
// which there are.
TEST(CompletenessTest, EveryFieldIsKnownToTheseTests) {
  EXPECT_EQ(v1::ServerConfig::descriptor()->field_count(), 6);
  EXPECT_EQ(v1::Listener::descriptor()->field_count(), 1);
  EXPECT_EQ(v1::Resource::descriptor()->field_count(), 7);
  EXPECT_EQ(v1::Policy::descriptor()->field_count(), 24);
  EXPECT_EQ(v1::Hello::descriptor()->field_count(), 12);
}

}  // namespace
}  // namespace anteroom::config
