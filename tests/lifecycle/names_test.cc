// How leases and instances are named, and what is no name.
#include "server/lifecycle/names.h"

#include <optional>
#include <string>

#include "gtest/gtest.h"
#include "server/lifecycle/lease_id.h"

namespace anteroom::lifecycle {
namespace {

TEST(NamesTest, ANameIsReadAsItWasWritten) {
  const std::string lease = LeaseName("a/b#c", 0x1f);
  EXPECT_EQ(lease, "a/b#c/1f");
  const std::optional<Named> named = ParseLeaseName(lease);
  ASSERT_TRUE(named.has_value());
  EXPECT_EQ(named->resource, "a/b#c");
  EXPECT_EQ(named->number, 0x1f);

  const std::string instance = InstanceName("a/b#c", 17);
  EXPECT_EQ(instance, "a/b#c#17");
  const std::optional<Named> parsed = ParseInstanceName(instance);
  ASSERT_TRUE(parsed.has_value());
  EXPECT_EQ(parsed->resource, "a/b#c");
  EXPECT_EQ(parsed->number, 17);
}

TEST(NamesTest, WhatIsWrittenOtherwiseIsNoName) {
  for (const char* name : {"", "r", "r/", "r/0x1f", "r/1F", "r/01f", "r/1f ",
                           "r/10000000000000000"}) {
    EXPECT_FALSE(ParseLeaseName(name).has_value()) << name;
  }
  for (const char* name : {"", "r", "r#", "r#1f", "r#+1", "r# 1", "r#01"}) {
    EXPECT_FALSE(ParseInstanceName(name).has_value()) << name;
  }
}

TEST(NamesTest, ASecretIsThirtyTwoDigits) {
  const LeaseId id{0x0123456789abcdef, 0xfedcba98, 0x76543210};
  EXPECT_EQ(id.Text(), "0123456789abcdeffedcba9876543210");
  EXPECT_EQ(LeaseId::Parse(id.Text()), id);
  EXPECT_EQ((LeaseId{0, 0, 1}).Text(), "00000000000000000000000000000001");
}

TEST(NamesTest, WhatIsNoSecretIsNotTakenForOne) {
  const std::string good = LeaseId{1, 2, 3}.Text();
  EXPECT_FALSE(LeaseId::Parse("").has_value());
  EXPECT_FALSE(LeaseId::Parse(good + "0").has_value());
  EXPECT_FALSE(LeaseId::Parse(good.substr(1)).has_value());
  for (std::size_t place = 0; place < good.size(); ++place) {
    for (const char other : {'g', 'A', '/', ':', '`', ' ', '\0', '\xff'}) {
      std::string text = good;
      text[place] = other;
      EXPECT_FALSE(LeaseId::Parse(text).has_value()) << place;
    }
  }
}

}  // namespace
}  // namespace anteroom::lifecycle
