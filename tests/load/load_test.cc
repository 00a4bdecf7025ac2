#include "tests/load/load_test.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "absl/strings/string_view.h"
#include "gtest/gtest.h"
#include "server/rpc/status.h"
#include "tests/service/service_test.h"

namespace anteroom::service {

LoadSizes SizesFromEnvironment() {
  LoadSizes sizes;
  const char* const load = std::getenv("ANTEROOM_LOAD");
  if (load != nullptr && absl::string_view(load) == "full") {
    sizes.waiters = 10'000;
    sizes.scopes_killed = 2'000;
    sizes.time = absl::Seconds(60);
  }
  return sizes;
}

std::shared_ptr<grpc::Channel> NewChannel(const std::string& address) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(),
                                   arguments);
}

EventReader::EventReader(const std::string& address,
                         const std::string& resource)
    : stub_(v1::ResourceService::NewStub(NewChannel(address))) {
  v1::WatchEventsRequest request;
  request.set_resource(resource);
  stream_ = stub_->WatchEvents(&context_, request);
  stream_->WaitForInitialMetadata();
  reader_ = std::thread([this] { Read(); });
}

EventReader::~EventReader() {
  context_.TryCancel();
  reader_.join();
}

void EventReader::Read() {
  v1::WatchEventsResponse response;
  while (stream_->Read(&response)) {
    const std::scoped_lock lock(mu_);
    ahead_.push_back(std::move(*response.mutable_event()));
    arrived_.notify_one();
  }
  absl::Status status = rpc::FromGrpcStatus(stream_->Finish());
  const std::scoped_lock lock(mu_);
  status_ = std::move(status);
  over_ = true;
  arrived_.notify_one();
}

std::optional<v1::LifecycleEvent> EventReader::Next() {
  std::unique_lock lock(mu_);
  arrived_.wait(lock, [this] { return over_ || !ahead_.empty(); });
  if (ahead_.empty()) return std::nullopt;
  seen_.push_back(std::move(ahead_.front()));
  ahead_.pop_front();
  return seen_.back();
}

v1::LifecycleEvent EventReader::Await(v1::LifecycleEvent::Phase phase) {
  while (true) {
    const std::optional<v1::LifecycleEvent> event = Next();
    if (!event.has_value()) {
      ADD_FAILURE() << "no " << PhaseName(phase) << " came: " << status_;
      return {};
    }
    if (event->phase() == phase) return *event;
  }
}

std::size_t EventReader::Count(v1::LifecycleEvent::Phase phase) const {
  return LeaseNames(phase).size();
}

std::vector<std::string> EventReader::LeaseNames(
    v1::LifecycleEvent::Phase phase) const {
  std::vector<std::string> names;
  for (const v1::LifecycleEvent& event : seen_) {
    if (event.phase() == phase) names.push_back(event.lease_name());
  }
  return names;
}

}  // namespace anteroom::service
