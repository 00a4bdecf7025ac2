// The arguments and results of the methods of kind `process` (process.h).
#ifndef ANTEROOM_SERVER_KINDS_PROCESS_METHODS_H_
#define ANTEROOM_SERVER_KINDS_PROCESS_METHODS_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "server/kinds/process/output.h"
#include "server/lifecycle/payload.h"

namespace anteroom::kinds {

// request: the line to send. INVALID_ARGUMENT.
absl::StatusOr<std::string> LineOf(lifecycle::PayloadView argument);

// request: the line that answers `argument`.
lifecycle::Payload AnswerTo(lifecycle::PayloadView argument,
                            const std::string& line);

// signal: which. INVALID_ARGUMENT.
absl::StatusOr<int> SignalOf(lifecycle::PayloadView argument);

struct LogsArgument {
  std::optional<std::uint64_t> lines;  // all that are kept
  bool follow = true;
};

// logs: none, a number of lines, or {"lines": N, "follow": true}, also as named
// arguments. INVALID_ARGUMENT.
absl::StatusOr<LogsArgument> LogsArgumentOf(lifecycle::PayloadView argument);

// logs: one line.
lifecycle::Payload LogOf(const Output::Line& line);

}  // namespace anteroom::kinds

#endif  // ANTEROOM_SERVER_KINDS_PROCESS_METHODS_H_
