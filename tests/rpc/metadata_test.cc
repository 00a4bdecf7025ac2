#include "server/rpc/metadata.h"

#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace anteroom::rpc {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;

TEST(MetadataTest, WhatIsOfOneHopOrReservedStaysBehind) {
  for (const char* const key :
       {"te", "user-agent", "content-type", "connection", "transfer-encoding",
        "grpc-timeout", "grpc-status-details-bin", "grpc-encoding",
        "anteroom-lease", "anteroom-fencing-token", ":path", ""}) {
    EXPECT_FALSE(TravelsOn(key)) << key;
  }
  for (const char* const key :
       {"x-request-id", "authorization", "traceparent", "grpcx", "team"}) {
    EXPECT_TRUE(TravelsOn(key)) << key;
  }
}

TEST(MetadataTest, WhatTravelsOnKeepsItsBytesAndItsOrder) {
  const std::string bytes("\0\xff", 2);
  Metadata metadata;
  metadata.emplace("k", "2");
  metadata.emplace("te", "trailers");
  metadata.emplace("k", "1");
  metadata.emplace("k-bin", grpc::string_ref(bytes.data(), bytes.size()));
  std::vector<std::pair<std::string, std::string>> copied;
  CopyMetadata(metadata, [&](const std::string& key, const std::string& value) {
    copied.emplace_back(key, value);
  });
  EXPECT_THAT(copied, ElementsAre(Pair("k", "2"), Pair("k", "1"),
                                  Pair("k-bin", bytes)));
}

}  // namespace
}  // namespace anteroom::rpc
