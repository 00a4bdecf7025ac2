// Why an acquire waits, in words.
//
// Thread safety: a free function on values.
#ifndef ANTEROOM_SERVER_SERVICE_EXPLANATION_H_
#define ANTEROOM_SERVER_SERVICE_EXPLANATION_H_

#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/lifecycle/policy.h"
#include "server/lifecycle/pool.h"

namespace anteroom::service {

// How many hold, wait and exist; what stands in the way; what would help.
// `first_end` is when the first of the holders' leases ends as things stand, as
// far as is known: infinite future if it is not.
std::string Explanation(absl::string_view resource, absl::string_view key,
                        const lifecycle::Policy& policy,
                        const lifecycle::Pool::WaitReport& report,
                        absl::Time first_end);

}  // namespace anteroom::service

#endif  // ANTEROOM_SERVER_SERVICE_EXPLANATION_H_
