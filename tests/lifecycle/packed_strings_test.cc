#include "server/lifecycle/packed_strings.h"

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "gtest/gtest.h"

namespace anteroom::lifecycle {
namespace {

TEST(PackedStringsTest, TheyAreWhatTheyWereMadeOf) {
  const std::string large(100'000, 'x');
  const std::string zeros(3, '\0');
  const std::vector<absl::string_view> strings = {"", "a",   large,
                                                  "", zeros, ""};
  const PackedStrings packed(strings);
  ASSERT_EQ(packed.size(), strings.size());
  for (std::size_t i = 0; i < strings.size(); ++i) {
    EXPECT_EQ(packed[i], strings[i]) << i;
  }
}

TEST(PackedStringsTest, ThereMayBeNone) {
  EXPECT_EQ(PackedStrings().size(), 0);
  EXPECT_EQ(PackedStrings(absl::Span<const absl::string_view>()).size(), 0);
}

}  // namespace
}  // namespace anteroom::lifecycle
