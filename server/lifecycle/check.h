// The check of an instance that nobody holds.
#ifndef ANTEROOM_SERVER_LIFECYCLE_CHECK_H_
#define ANTEROOM_SERVER_LIFECYCLE_CHECK_H_

#include <stop_token>

#include "absl/status/status.h"
#include "server/coro/runtime.h"
#include "server/coro/task.h"
#include "server/lifecycle/policy.h"
#include "server/lifecycle/resource.h"

namespace anteroom::lifecycle {

// Calls the check hook, bounded by enter_timeout. An error, DEADLINE_EXCEEDED
// for a check that took too long, closes the instance.
coro::Task<absl::Status> RunCheck(coro::Runtime runtime, const Policy& policy,
                                  Object& object, std::stop_token drain);

}  // namespace anteroom::lifecycle

#endif  // ANTEROOM_SERVER_LIFECYCLE_CHECK_H_
