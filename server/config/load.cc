#include "server/config/load.h"

#include <fstream>
#include <sstream>
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

absl::Status ParseJson(const std::string& path, const std::string& text,
                       v1::ServerConfig& config) {
  const auto parsed =
      google::protobuf::util::JsonStringToMessage(text, &config);
  if (parsed.ok()) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(path, ": ", std::string(parsed.message())));
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
  content << file.rdbuf();
  if (!file.good() || content.fail()) {
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
