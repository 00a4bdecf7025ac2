#include "server/error/utf8.h"

#include <string>

#include "gtest/gtest.h"

namespace anteroom {
namespace {

TEST(Utf8Test, WhatIsUtf8StaysAsItIs) {
  const std::string text = "a\u044f\u20ac\U0001f600";
  EXPECT_EQ(ToUtf8(text, text.size()), text);
  EXPECT_EQ(ToUtf8("", 0), "");
}

TEST(Utf8Test, EachByteThatIsNoneIsAQuestionMark) {
  EXPECT_EQ(ToUtf8("a\xff"
                   "b\xc3("             // no second byte
                   "c\xed\xa0\x80"      // a surrogate
                   "d\xc0\x80"          // overlong
                   "e\xf4\x90\x80\x80"  // beyond Unicode
                   "f\xe2\x82",         // cut
                   100),
            "a?b?(c???d??e????f??");
}

TEST(Utf8Test, ATextIsCutAtACharacter) {
  const std::string text = "x\u044f\u044f";
  EXPECT_EQ(ToUtf8(text, 5), text);
  EXPECT_EQ(ToUtf8(text, 4), "x\u044f");
  EXPECT_EQ(ToUtf8(text, 3), "x\u044f");
  EXPECT_EQ(ToUtf8(text, 2), "x");
}

}  // namespace
}  // namespace anteroom
