// WatchEvents: what happens, in order, to whoever watches.
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/rpc/status.h"
#include "tests/service/service_test.h"

namespace anteroom::service {
namespace {

using absl::StatusCode;
using ::testing::ElementsAre;

class WatchTest : public ServiceTest {
 protected:
  std::unique_ptr<grpc::ClientReader<v1::WatchEventsResponse>> Watch(
      const v1::WatchEventsRequest& request) {
    Bound(context_);
    return stub_->WatchEvents(&context_, request);
  }

  // Takes and returns an object of `resource`; its lease's name.
  std::string HoldOnce(const std::string& resource) {
    const auto lease = Acquire(resource);
    EXPECT_TRUE(lease.ok()) << lease.status();
    EXPECT_TRUE(Use(lease->lease_id(), "a_method").ok());
    EXPECT_TRUE(Release(lease->lease_id()).ok());
    return lease->name();
  }

  grpc::ClientContext context_;
};

TEST_F(WatchTest, FromNowOnMeansFromWhenTheHeadersCame) {
  HoldOnce("hello");
  AwaitPhase("hello", v1::LifecycleEvent::PHASE_CLOSED);
  const auto stream = Watch({});
  stream->WaitForInitialMetadata();
  HoldOnce("hello");
  v1::WatchEventsResponse response;
  std::vector<std::string> phases;
  std::uint64_t last = 0;
  while (stream->Read(&response)) {
    EXPECT_GT(response.event().sequence(), last);
    last = response.event().sequence();
    phases.push_back(PhaseName(response.event().phase()));
    if (phases.back() == "CLOSED") break;
  }
  EXPECT_THAT(phases,
              ElementsAre("CONSTRUCTED", "ENTERING", "INITIALIZING", "READY",
                          "ENTERED", "USED", "EXITING", "EXITED", "CLOSED"));
}

TEST_F(WatchTest, OneResourceAlone) {
  v1::WatchEventsRequest request;
  request.set_resource("hello-plain");
  const auto stream = Watch(request);
  stream->WaitForInitialMetadata();
  HoldOnce("hello");
  HoldOnce("hello-plain");
  v1::WatchEventsResponse response;
  ASSERT_TRUE(stream->Read(&response));
  EXPECT_EQ(response.event().resource(), "hello-plain");
}

TEST_F(WatchTest, OneLeaseAlone) {
  HoldOnce("hello");
  const std::string name = HoldOnce("hello");
  v1::WatchEventsRequest request;
  request.set_from_sequence(first_sequence_);
  request.set_lease_name(name);
  const auto stream = Watch(request);
  v1::WatchEventsResponse response;
  do {
    ASSERT_TRUE(stream->Read(&response));
    EXPECT_EQ(response.event().lease_name(), name);
  } while (response.event().phase() != v1::LifecycleEvent::PHASE_EXITED);
}

// USED is recorded only while somebody watches.
TEST_F(WatchTest, UsesBeforeTheWatchAreNotRecorded) {
  HoldOnce("hello");
  EXPECT_THAT(PhasesUntil("hello", v1::LifecycleEvent::PHASE_CLOSED),
              ElementsAre("CONSTRUCTED", "ENTERING", "INITIALIZING", "READY",
                          "ENTERED", "EXITING", "EXITED", "CLOSED"));
}

TEST_F(WatchTest, WhoAsksForMoreThanIsKeptLearnsTheOldest) {
  // 8 events each, 10,000 are kept.
  for (int i = 0; i < 1300; ++i) {
    const auto lease = Acquire("hello");
    ASSERT_TRUE(lease.ok()) << lease.status();
    ASSERT_TRUE(Release(lease->lease_id()).ok());
  }
  v1::WatchEventsRequest request;
  request.set_from_sequence(first_sequence_);
  const auto stream = Watch(request);
  v1::WatchEventsResponse response;
  EXPECT_FALSE(stream->Read(&response));
  const absl::Status status = rpc::FromGrpcStatus(stream->Finish());
  EXPECT_THAT(status, Fails(StatusCode::kOutOfRange, Reason::kEventsLost));
  const ErrorDetail detail = DetailOf(status);
  ASSERT_EQ(detail.metadata.size(), 1);
  EXPECT_EQ(detail.metadata.front().first, "oldest_sequence");
  EXPECT_GT(std::stoull(detail.metadata.front().second), first_sequence_);
}

TEST_F(WatchTest, AnUnknownResourceIsJustQuiet) {
  v1::WatchEventsRequest request;
  request.set_resource("nobody");
  const auto stream = Watch(request);
  stream->WaitForInitialMetadata();
  context_.TryCancel();
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::CANCELLED);
}

TEST_F(WatchTest, ADrainEndsEveryWatch) {
  const auto stream = Watch({});
  stream->WaitForInitialMetadata();
  Drain();
  v1::WatchEventsResponse response;
  while (stream->Read(&response)) {
  }
  EXPECT_FALSE(stream->Finish().ok());
}

}  // namespace
}  // namespace anteroom::service
