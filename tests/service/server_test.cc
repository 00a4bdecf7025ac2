// The server around the services: ports, health, reflection, shutdown.
#include "server/service/server.h"

#include <future>
#include <string>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/rpc/status.h"
#include "tests/rpc/raw_call.h"
#include "tests/service/service_test.h"

namespace anteroom::service {
namespace {

using absl::StatusCode;
using ::testing::HasSubstr;

class ServerTest : public ServiceTest {
 protected:
  // The answer of grpc.health.v1.Health/Check: a HealthCheckResponse, whose
  // field 1 is the status (1 SERVING, 2 NOT_SERVING).
  std::string Health() {
    testing::RawCall call(channel_, "/grpc.health.v1.Health/Check");
    call.Write("");
    call.HalfClose();
    return call.Read().value_or("no answer");
  }
};

TEST_F(ServerTest, ItsAddressHasTheRealPort) {
  EXPECT_THAT(server_->addresses().front(),
              ::testing::MatchesRegex("127\\.0\\.0\\.1:[1-9][0-9]*"));
}

TEST_F(ServerTest, APortInUseIsNeverShared) {
  rpc::Calls calls(runtime());
  const auto second =
      Server::Start(*built_.anteroom, calls, {server_->addresses().front()});
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.status().code(), StatusCode::kUnavailable);
  EXPECT_THAT(std::string(second.status().message()),
              HasSubstr(server_->addresses().front()));
}

TEST_F(ServerTest, HealthIsServingUntilTheDrainBegins) {
  EXPECT_EQ(Health(), std::string("\x08\x01"));
  server_->StopBeingHealthy();
  EXPECT_EQ(Health(), std::string("\x08\x02"));
}

TEST_F(ServerTest, ReflectionListsTheServices) {
  testing::RawCall call(
      channel_,
      "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo");
  // ServerReflectionRequest{list_services: "*"}: field 7, one byte.
  ASSERT_TRUE(call.Write(std::string("\x3a\x01*")));
  const std::string answer = call.Read().value_or("no answer");
  EXPECT_THAT(answer, HasSubstr("anteroom.v1.ResourceService"));
  EXPECT_THAT(answer, HasSubstr("anteroom.v1.AdminService"));
  EXPECT_THAT(answer, HasSubstr("grpc.health.v1.Health"));
}

TEST_F(ServerTest, ADrainSendsWaitersAwayAndEndsHolds) {
  const auto held = Acquire("hello");
  ASSERT_TRUE(held.ok()) << held.status();
  std::future<absl::Status> waiting = std::async(
      std::launch::async, [this] { return Acquire("hello").status(); });
  AwaitPhase("hello", v1::LifecycleEvent::PHASE_WAITING);
  Drain();
  EXPECT_THAT(waiting.get(),
              Fails(StatusCode::kUnavailable, Reason::kDraining));
  EXPECT_EQ((*built_.anteroom->Find(held->lease_id()))->receipt().reason,
            lifecycle::ExitReason::kDrained);
}

}  // namespace
}  // namespace anteroom::service
