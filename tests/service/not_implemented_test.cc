// What later versions will do is refused by name, and never ignored.
#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "anteroom/v1/admin_service.grpc.pb.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/rpc/status.h"
#include "tests/service/scope_client.h"
#include "tests/service/service_test.h"

namespace anteroom::service {
namespace {

class NotImplementedTest : public ServiceTest {
 protected:
  static void ExpectNotImplemented(const std::string& what,
                                   const absl::Status& status) {
    EXPECT_THAT(status, Fails(absl::StatusCode::kUnimplemented,
                              Reason::kNotImplemented));
    EXPECT_THAT(std::string(status.message()), ::testing::HasSubstr(what));
  }

  template <typename Request, typename Response>
  void Call(const std::string& name,
            grpc::Status (v1::AdminService::Stub::*rpc)(grpc::ClientContext*,
                                                        const Request&,
                                                        Response*)) {
    grpc::ClientContext context;
    Bound(context);
    Response response;
    ExpectNotImplemented(name, rpc::FromGrpcStatus((admin_.get()->*rpc)(
                                   &context, Request(), &response)));
  }

  std::unique_ptr<v1::AdminService::Stub> admin_ =
      v1::AdminService::NewStub(channel_);
};

TEST_F(NotImplementedTest, ChangingTheResources) {
  using Stub = v1::AdminService::Stub;
  Call("CreateResource", &Stub::CreateResource);
  Call("UpdateResource", &Stub::UpdateResource);
  Call("DeleteResource", &Stub::DeleteResource);
}

}  // namespace
}  // namespace anteroom::service
