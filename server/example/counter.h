// Kind `counter`, an example of a kind of one's own: a number that takes a
// while to be ready and is 0 for each holder.
//
// Methods: `add` takes a number and answers the sum; `get` answers it.
#ifndef ANTEROOM_SERVER_EXAMPLE_COUNTER_H_
#define ANTEROOM_SERVER_EXAMPLE_COUNTER_H_

#include <memory>
#include <nlohmann/json_fwd.hpp>

#include "absl/status/statusor.h"
#include "server/coro/runtime.h"
#include "server/lifecycle/resource.h"

namespace anteroom::example {

// `parameters`: {"warm_up_ms": a number of at least 0; none unless given}.
absl::StatusOr<std::unique_ptr<lifecycle::Kind>> MakeCounter(
    coro::Runtime runtime, const nlohmann::json& parameters);

}  // namespace anteroom::example

#endif  // ANTEROOM_SERVER_EXAMPLE_COUNTER_H_
