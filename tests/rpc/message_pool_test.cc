#include "server/rpc/message_pool.h"

#include <functional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "anteroom/v1/resource_service.pb.h"
#include "gtest/gtest.h"

namespace anteroom::rpc {
namespace {

using Pool = MessagePool<v1::UseRequest, v1::UseResponse>;
using Holder = grpc::MessageHolder<v1::UseRequest, v1::UseResponse>;

std::string Bytes(const std::string& data) {
  v1::UseRequest request;
  request.mutable_argument()->set_data(data);
  return request.SerializeAsString();
}

// A call, as gRPC makes it: parsed, answered with what it said, and over.
const v1::UseResponse* Echo(Pool& pool, const std::string& data) {
  Holder* const holder = pool.AllocateMessages();
  EXPECT_TRUE(holder->request()->ParseFromString(Bytes(data)));
  EXPECT_EQ(holder->response()->ByteSizeLong(), 0);
  *holder->response()->mutable_result() = holder->request()->argument();
  const v1::UseResponse* const response = holder->response();
  holder->Release();
  return response;
}

// Each test on a thread of its own, which keeps nothing yet.
void OnNewThread(const std::function<void()>& test) {
  std::thread(test).join();
}

TEST(MessagePoolTest,
     TheNextCallHasTheMessagesOfTheLastAndNothingThatTheyHeld) {
  OnNewThread([] {
    Pool pool;
    const v1::UseResponse* const first = Echo(pool, "hello");
    EXPECT_EQ(Echo(pool, "world"), first);
    Holder* const holder = pool.AllocateMessages();
    EXPECT_TRUE(holder->request()->ParseFromString(""));
    EXPECT_FALSE(holder->request()->has_argument());
    EXPECT_FALSE(holder->response()->has_result());
    holder->Release();
  });
}

TEST(MessagePoolTest, CallsSideBySideHaveMessagesOfTheirOwn) {
  OnNewThread([] {
    Pool pool;
    std::vector<Holder*> holders;
    std::set<v1::UseRequest*> requests;
    for (int i = 0; i < 100; ++i) {
      holders.push_back(pool.AllocateMessages());
      requests.insert(holders.back()->request());
    }
    EXPECT_EQ(requests.size(), 100);
    for (Holder* const holder : holders) holder->Release();
  });
}

TEST(MessagePoolTest, WhatGrewLargeIsNotKept) {
  OnNewThread([] {
    Pool pool;
    Echo(pool, std::string(2 * Pool::kMaxKeptBytes, 'x'));
    Holder* const holder = pool.AllocateMessages();
    EXPECT_LT(holder->request()->SpaceUsedLong(), Pool::kMaxKeptBytes);
    EXPECT_LT(holder->response()->SpaceUsedLong(), Pool::kMaxKeptBytes);
    holder->Release();
  });
}

}  // namespace
}  // namespace anteroom::rpc
