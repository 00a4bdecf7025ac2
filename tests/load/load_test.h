// What the load tests share: how large they are, connections of their own, and
// the watcher of all that happens.
#ifndef ANTEROOM_TESTS_LOAD_LOAD_TEST_H_
#define ANTEROOM_TESTS_LOAD_LOAD_TEST_H_

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "anteroom/v1/resource_service.grpc.pb.h"
#include "grpcpp/grpcpp.h"

namespace anteroom::service {

// ANTEROOM_LOAD=full asks for the sizes that are promised; else they fit among
// the other tests.
struct LoadSizes {
  int waiters = 2'000;
  int scopes_killed = 500;
  // How long the pool is under load, in each of its tests.
  absl::Duration time = absl::Seconds(5);
};
LoadSizes SizesFromEnvironment();

// A connection that it shares with no other channel.
std::shared_ptr<grpc::Channel> NewChannel(const std::string& address);

// All events of a resource from its construction on. It reads ahead on a thread
// of its own, lest it fall behind what the server keeps.
//
// Thread safety: none; one thread at a time.
class EventReader {
 public:
  // Returns once the server has begun to watch.
  EventReader(const std::string& address, const std::string& resource);
  ~EventReader();
  EventReader(const EventReader&) = delete;
  EventReader& operator=(const EventReader&) = delete;

  // The next event; waits for it. nullopt: there will be none.
  std::optional<v1::LifecycleEvent> Next();
  // The next of `phase`; what comes before it goes to seen() alone. Fails the
  // test if there will be none.
  v1::LifecycleEvent Await(v1::LifecycleEvent::Phase phase);
  // What Next() and Await() have gone past.
  const std::vector<v1::LifecycleEvent>& seen() const { return seen_; }
  // How many of those are of `phase`.
  std::size_t Count(v1::LifecycleEvent::Phase phase) const;
  // Their lease names, in order.
  std::vector<std::string> LeaseNames(v1::LifecycleEvent::Phase phase) const;
  // Why the stream ended. REQUIRES: Next() gave nullopt.
  const absl::Status& status() const { return status_; }

 private:
  void Read();

  const std::unique_ptr<v1::ResourceService::Stub> stub_;
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReader<v1::WatchEventsResponse>> stream_;
  std::vector<v1::LifecycleEvent> seen_;

  std::mutex mu_;
  std::condition_variable arrived_;
  std::deque<v1::LifecycleEvent> ahead_;  // guarded by mu_
  bool over_ = false;                     // guarded by mu_
  absl::Status status_;                   // written before over_

  std::thread reader_;
};

}  // namespace anteroom::service

#endif  // ANTEROOM_TESTS_LOAD_LOAD_TEST_H_
