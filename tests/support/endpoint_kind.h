// EndpointKind: objects whose other services are at an address that the test
// knows. Without an address they have none.
#ifndef ANTEROOM_TESTS_SUPPORT_ENDPOINT_KIND_H_
#define ANTEROOM_TESTS_SUPPORT_ENDPOINT_KIND_H_

#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/coro/task.h"
#include "server/lifecycle/resource.h"

namespace anteroom::testing {

class EndpointObject : public lifecycle::Object {
 public:
  explicit EndpointObject(std::string address) : address_(std::move(address)) {}

  // The `as h` says where, too.
  coro::Task<absl::StatusOr<lifecycle::Payload>> Enter(
      lifecycle::EnterContext&) override {
    co_return lifecycle::Payload{"text/plain", address_};
  }
  coro::Task<absl::StatusOr<lifecycle::Payload>> Use(
      lifecycle::UseContext&, absl::string_view method,
      lifecycle::PayloadView) override {
    co_return lifecycle::MethodNotFound(method);
  }
  absl::StatusOr<std::string> Endpoint(
      const lifecycle::Payload& value) const override {
    if (address_.empty()) return Object::Endpoint(value);
    return value.data;
  }

 private:
  const std::string address_;
};

class EndpointKind : public lifecycle::Kind {
 public:
  explicit EndpointKind(std::string address) : address_(std::move(address)) {}

  lifecycle::Hooks hooks() const override { return {.enter = true}; }
  std::unique_ptr<lifecycle::Object> Construct(
      const lifecycle::InstanceInfo&, lifecycle::InstanceContext&) override {
    return std::make_unique<EndpointObject>(address_);
  }

 private:
  const std::string address_;
};

}  // namespace anteroom::testing

#endif  // ANTEROOM_TESTS_SUPPORT_ENDPOINT_KIND_H_
