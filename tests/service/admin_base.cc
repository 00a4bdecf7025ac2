#include "tests/service/admin_base.h"
#include "gmock/gmock.h"

namespace anteroom::service {

v1::Lease AdminTest::Hold(const v1::AcquireRequest& request) {
  const absl::StatusOr<v1::Lease> lease = Acquire(request);
  EXPECT_TRUE(lease.ok()) << lease.status();
  if (!lease.ok()) return {};
  KeepSecret(lease->lease_id());
  return *lease;
}

v1::Lease AdminTest::Hold(const std::string& resource, const std::string& key) {
  v1::AcquireRequest request;
  request.set_resource(resource);
  request.set_key(key);
  return Hold(request);
}

void AdminTest::AwaitPhases(const std::string& resource,
                            v1::LifecycleEvent::Phase phase, int count) {
  grpc::ClientContext context;
  Bound(context);
  v1::WatchEventsRequest request;
  request.set_resource(resource);
  request.set_from_sequence(first_sequence_);
  const auto stream = stub_->WatchEvents(&context, request);
  v1::WatchEventsResponse response;
  while (count > 0 && stream->Read(&response)) {
    if (response.event().phase() == phase) --count;
  }
  EXPECT_EQ(count, 0) << "too seldom " << PhaseName(phase);
}

std::vector<v1::Lease> AdminTest::Leases(const std::string& resource) {
  const auto listed =
      Ask(&Stub::ListLeases, "page_size: 1000 resource: '" + resource + "'");
  EXPECT_TRUE(listed.ok()) << listed.status();
  if (!listed.ok()) return {};
  return {listed->leases().begin(), listed->leases().end()};
}

std::vector<v1::Instance> AdminTest::Instances(const std::string& resource) {
  const auto listed =
      Ask(&Stub::ListInstances, "page_size: 1000 resource: '" + resource + "'");
  EXPECT_TRUE(listed.ok()) << listed.status();
  if (!listed.ok()) return {};
  return {listed->instances().begin(), listed->instances().end()};
}

void AdminTest::ExpectNoSecret(const std::string& bytes) const {
  for (const std::string& secret : secrets_) {
    EXPECT_EQ(bytes.find(secret), std::string::npos) << "a secret is shown";
  }
}

}  // namespace anteroom::service
