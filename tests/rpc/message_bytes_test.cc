#include "server/rpc/message_bytes.h"

#include <string>
#include <vector>

#include "anteroom/v1/resource_service.pb.h"
#include "grpcpp/support/slice.h"
#include "gtest/gtest.h"

namespace anteroom::rpc {
namespace {

v1::UseRequest Use(const std::string& data) {
  v1::UseRequest use;
  use.set_method_name("m");
  use.mutable_argument()->set_data(data);
  return use;
}

std::vector<grpc::Slice> SlicesOf(const grpc::ByteBuffer& bytes) {
  std::vector<grpc::Slice> slices;
  EXPECT_TRUE(bytes.Dump(&slices).ok());
  return slices;
}

class OfSizeTest : public ::testing::TestWithParam<int> {};

TEST_P(OfSizeTest, BytesAreTheMessagesInOnePiece) {
  const v1::UseRequest use = Use(std::string(GetParam(), 'x'));
  const std::vector<grpc::Slice> slices = SlicesOf(ToBytes(use));
  ASSERT_EQ(slices.size(), 1);
  EXPECT_EQ(std::string(slices[0].begin(), slices[0].end()),
            use.SerializeAsString());
}

TEST_P(OfSizeTest, WhatWasSerializedParses) {
  grpc::ByteBuffer bytes = ToBytes(Use(std::string(GetParam(), 'x')));
  v1::UseRequest parsed;
  EXPECT_TRUE(Parse(bytes, parsed));
  EXPECT_EQ(parsed.argument().data(), std::string(GetParam(), 'x'));
  EXPECT_FALSE(bytes.Valid());
}

// One that fits into a slice itself; one of a slice's memory; one of many of
// the pieces in which gRPC would serialize.
INSTANTIATE_TEST_SUITE_P(MessageBytes, OfSizeTest,
                         ::testing::Values(0, 100, 5'000'000));

TEST(MessageBytesTest, AMessageInPiecesParses) {
  const std::string whole = Use("some data").SerializeAsString();
  std::vector<grpc::Slice> pieces;
  for (const char byte : whole) pieces.emplace_back(std::string(1, byte));
  grpc::ByteBuffer bytes(pieces.data(), pieces.size());
  v1::UseRequest parsed;
  EXPECT_TRUE(Parse(bytes, parsed));
  EXPECT_EQ(parsed.argument().data(), "some data");
}

TEST(MessageBytesTest, AnEmptyMessageHasNoBytesAndParses) {
  grpc::ByteBuffer bytes = ToBytes(v1::UseRequest());
  EXPECT_TRUE(bytes.Valid());
  EXPECT_EQ(bytes.Length(), 0);
  v1::UseRequest parsed;
  EXPECT_TRUE(Parse(bytes, parsed));
}

TEST(MessageBytesTest, NothingAndGarbageDoNotParse) {
  v1::UseRequest parsed;
  grpc::ByteBuffer nothing;
  EXPECT_FALSE(Parse(nothing, parsed));
  const grpc::Slice slice(std::string("\xff\xff\xff garbage"));
  grpc::ByteBuffer garbage(&slice, 1);
  EXPECT_FALSE(Parse(garbage, parsed));
}

}  // namespace
}  // namespace anteroom::rpc
