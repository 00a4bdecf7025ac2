// Scopes: the scopes that are not done and that another stream may resume: by
// their lease's id or, before they are entered, by the request id of their
// acquire.
//
// Invariants:
//  1. A scope is found by its lease's id before the client can know that id.
//  2. Of those whose lease has ended the newest are kept, kMaxLingering of them
//     with kMaxLingeringBytes of replies.
//  3. It is forgotten before a stream is told its end for good: who retries
//     after that begins anew.
//
// Thread safety: all methods, from any thread.
#ifndef ANTEROOM_SERVER_LIFECYCLE_SCOPES_H_
#define ANTEROOM_SERVER_LIFECYCLE_SCOPES_H_

#include <cstddef>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/coro/mutex.h"
#include "server/coro/runtime.h"
#include "server/coro/task_group.h"
#include "server/lifecycle/lease.h"
#include "server/lifecycle/lease_id.h"
#include "server/lifecycle/scope.h"
#include "server/lifecycle/scope_runner.h"

namespace anteroom::lifecycle {

class Anteroom;

class Scopes {
 public:
  // Scopes run in `group`; both outlive the scopes' end.
  Scopes(coro::Runtime runtime, Anteroom& anteroom, coro::TaskGroup& group)
      : runtime_(runtime), anteroom_(anteroom), group_(group) {}
  Scopes(const Scopes&) = delete;
  Scopes& operator=(const Scopes&) = delete;

  const coro::Runtime& runtime() const { return runtime_; }
  Anteroom& anteroom() const { return anteroom_; }

  // The scope that `request`, the first that `stream` says, begins; or the live
  // one that the same request id has begun, which `stream` then takes over.
  // REQUEST_ID_REUSED if that had other arguments; DRAINING. `rest`: what the
  // stream says together with it.
  absl::StatusOr<std::shared_ptr<ScopeRunner>> Acquire(
      Scope::AcquireRequested request, std::shared_ptr<ScopeStream> stream,
      std::vector<Scope::Input> rest = {});

  // The live scope of this lease, which `stream` takes over. LEASE_NOT_FOUND;
  // LEASE_ENDED if its end is not kept any more; INVALID_REQUEST if it is held
  // by no scope that may be resumed. `rest`: what the stream says together with
  // it.
  absl::StatusOr<std::shared_ptr<ScopeRunner>> Resume(
      absl::string_view lease_id, Scope::Resumed resumed,
      std::shared_ptr<ScopeStream> stream, std::vector<Scope::Input> rest = {});

  // Ended scopes that are kept for a stream to hear their end.
  static constexpr std::size_t kMaxLingering = 1000;
  static constexpr std::size_t kMaxLingeringBytes = std::size_t{64} << 20;

  // What a runner tells of its scope: that it is entered, that its lease has
  // ended, and that it is done.
  void Entered(const std::shared_ptr<ScopeRunner>& runner,
               const LeaseId& lease_id);
  void Lingers(const std::shared_ptr<ScopeRunner>& runner, std::size_t bytes);
  void Forget(const ScopeRunner& runner, const std::string& request,
              const Lease* lease);

  // Lets those go, from now on, that wait for a stream to come back. For a
  // drain, once all leases have ended.
  void Close();

  // How many ids it knows.
  std::size_t size() const;

 private:
  struct ByRequest {
    std::string arguments;
    std::shared_ptr<ScopeRunner> runner;
  };

  // The live scope that this acquire joins; null if there is none.
  absl::StatusOr<std::shared_ptr<ScopeRunner>> Join(
      const Scope::AcquireRequested& request) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const coro::Runtime runtime_;
  Anteroom& anteroom_;
  coro::TaskGroup& group_;
  mutable coro::Mutex mu_;
  absl::flat_hash_map<std::string, ByRequest> by_request_ ABSL_GUARDED_BY(mu_);
  absl::flat_hash_map<LeaseId, std::shared_ptr<ScopeRunner>> by_lease_
      ABSL_GUARDED_BY(mu_);
  struct Lingering {
    std::weak_ptr<ScopeRunner> runner;
    std::size_t bytes;
  };
  // In the order of their ends; some may be done by now.
  std::deque<Lingering> lingering_ ABSL_GUARDED_BY(mu_);
  std::size_t lingering_bytes_ ABSL_GUARDED_BY(mu_) = 0;
  bool closed_ ABSL_GUARDED_BY(mu_) = false;
};

}  // namespace anteroom::lifecycle

#endif  // ANTEROOM_SERVER_LIFECYCLE_SCOPES_H_
