// Event: one step in the life of an instance or a lease, as watchers and With
// streams see it.
#ifndef ANTEROOM_SERVER_LIFECYCLE_EVENT_H_
#define ANTEROOM_SERVER_LIFECYCLE_EVENT_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "server/lifecycle/names.h"

namespace anteroom::lifecycle {

// The article's prints are phases: init is kConstructed, enter kEntering, await
// kInitializing, a_method kUsed, exit kExiting. kEntering, kInitializing,
// kExiting and kClosing come only where the object has that hook; kEntered and
// kExited mark every lease.
enum class Phase {
  kConstructed,
  kWaiting,       // queued; queue_position says where
  kEntering,      // the enter hook is about to be called
  kInitializing,  // the init hook is about to be called
  kProgress,      // the init hook reported
  kReady,         // the init hook completed
  kEntered,
  kUsed,      // a method is about to be called; message is its name
  kRevoking,  // the lease will be taken at `deadline`
  kExiting,   // the exit hook is about to be called
  kExited,
  kClosing,  // the close hook is about to be called
  kClosed,
  kFailed,  // init, enter or check failed, or (lease_name set) a waiter left
};

// What an event is about. Shared by all events of an instance and of the leases
// on it: they are many, and kept.
struct EventSubject {
  std::string resource;
  std::string key;
  std::string instance_id;  // empty: no instance is concerned
};

// What few events have besides.
struct EventDetails {
  std::string message = {};
  std::optional<double> progress = std::nullopt;  // 0..1
  absl::Status status = absl::OkStatus();
  std::optional<absl::Time> deadline = std::nullopt;  // of kRevoking
};

struct Event {
  const std::string& resource() const { return subject->resource; }
  const std::string& key() const { return subject->key; }
  const std::string& instance_id() const { return subject->instance_id; }
  // Empty: no lease is concerned.
  std::string lease_name() const {
    return lease_number == 0 ? "" : LeaseName(resource(), lease_number);
  }
  const std::string& message() const { return more().message; }
  std::optional<double> progress() const { return more().progress; }
  const absl::Status& status() const { return more().status; }
  std::optional<absl::Time> deadline() const { return more().deadline; }
  // Its details; the defaults, where it has none.
  const EventDetails& more() const;

  // Grows by 1 an event, over all resources; starts at the server's start time
  // in microseconds, so that it grows over restarts too.
  std::uint64_t sequence = 0;
  absl::Time time;
  std::shared_ptr<const EventSubject> subject;  // not null
  std::uint64_t lease_number = 0;
  Phase phase = Phase::kConstructed;
  int queue_position = 0;                       // 1: next
  std::shared_ptr<const EventDetails> details;  // MakeDetails(); null: none
};

// Longer messages are cut: thousands are kept.
inline constexpr std::size_t kMaxMessageBytes = 1024;

// For events to share. The message is UTF-8 then, whatever it was made of, and
// cut: see ToUtf8().
std::shared_ptr<const EventDetails> MakeDetails(EventDetails details);
// Of an event that has only a status; null where that is OK.
std::shared_ptr<const EventDetails> DetailsOf(const absl::Status& status);

// Receives events one by one, in the order of their sequence, while locks of
// the lifecycle are held: an implementation only stores and posts, and never
// calls back into the lifecycle.
class EventSink {
 public:
  virtual ~EventSink() = default;
  virtual void OnEvent(const Event& event) = 0;
};

}  // namespace anteroom::lifecycle

#endif  // ANTEROOM_SERVER_LIFECYCLE_EVENT_H_
