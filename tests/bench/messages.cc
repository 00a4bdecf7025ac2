#include "tests/bench/messages.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "tests/bench/closed_loop.h"

namespace anteroom::bench {
namespace {

constexpr char kData[] = "\"0123456789abcdef\"";

// As many objects as there are callers at most, so that nobody ever waits.
std::string Resource(const char* name) {
  return absl::StrCat("resources { name: \"", name,
                      "\" policy { max_instances: 1024"
                      " idle_timeout { seconds: 86400 }"
                      " max_ttl { seconds: 86400 } }"
                      " hello { style: STYLE_AWAITABLE } }\n");
}

}  // namespace

std::string AnteroomdConfig() {
  return absl::StrCat(Resource(kHeld), Resource(kScoped));
}

v1::Payload Argument() {
  v1::Payload argument;
  argument.set_content_type("application/json");
  argument.set_data(kData);
  return argument;
}

v1::UseRequest EchoUse() {
  v1::UseRequest request;
  request.set_method_name("echo");
  *request.mutable_argument() = Argument();
  return request;
}

v1::UseRequest EchoUseOf(const std::string& lease_id) {
  v1::UseRequest request = EchoUse();
  request.set_lease_id(lease_id);
  return request;
}

v1::AcquireRequest AcquireOf(const std::string& resource) {
  v1::AcquireRequest request;
  request.set_resource(resource);
  request.mutable_ttl()->set_seconds(kTtlSeconds);
  return request;
}

v1::WithRequest WithAcquire(const std::string& resource,
                            v1::AcquireRequest::Events events) {
  v1::WithRequest request;
  *request.mutable_acquire() = AcquireOf(resource);
  request.mutable_acquire()->set_events(events);
  return request;
}

v1::WithRequest WithUse() {
  v1::WithRequest request;
  v1::UseCall& use = *request.mutable_use();
  use.set_call_id(1);
  use.set_method_name("echo");
  *use.mutable_argument() = Argument();
  return request;
}

v1::WithRequest WithRelease() {
  v1::WithRequest request;
  request.mutable_release();
  return request;
}

std::vector<v1::WithRequest> ScopeRequests(v1::AcquireRequest::Events events) {
  return {WithAcquire(kScoped, events), WithUse(), WithRelease()};
}

v1::WithRequest BatchedScope(v1::AcquireRequest::Events events) {
  v1::WithRequest request;
  for (v1::WithRequest& part : ScopeRequests(events)) {
    *request.mutable_batch()->add_requests() = std::move(part);
  }
  return request;
}

v1::Lease SomeLease() {
  v1::Lease lease;
  lease.set_lease_id(kSomeLeaseId);
  lease.set_name("scoped/1700000000000000");
  lease.set_resource(kScoped);
  lease.set_instance_id("scoped#1700000000000000");
  lease.set_fencing_token(1'700'000'000'000'000);
  lease.set_state(v1::Lease::STATE_HELD);
  lease.mutable_create_time()->set_seconds(1'700'000'000);
  lease.mutable_create_time()->set_nanos(123'456'789);
  return lease;
}

v1::Receipt SomeReceipt() {
  v1::Receipt receipt;
  receipt.set_reason(v1::EXIT_REASON_RELEASED);
  receipt.mutable_exit_status();
  receipt.mutable_held()->set_nanos(123'456);
  receipt.mutable_exited()->set_nanos(123'456);
  receipt.set_attempts(1);
  receipt.mutable_end_time()->set_seconds(1'700'000'000);
  receipt.mutable_end_time()->set_nanos(123'456'789);
  return receipt;
}

void CheckOk(const grpc::Status& status, const char* call) {
  if (status.ok()) return;
  Fail(absl::StrCat(call, " failed with code ", status.error_code(), ": ",
                    status.error_message()));
}

void CheckEchoed(const v1::Payload& result) {
  if (result.data() != kData) {
    Fail(absl::StrCat("an echo answered '", result.data(), "'"));
  }
}

}  // namespace anteroom::bench
