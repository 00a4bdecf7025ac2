#include "server/config/build_process.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "re2/re2.h"
#include "server/config/fields.h"
#include "server/kinds/process/process.h"
#include "server/kinds/process/readiness.h"
#include "server/kinds/process/signals.h"

namespace anteroom::config {
namespace {

using When = kinds::Readiness::When;

bool HasZero(const std::string& text) {
  return text.find('\0') != std::string::npos;
}

// A program and its arguments, as they can be handed to one.
void ReadCommand(Fields& fields, const std::string& name,
                 const google::protobuf::RepeatedPtrField<std::string>& proto,
                 std::vector<std::string>& command) {
  command.assign(proto.begin(), proto.end());
  if (!command.empty() && command.front().empty()) {
    fields.Refuse(absl::StrCat(name, "[0]"), "must name a program");
  }
  for (std::size_t i = 0; i < command.size(); ++i) {
    if (HasZero(command[i])) {
      fields.Refuse(absl::StrCat(name, "[", i, "]"),
                    "must not contain a zero byte");
    }
  }
}

void ReadEnvironment(Fields& fields, const v1::Process& proto,
                     kinds::ProcessParameters& parameters) {
  // In an order of their own, so that complaints are the same each time.
  const std::map<std::string, std::string> sorted(proto.env().begin(),
                                                  proto.env().end());
  for (const auto& [name, value] : sorted) {
    if (name.empty() || name.find('=') != std::string::npos || HasZero(name) ||
        HasZero(value)) {
      fields.Refuse("env", absl::StrCat("\"", absl::CEscape(name),
                                        "\" is no variable that a program can "
                                        "be given"));
    }
    parameters.environment.emplace_back(name, value);
  }
}

std::shared_ptr<const re2::RE2> ReadRegex(Fields& fields,
                                          const std::string& pattern) {
  re2::RE2::Options options;
  options.set_log_errors(false);
  auto regex = std::make_shared<const re2::RE2>(pattern, options);
  if (!regex->ok()) {
    fields.Refuse("stdout_regex",
                  absl::StrCat("is no regular expression: ", regex->error()));
  }
  return regex;
}

// Something that fits into the first line of an HTTP request.
bool IsPath(const std::string& path) {
  return !path.empty() && path.front() == '/' &&
         std::all_of(path.begin(), path.end(), [](unsigned char byte) {
           return absl::ascii_isgraph(byte);
         });
}

void ReadReadiness(Fields& fields, const v1::Process& proto,
                   kinds::Readiness& readiness) {
  switch (proto.ready_case()) {
    case v1::Process::READY_NOT_SET:
      break;
    case v1::Process::kStdoutRegex:
      readiness.when = When::kLineMatches;
      readiness.line = ReadRegex(fields, proto.stdout_regex());
      break;
    case v1::Process::kTcp:
      readiness.when = When::kPortAccepts;
      if (!proto.tcp()) fields.Refuse("tcp", "must be true, or be left out");
      break;
    case v1::Process::kGrpcHealth:
      readiness.when = When::kHealthServing;
      if (!proto.grpc_health()) {
        fields.Refuse("grpc_health", "must be true, or be left out");
      }
      break;
    case v1::Process::kHttpGet:
      readiness.when = When::kHttpGetSucceeds;
      readiness.path = proto.http_get();
      if (!IsPath(readiness.path)) {
        fields.Refuse("http_get", "must be a path that begins with a /");
      }
      break;
  }
}

}  // namespace

absl::StatusOr<std::unique_ptr<lifecycle::Kind>> BuildProcess(
    coro::Runtime runtime, const std::string& path, const v1::Process& proto,
    std::shared_ptr<kinds::ProcessHost>& host) {
  Fields fields(path);
  kinds::ProcessParameters parameters;
  if (proto.command().empty()) fields.Refuse("command", "must name a program");
  ReadCommand(fields, "command", proto.command(), parameters.command);
  ReadCommand(fields, "reset_command", proto.reset_command(),
              parameters.reset_command);
  ReadEnvironment(fields, proto, parameters);
  if (!proto.stop_signal().empty()) {
    const std::optional<int> number = kinds::SignalNumber(proto.stop_signal());
    if (!number.has_value()) {
      fields.Refuse("stop_signal",
                    "must be a signal's name, such as \"SIGINT\"");
    }
    parameters.stop_signal = number.value_or(parameters.stop_signal);
  }
  if (proto.has_stop_grace()) {
    fields.Read("stop_grace", proto.stop_grace(), parameters.stop_grace);
  }
  ReadReadiness(fields, proto, parameters.readiness);
  parameters.proxy = proto.proxy();
  if (!fields.status().ok()) return fields.status();
  if (host == nullptr) {
    host = std::make_shared<kinds::ProcessHost>(runtime.random);
  }
  return std::make_unique<kinds::Process>(runtime, host, std::move(parameters));
}

}  // namespace anteroom::config
