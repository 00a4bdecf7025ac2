#include "server/rpc/endpoints.h"

#include <memory>
#include <stop_token>

#include "gtest/gtest.h"
#include "tests/support/manual_runtime.h"

namespace anteroom::rpc {
namespace {

class EndpointsTest : public ::testing::Test {
 protected:
  testing::ManualRuntime world_;
  Endpoints endpoints_{world_.runtime(), /*max=*/2};
  std::stop_source gone_;
};

TEST_F(EndpointsTest, AnObjectsChannelIsKept) {
  const auto first = endpoints_.Get("127.0.0.1:1", "r#1", gone_.get_token());
  EXPECT_EQ(endpoints_.Get("127.0.0.1:1", "r#1", gone_.get_token()), first);
  EXPECT_NE(endpoints_.Get("127.0.0.1:1", "r#2", {}), first);
  EXPECT_EQ(endpoints_.size(), 2);
}

TEST_F(EndpointsTest, AChannelGoesWithItsObject) {
  endpoints_.Get("127.0.0.1:1", "r#1", gone_.get_token());
  endpoints_.Get("127.0.0.1:1", "r#2", {});
  gone_.request_stop();
  EXPECT_EQ(endpoints_.size(), 2);  // nothing goes inside the request
  world_.RunUntilIdle();
  EXPECT_EQ(endpoints_.size(), 1);
}

TEST_F(EndpointsTest, TheLeastRecentlyUsedGoesWhenThereAreTooMany) {
  const auto first = endpoints_.Get("127.0.0.1:1", "r#1", {});
  const std::weak_ptr<grpc::GenericStub> second =
      endpoints_.Get("127.0.0.1:1", "r#2", {});
  endpoints_.Get("127.0.0.1:1", "r#1", {});
  endpoints_.Get("127.0.0.1:1", "r#3", {});
  EXPECT_EQ(endpoints_.size(), 2);
  EXPECT_TRUE(second.expired());
  EXPECT_EQ(endpoints_.Get("127.0.0.1:1", "r#1", {}), first);
}

TEST_F(EndpointsTest, AChannelIsDroppedOnTheExecutorWhoeverLetsGoLast) {
  auto stub = endpoints_.Get("127.0.0.1:1", "r#1", gone_.get_token());
  gone_.request_stop();
  world_.RunUntilIdle();
  EXPECT_EQ(world_.executor().pending(), 0);
  stub.reset();
  EXPECT_EQ(world_.executor().pending(), 1);
  world_.RunUntilIdle();
}

}  // namespace
}  // namespace anteroom::rpc
