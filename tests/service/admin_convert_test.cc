// A policy as operators are shown it: nothing is left out.
#include "server/service/admin_convert.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/message.h"
#include "google/protobuf/text_format.h"
#include "google/protobuf/util/message_differencer.h"
#include "gtest/gtest.h"
#include "server/config/build.h"

namespace anteroom::service {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::util::MessageDifferencer;

// Every field, none at its default.
constexpr char kPolicy[] = R"pb(
  max_instances: 7
  max_holders: 2
  keyed: true
  min_idle: 3
  idle_timeout { seconds: 4 }
  max_lifetime { seconds: 5 }
  init_timeout { seconds: 6 }
  enter_timeout { seconds: 7 }
  use_timeout { seconds: 8 }
  exit_timeout { seconds: 9 }
  close_timeout { seconds: 11 }
  use_grace { seconds: 12 nanos: 1 }
  init_retry {
    attempts: 13
    initial_backoff { seconds: 14 }
    max_backoff { seconds: 15 }
  }
  breaker {
    failures: 16
    open { seconds: 17 }
  }
  abandon_init: ABANDON_INIT_KEEP
  await_init: AWAIT_INIT_NEVER
  default_ttl { seconds: 18 }
  max_ttl { seconds: 19 }
  max_waiters: 20
  check_interval { seconds: 21 }
  reuse_tainted: true
  revoke_notice { seconds: 22 }
  max_hold { seconds: 23 }
  max_disconnect_grace { seconds: 24 }
)pb";

v1::Policy Parse(const std::string& text) {
  v1::Policy policy;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &policy));
  return policy;
}

// The answer to what was configured.
v1::Policy Shown(const v1::Policy& configured) {
  const auto policy = config::PolicyFromProto("policy", configured);
  EXPECT_TRUE(policy.ok()) << policy.status();
  return ToProto(*policy);
}

bool Same(const Message& a, const Message& b, const FieldDescriptor* field) {
  MessageDifferencer differencer;
  return differencer.CompareWithFields(a, b, {field}, {field});
}

// Whether each field of `a`, and of its groups of fields, is set and other than
// in `b`.
void ExpectAllOther(const Message& a, const Message& b) {
  for (int i = 0; i < a.GetDescriptor()->field_count(); ++i) {
    const FieldDescriptor* const field = a.GetDescriptor()->field(i);
    EXPECT_TRUE(a.GetReflection()->HasField(a, field)) << field->full_name();
    EXPECT_FALSE(Same(a, b, field)) << field->full_name();
    const bool group =
        field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE &&
        field->message_type()->containing_type() == v1::Policy::descriptor();
    if (group) {
      ExpectAllOther(a.GetReflection()->GetMessage(a, field),
                     b.GetReflection()->GetMessage(b, field));
    }
  }
}

TEST(AdminConvertTest, TheseTestsSetEveryFieldOfAPolicyToOtherThanItsDefault) {
  ExpectAllOther(Parse(kPolicy), Shown({}));
}

TEST(AdminConvertTest, EveryFieldOfAPolicyIsShownAsItWasConfigured) {
  const v1::Policy configured = Parse(kPolicy);
  std::string difference;
  MessageDifferencer differencer;
  differencer.ReportDifferencesToString(&difference);
  EXPECT_TRUE(differencer.Compare(configured, Shown(configured))) << difference;
}

TEST(AdminConvertTest, ConfiguringWhatIsShownGivesTheSamePolicy) {
  for (const char* const text :
       {"", kPolicy, "keyed: true", "keyed: true max_instances: 1",
        "max_instances: 2147483647"}) {
    const v1::Policy shown = Shown(Parse(text));
    EXPECT_TRUE(MessageDifferencer::Equals(shown, Shown(shown))) << text;
  }
}

TEST(AdminConvertTest, WhatHasNoBoundIsUnset) {
  const v1::Policy shown = Shown({});
  EXPECT_FALSE(shown.has_use_timeout());
  EXPECT_FALSE(shown.has_max_lifetime());
  EXPECT_FALSE(shown.has_max_hold());
  EXPECT_FALSE(Shown(Parse("keyed: true")).has_max_instances());
  EXPECT_EQ(Shown({}).max_instances(), 1);
}

}  // namespace
}  // namespace anteroom::service
