// RequestIndex: makes acquires retry-safe. Acquires of one identity with one
// request id share one flight: while the first waits, a second joins it; once
// granted, both get the same lease.
//
// - The flight is stopped when the last of its callers has left; a retry after
//   that queues anew.
// - Failures are not remembered. Grants are, until Forget().
//
// Thread safety: all methods, from any thread.
#ifndef ANTEROOM_SERVER_LIFECYCLE_REQUEST_INDEX_H_
#define ANTEROOM_SERVER_LIFECYCLE_REQUEST_INDEX_H_

#include <cstddef>
#include <memory>
#include <stop_token>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "server/coro/clock.h"
#include "server/coro/mutex.h"
#include "server/coro/runtime.h"
#include "server/coro/single_flight.h"
#include "server/coro/task.h"
#include "server/coro/task_group.h"
#include "server/lifecycle/lease.h"

namespace anteroom::lifecycle {

class RequestIndex {
 public:
  using Flight = coro::SingleFlight<std::shared_ptr<Lease>>;

  // Flights run in `group`, which outlives the index.
  RequestIndex(coro::Runtime runtime, coro::TaskGroup& group)
      : runtime_(runtime), group_(group) {}
  RequestIndex(const RequestIndex&) = delete;
  RequestIndex& operator=(const RequestIndex&) = delete;

  // Starts or joins the flight of `request` (identity and request id). Further
  // failures: REQUEST_ID_REUSED if `arguments` are not the first call's,
  // LEASE_ENDED once the lease it granted has ended.
  coro::Task<absl::StatusOr<std::shared_ptr<Lease>>> Acquire(
      std::string request, std::string arguments, Flight::Attempt attempt,
      std::stop_token stop, coro::Instant deadline);

  // Drops the grant of `request`: its receipt is no longer kept.
  void Forget(const std::string& request);

  std::size_t size() const;

 private:
  struct Entry {
    std::string arguments;
    std::unique_ptr<Flight> flight;
    int callers = 0;
    bool granted = false;
  };

  const coro::Runtime runtime_;
  coro::TaskGroup& group_;
  mutable coro::Mutex mu_;
  absl::flat_hash_map<std::string, std::shared_ptr<Entry>> entries_
      ABSL_GUARDED_BY(mu_);
};

}  // namespace anteroom::lifecycle

#endif  // ANTEROOM_SERVER_LIFECYCLE_REQUEST_INDEX_H_
