#include "server/kinds/process/output.h"

#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/manual_runtime.h"
#include "tests/support/outcome.h"

namespace anteroom::kinds {
namespace {

using Stream = Output::Stream;
using Answer = std::shared_ptr<Output::Answer>;
using ::testing::ElementsAre;
using ::testing::Eq;
using ::testing::IsEmpty;
using ::testing::Le;
using ::testing::SizeIs;

class OutputTest : public ::testing::Test {
 protected:
  // The texts that are kept from number `from` on. REQUIRES: there is one.
  std::vector<std::string> Kept(std::uint64_t from = 1) {
    std::vector<std::string> texts;
    for (const Output::Line& line : world_.Run(output_.Read(from, {}))) {
      texts.push_back(line.text);
    }
    return texts;
  }

  testing::ManualRuntime world_;
  Output output_{world_.runtime(),
                 std::make_shared<const re2::RE2>("^re+ady$")};
};

TEST_F(OutputTest, ALineMayComeInPieces) {
  output_.Append(Stream::kOutput, "a");
  output_.Append(Stream::kOutput, "b\n\nc");
  output_.Append(Stream::kError, "d\n");
  output_.Append(Stream::kOutput, "\n");
  EXPECT_THAT(Kept(), ElementsAre("ab", "", "d", "c"));
  EXPECT_EQ(output_.next_number(), 5);
}

TEST_F(OutputTest, WhatHasNoEndIsALineOnceNothingMoreComes) {
  output_.Append(Stream::kOutput, "a");
  output_.Close(absl::UnavailableError("over"));
  EXPECT_THAT(Kept(), ElementsAre("a"));
}

TEST_F(OutputTest, TheOldestLinesAreForgotten) {
  for (int i = 0; i < 100'000; ++i) {
    output_.Append(Stream::kOutput, absl::StrCat("line ", i, "\n"));
  }
  const std::vector<std::string> kept = Kept();
  EXPECT_EQ(kept.back(), "line 99999");
  std::size_t bytes = 0;
  for (const std::string& text : kept) bytes += text.size() + 1;
  EXPECT_THAT(bytes, Le(Output::kKeptBytes));
  EXPECT_GT(bytes, Output::kKeptBytes - 100);
}

TEST_F(OutputTest, OfALongLineTheBeginningIsKept) {
  output_.Append(Stream::kOutput, std::string(10'000, 'x') + "\n");
  EXPECT_THAT(Kept(), ElementsAre(std::string(Output::kKeptLineBytes, 'x')));
}

TEST_F(OutputTest, WhatNeverEndsIsCutIntoLines) {
  const Answer first = output_.Expect();
  const Answer second = output_.Expect();
  for (int i = 0; i < 33; ++i) {
    output_.Append(Stream::kOutput, std::string(64 << 10, 'x'));
  }
  EXPECT_THAT(*first->result, SizeIs(Output::kLineBytes));
  EXPECT_THAT(*second->result, SizeIs(Output::kLineBytes));
  EXPECT_EQ(output_.next_number(), 3);
}

TEST_F(OutputTest, ALineOfTheGreatestLengthIsOne) {
  output_.Append(Stream::kOutput, std::string(Output::kLineBytes - 1, 'x'));
  output_.Append(Stream::kOutput, "\nnext\n");
  EXPECT_EQ(output_.next_number(), 3);
}

TEST_F(OutputTest, LinesOfStandardOutputAnswerInOrder) {
  const Answer first = output_.Expect();
  const Answer second = output_.Expect();
  output_.Append(Stream::kError, "not me\n");
  EXPECT_FALSE(first->done.is_set());
  output_.Append(Stream::kOutput, "a\nb\nc\n");
  EXPECT_EQ(*first->result, "a");
  EXPECT_EQ(*second->result, "b");
  EXPECT_EQ(output_.expected(), 0);
}

TEST_F(OutputTest, ALineThatCameBeforeIsNoAnswer) {
  output_.Append(Stream::kOutput, "a\n");
  const Answer answer = output_.Expect();
  EXPECT_FALSE(answer->done.is_set());
  output_.Append(Stream::kOutput, "b\n");
  EXPECT_EQ(*answer->result, "b");
}

TEST_F(OutputTest, WhatIsWithdrawnTakesNoLine) {
  const Answer first = output_.Expect();
  const Answer second = output_.Expect();
  output_.Withdraw(first, absl::ResourceExhaustedError("full"));
  EXPECT_TRUE(first->done.is_set());
  EXPECT_EQ(first->result.status().message(), "full");
  output_.Append(Stream::kOutput, "a\n");
  EXPECT_EQ(*second->result, "a");
}

TEST_F(OutputTest, OnceNothingMoreComesEveryAnswerIsWhy) {
  const Answer before = output_.Expect();
  output_.Close(absl::UnavailableError("over"));
  const Answer after = output_.Expect();
  for (const Answer& answer : {before, after}) {
    EXPECT_TRUE(answer->done.is_set());
    EXPECT_EQ(answer->result.status().message(), "over");
  }
}

TEST_F(OutputTest, OnlyALineOfStandardOutputMatches) {
  output_.Append(Stream::kError, "ready\n");
  output_.Append(Stream::kOutput, "not ready\nready");
  EXPECT_FALSE(output_.matched().is_set());
  output_.Append(Stream::kOutput, "\n");
  EXPECT_TRUE(output_.matched().is_set());
}

TEST_F(OutputTest, AReaderWaitsForALine) {
  coro::TaskGroup group(world_.runtime());
  const testing::Outcome<std::vector<Output::Line>> read(group,
                                                         output_.Read(1, {}));
  world_.RunUntilIdle();
  EXPECT_FALSE(read.done());
  output_.Append(Stream::kOutput, "a\n");
  world_.RunUntilIdle();
  ASSERT_THAT(read.value(), SizeIs(1));
  EXPECT_EQ(read.value()[0].text, "a");
}

TEST_F(OutputTest, AReaderThatIsStoppedGetsNothing) {
  coro::TaskGroup group(world_.runtime());
  std::stop_source stop;
  const testing::Outcome<std::vector<Output::Line>> read(
      group, output_.Read(1, stop.get_token()));
  stop.request_stop();
  world_.RunUntilIdle();
  EXPECT_THAT(read.value(), IsEmpty());
}

TEST_F(OutputTest, ItsTailIsWholeLinesOrTheEndOfTheLast) {
  EXPECT_THAT(output_.Tail(10), IsEmpty());
  output_.Append(Stream::kOutput, "abcd\nef\ngh\n");
  EXPECT_THAT(output_.Tail(6), Eq("ef\ngh\n"));
  EXPECT_THAT(output_.Tail(100), Eq("abcd\nef\ngh\n"));
  EXPECT_THAT(output_.Tail(2), Eq("h\n"));
}

}  // namespace
}  // namespace anteroom::kinds
