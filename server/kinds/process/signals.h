// Signals by their names.
#ifndef ANTEROOM_SERVER_KINDS_PROCESS_SIGNALS_H_
#define ANTEROOM_SERVER_KINDS_PROCESS_SIGNALS_H_

#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace anteroom::kinds {

// SIGTERM for "SIGTERM"; nullopt for what is no signal's name.
std::optional<int> SignalNumber(absl::string_view name);

// "SIGTERM"; "signal 42" for one without a name.
std::string SignalName(int number);

}  // namespace anteroom::kinds

#endif  // ANTEROOM_SERVER_KINDS_PROCESS_SIGNALS_H_
