#include "server/rpc/pump.h"

#include <string>
#include <vector>

#include "grpcpp/support/slice.h"
#include "gtest/gtest.h"

namespace anteroom::rpc {
namespace {

void Arrive(Pump& pump, const std::string& bytes) {
  ASSERT_TRUE(pump.TakeRead());
  const grpc::Slice slice(bytes);
  grpc::ByteBuffer message(&slice, 1);
  pump.Arrived(message);
  EXPECT_FALSE(message.Valid());  // taken
}

std::string Out(const Pump& pump) {
  std::vector<grpc::Slice> slices;
  EXPECT_TRUE(pump.out().Dump(&slices).ok());
  std::string bytes;
  for (const grpc::Slice& slice : slices) {
    bytes.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  }
  return bytes;
}

TEST(PumpTest, MessagesKeepTheirOrder) {
  Pump pump;
  Arrive(pump, "a");
  Arrive(pump, "b");
  ASSERT_TRUE(pump.TakeWrite());
  EXPECT_EQ(Out(pump), "a");
  pump.Written();
  Arrive(pump, "c");
  ASSERT_TRUE(pump.TakeWrite());
  EXPECT_EQ(Out(pump), "b");
  pump.Written();
  ASSERT_TRUE(pump.TakeWrite());
  EXPECT_EQ(Out(pump), "c");
  EXPECT_EQ(pump.messages(), 3);
}

TEST(PumpTest, NoMoreIsReadThanOneAheadOfTheWrite) {
  Pump pump;
  Arrive(pump, "a");
  Arrive(pump, "b");
  EXPECT_FALSE(pump.TakeRead());
  ASSERT_TRUE(pump.TakeWrite());
  EXPECT_FALSE(pump.TakeRead());
  pump.Written();
  EXPECT_TRUE(pump.TakeRead());
}

TEST(PumpTest, OneReadAndOneWriteAreInFlightAtMost) {
  Pump pump;
  ASSERT_TRUE(pump.TakeRead());
  EXPECT_FALSE(pump.TakeRead());
  ASSERT_TRUE(pump.TakeOther());
  EXPECT_FALSE(pump.TakeOther());
  EXPECT_FALSE(pump.TakeWrite());
}

TEST(PumpTest, TheFirstMessageIsHeldForTheEnd) {
  Pump pump;
  pump.Hold();
  Arrive(pump, "a");
  EXPECT_FALSE(pump.TakeWrite());
  ASSERT_TRUE(pump.TakeRead());
  pump.End();
  ASSERT_TRUE(pump.TakeWrite());
  EXPECT_TRUE(pump.out_is_last());
}

TEST(PumpTest, ASecondMessageEndsTheHold) {
  Pump pump;
  pump.Hold();
  Arrive(pump, "a");
  Arrive(pump, "b");
  ASSERT_TRUE(pump.TakeWrite());
  EXPECT_EQ(Out(pump), "a");
  EXPECT_FALSE(pump.out_is_last());
}

TEST(PumpTest, LettingGoTellsWhetherAMessageWaited) {
  Pump pump;
  pump.Hold();
  Arrive(pump, "a");
  EXPECT_TRUE(pump.LetGo());
  EXPECT_FALSE(pump.LetGo());
}

TEST(PumpTest, LettingGoEndsTheHold) {
  Pump pump;
  pump.Hold();
  EXPECT_FALSE(pump.TakeOther());
  EXPECT_FALSE(pump.LetGo());
  ASSERT_TRUE(pump.TakeOther());
  pump.Written();
  Arrive(pump, "a");
  EXPECT_TRUE(pump.TakeWrite());
}

TEST(PumpTest, AMessageThatCameWhileHeadersWereWrittenIsNotLost) {
  Pump pump;
  ASSERT_TRUE(pump.TakeOther());
  Arrive(pump, "a");
  pump.Written();
  ASSERT_TRUE(pump.TakeWrite());
  EXPECT_EQ(Out(pump), "a");
}

TEST(PumpTest, OnceBrokenNothingIsWrittenAndAllIsRead) {
  Pump pump;
  Arrive(pump, "a");
  Arrive(pump, "b");
  ASSERT_TRUE(pump.TakeWrite());
  pump.Break();
  pump.Written();
  EXPECT_FALSE(pump.TakeWrite());
  EXPECT_FALSE(pump.has_out());
  Arrive(pump, "c");
  EXPECT_FALSE(pump.TakeWrite());
}

}  // namespace
}  // namespace anteroom::rpc
