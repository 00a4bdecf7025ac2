// Passage: one call that is forwarded to a held object's endpoint. It counts as
// a Use of the lease, from Pool::Pass() until End(): it puts the lease's expiry
// off, and the exit waits for it.
//
// How the call is forwarded is for the floor above: it ends the call when
// stop() is requested, and then asks StopReason() what to tell the caller.
//
// Destruction: REQUIRES that End() was called.
//
// Thread safety: all methods, from any thread; End() once, last.
#ifndef ANTEROOM_SERVER_LIFECYCLE_PASSAGE_H_
#define ANTEROOM_SERVER_LIFECYCLE_PASSAGE_H_

#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "absl/status/status.h"
#include "server/coro/clock.h"
#include "server/coro/linked_stop.h"
#include "server/coro/runtime.h"
#include "server/lifecycle/lease.h"

namespace anteroom::lifecycle {

class Instance;
class Pool;

class Passage {
 public:
  // By Pool::Pass(), which has counted the call in.
  Passage(coro::Runtime runtime, Pool& pool, LeasePtr lease, Instance& instance,
          std::string endpoint);
  ~Passage();
  Passage(const Passage&) = delete;
  Passage& operator=(const Passage&) = delete;

  // Where to: host:port or unix:PATH.
  const std::string& endpoint() const { return endpoint_; }
  // Which object that is, among all there ever are.
  const std::string& instance_id() const;
  // Requested once that object is no more.
  std::stop_token gone() const;

  // Requested when the call is to end: its lease has ended and use_grace is
  // over, or use_timeout has passed.
  std::stop_token stop() const { return stop_; }
  // When use_timeout will have passed; kNever: there is none.
  coro::Instant deadline() const { return deadline_; }
  // USE_CANCELLED, INSTANCE_LOST or USE_TIMED_OUT; OK: it need not end yet.
  absl::Status StopReason() const;

  // Counts the call out.
  void End();

 private:
  Pool& pool_;
  const std::string endpoint_;
  const coro::Instant deadline_;
  const std::stop_token lease_stop_;
  // Where there is a use_timeout.
  std::optional<coro::LinkedStop> link_;
  std::stop_token stop_;
  LeasePtr lease_;      // null once ended
  Instance& instance_;  // there until then
};

}  // namespace anteroom::lifecycle

#endif  // ANTEROOM_SERVER_LIFECYCLE_PASSAGE_H_
