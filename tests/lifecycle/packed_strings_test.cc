#include "server/lifecycle/packed_strings.h"

#include <cstddef>
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
  EXPECT_FALSE(packed.empty());
  EXPECT_EQ(packed.Views(), strings);
  for (std::size_t i = 0; i < strings.size(); ++i) {
    EXPECT_EQ(packed[i], strings[i]) << i;
  }
}

TEST(PackedStringsTest, TheirSizesMayBeAny) {
  for (const std::size_t size : {126u, 127u, 128u, 129u, 16'383u, 16'384u}) {
    const std::string string(size, 'x');
    const PackedStrings packed({string, "end"});
    EXPECT_EQ(packed[0], string);
    EXPECT_EQ(packed[1], "end");
    const std::vector<absl::string_view> many(size, "y");
    EXPECT_EQ(PackedStrings(many).Views(), many);
  }
}

TEST(PackedStringsTest, ThereMayBeNone) {
  EXPECT_TRUE(PackedStrings().empty());
  EXPECT_TRUE(PackedStrings().Views().empty());
  EXPECT_TRUE(PackedStrings(absl::Span<const absl::string_view>()).empty());
}

}  // namespace
}  // namespace anteroom::lifecycle
