#include "server/kinds/process/methods.h"

#include <nlohmann/json.hpp>

#include "absl/status/status.h"
#include "server/kinds/process/signals.h"

namespace anteroom::kinds {
namespace {

using lifecycle::Payload;
using lifecycle::PayloadView;
using nlohmann::json;

// What is no UTF-8 in a program's output is told all the same.
std::string Text(const json& value) {
  return value.dump(/*indent=*/-1, /*indent_char=*/' ', /*ensure_ascii=*/false,
                    json::error_handler_t::replace);
}

json Parse(PayloadView payload) {
  return json::parse(payload.data, nullptr, /*allow_exceptions=*/false);
}

// Named arguments as one object.
json Named(json argument) {
  if (!argument.is_object() || !argument.contains("kwargs")) return argument;
  json named = argument["kwargs"];
  const json positional = argument.value("args", json::array());
  if (!named.is_object() || !positional.is_array() || positional.size() > 1) {
    return json(json::value_t::discarded);
  }
  if (!positional.empty()) named["lines"] = positional.front();
  return named;
}

}  // namespace

absl::StatusOr<std::string> LineOf(PayloadView argument) {
  std::string line(argument.data);
  if (argument.content_type == lifecycle::kJson) {
    const json value = Parse(argument);
    if (value.is_discarded()) {
      return absl::InvalidArgumentError("request: its argument is no JSON");
    }
    line = value.is_string() ? value.get<std::string>() : Text(value);
  }
  if (argument == PayloadView() || line.find('\n') != std::string::npos) {
    return absl::InvalidArgumentError(
        "request takes one argument: a line, without its end");
  }
  return line;
}

Payload AnswerTo(PayloadView argument, const std::string& line) {
  if (argument.content_type != lifecycle::kJson) {
    return Payload{std::string(argument.content_type), line};
  }
  return Payload{lifecycle::kJson, Text(line)};
}

absl::StatusOr<int> SignalOf(PayloadView argument) {
  const json name = Parse(argument);
  const std::optional<int> number =
      name.is_string() ? SignalNumber(name.get<std::string>()) : std::nullopt;
  if (number.has_value()) return *number;
  return absl::InvalidArgumentError(
      "signal takes one argument: a signal's name, such as \"SIGHUP\"");
}

absl::StatusOr<LogsArgument> LogsArgumentOf(PayloadView argument) {
  LogsArgument logs;
  if (argument.data.empty()) return logs;
  json value = Named(Parse(argument));
  if (value.is_number()) value = json{{"lines", value}};
  bool understood = value.is_object();
  for (auto field = value.begin(); understood && field != value.end();
       ++field) {
    if (field.key() == "lines" && field->is_number_unsigned()) {
      logs.lines = field->get<std::uint64_t>();
    } else if (field.key() == "follow" && field->is_boolean()) {
      logs.follow = field->get<bool>();
    } else {
      understood = false;
    }
  }
  if (understood) return logs;
  return absl::InvalidArgumentError(
      "logs takes `lines`, a whole number of at least 0, and `follow`, true or "
      "false");
}

Payload LogOf(const Output::Line& line) {
  const bool error = line.stream == Output::Stream::kError;
  return Payload{lifecycle::kJson,
                 Text(json{{"number", line.number},
                           {"stream", error ? "stderr" : "stdout"},
                           {"line", line.text}})};
}

}  // namespace anteroom::kinds
