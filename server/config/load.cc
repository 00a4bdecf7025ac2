#include "server/config/load.h"

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string_view>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "google/protobuf/io/tokenizer.h"
#include "google/protobuf/text_format.h"
#include "google/protobuf/util/json_util.h"

namespace anteroom::config {
namespace {

// Keeps the first error, with its place.
class FirstError : public google::protobuf::io::ErrorCollector {
 public:
  explicit FirstError(std::string path) : path_(std::move(path)) {}

  void AddError(int line, google::protobuf::io::ColumnNumber column,
                const std::string& message) override {
    if (!status_.ok()) return;
    status_ = absl::InvalidArgumentError(
        absl::StrCat(path_, ":", line + 1, ":", column + 1, ": ", message));
  }
  const absl::Status& status() const { return status_; }

 private:
  const std::string path_;
  absl::Status status_;
};

absl::Status ParseText(const std::string& path, const std::string& text,
                       v1::ServerConfig& config) {
  FirstError error(path);
  google::protobuf::TextFormat::Parser parser;
  parser.RecordErrorsTo(&error);
  if (parser.ParseFromString(text, &config)) return absl::OkStatus();
  if (!error.status().ok()) return error.status();
  return absl::InvalidArgumentError(absl::StrCat(path, ": is malformed"));
}

// Where and why JSON is malformed, which Protobuf's own message does not tell
// in one line.
absl::Status CheckJson(const std::string& path, const std::string& text) {
  try {
    (void)nlohmann::json::parse(text);
  } catch (const nlohmann::json::parse_error& error) {
    // "[json.exception.parse_error.101] parse error at line 3, column 12: why"
    const std::string_view what = error.what();
    const std::string_view before = std::string_view(text).substr(
        0, error.byte - 1);  // byte: 1 for the first
    const auto line = 1 + std::count(before.begin(), before.end(), '\n');
    const std::size_t column = before.size() - (before.rfind('\n') + 1) + 1;
    return absl::InvalidArgumentError(
        absl::StrCat(path, ":", line, ":", column, ": ",
                     std::string(what.substr(what.find(": ") + 2))));
  } catch (const nlohmann::json::exception&) {
    return absl::OkStatus();  // well formed, though nlohmann cannot hold it
  }
  return absl::OkStatus();
}

absl::Status ParseJson(const std::string& path, const std::string& text,
                       v1::ServerConfig& config) {
  const auto parsed =
      google::protobuf::util::JsonStringToMessage(text, &config);
  if (parsed.ok()) return absl::OkStatus();
  const absl::Status malformed = CheckJson(path, text);
  if (!malformed.ok()) return malformed;
  // Lines after the first quote `text`.
  const std::string message(parsed.message());
  return absl::InvalidArgumentError(
      absl::StrCat(path, ": ", message.substr(0, message.find('\n'))));
}

v1::Resource HelloResource(const char* name, v1::Hello::Style style) {
  v1::Resource resource;
  resource.set_name(name);
  resource.mutable_hello()->set_style(style);
  return resource;
}

}  // namespace

absl::StatusOr<v1::ServerConfig> LoadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream content;
  const bool empty = file.peek() == std::ifstream::traits_type::eof();
  if (!empty) content << file.rdbuf();  // would fail if there were nothing
  if (file.fail() || content.fail()) {
    return absl::NotFoundError(absl::StrCat(path, ": cannot be read"));
  }
  v1::ServerConfig config;
  const absl::Status parsed = absl::EndsWith(path, ".json")
                                  ? ParseJson(path, content.str(), config)
                                  : ParseText(path, content.str(), config);
  if (!parsed.ok()) return parsed;
  return config;
}

v1::ServerConfig DefaultConfig() {
  v1::ServerConfig config;
  *config.add_resources() =
      HelloResource("hello-plain", v1::Hello::STYLE_PLAIN);
  *config.add_resources() =
      HelloResource("hello-awaitable", v1::Hello::STYLE_AWAITABLE);
  v1::Resource context =
      HelloResource("hello-context", v1::Hello::STYLE_CONTEXT);
  context.mutable_policy()->set_await_init(v1::Policy::AWAIT_INIT_NEVER);
  *config.add_resources() = std::move(context);
  *config.add_resources() =
      HelloResource("hello", v1::Hello::STYLE_ENTER_AWAITS_INIT);
  return config;
}

}  // namespace anteroom::config
