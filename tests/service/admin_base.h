// AdminTest: ServiceTest with an operator.
#ifndef ANTEROOM_TESTS_SERVICE_ADMIN_BASE_H_
#define ANTEROOM_TESTS_SERVICE_ADMIN_BASE_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "anteroom/v1/admin_service.grpc.pb.h"
#include "google/protobuf/text_format.h"
#include "gtest/gtest.h"
#include "server/rpc/status.h"
#include "tests/service/service_test.h"

namespace anteroom::service {

class AdminTest : public ServiceTest {
 protected:
  using Stub = v1::AdminService::Stub;

  explicit AdminTest(const std::string& config_textproto)
      : ServiceTest(config_textproto) {}

  // One blocking call: Ask(&Stub::Drain, "resource: 'a'"). Every answer must be
  // free of all secrets.
  template <typename Request, typename Response>
  absl::StatusOr<Response> Ask(grpc::Status (Stub::*rpc)(grpc::ClientContext*,
                                                         const Request&,
                                                         Response*),
                               const std::string& textproto = "") {
    Request request;
    EXPECT_TRUE(
        google::protobuf::TextFormat::ParseFromString(textproto, &request))
        << textproto;
    grpc::ClientContext context;
    Bound(context);
    Response response;
    const grpc::Status status =
        (admin_.get()->*rpc)(&context, request, &response);
    if (!status.ok()) return rpc::FromGrpcStatus(status);
    ExpectNoSecret(response.SerializeAsString());
    return response;
  }
  template <typename Request, typename Response>
  absl::Status StatusOf(grpc::Status (Stub::*rpc)(grpc::ClientContext*,
                                                  const Request&, Response*),
                        const std::string& textproto = "") {
    return Ask(rpc, textproto).status();
  }

  // A lease that is held; its id is a secret from now on.
  v1::Lease Hold(const v1::AcquireRequest& request);
  v1::Lease Hold(const std::string& resource, const std::string& key = "");
  void KeepSecret(const std::string& lease_id) { secrets_.push_back(lease_id); }

  // Waits until `phase` of `resource` was seen `count` times since the server
  // started.
  void AwaitPhases(const std::string& resource, v1::LifecycleEvent::Phase phase,
                   int count);

  // What a listing of `resource` shows on one page.
  std::vector<v1::Lease> Leases(const std::string& resource);
  std::vector<v1::Instance> Instances(const std::string& resource);

  std::unique_ptr<Stub> admin_ = v1::AdminService::NewStub(channel_);

 private:
  void ExpectNoSecret(const std::string& bytes) const;

  std::vector<std::string> secrets_;
};

// INVALID_REQUEST for `field` alone.
MATCHER_P(RefusesField, field, "") {
  *result_listener << "which says " << arg.ToString();
  const ErrorDetail detail = DetailOf(arg);
  return HasReason(arg, Reason::kInvalidRequest) &&
         detail.field_violations.size() == 1 &&
         detail.field_violations.front().first == field;
}

}  // namespace anteroom::service

#endif  // ANTEROOM_TESTS_SERVICE_ADMIN_BASE_H_
