#include "server/config/build_custom.h"

#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "google/protobuf/util/json_util.h"
#include "server/config/fields.h"
#include "server/error/error.h"

namespace anteroom::config {
namespace {

std::string NamesOf(const CustomKinds& kinds) {
  if (kinds.empty()) return "none";
  std::string names;
  for (const auto& [name, factory] : kinds) {
    absl::StrAppend(&names, names.empty() ? "" : ", ", name);
  }
  return names;
}

absl::StatusOr<nlohmann::json> ToJson(const google::protobuf::Struct& proto) {
  std::string text;
  // Protobuf's own status is no absl::Status yet.
  if (!google::protobuf::util::MessageToJsonString(proto, &text).ok()) {
    return absl::InvalidArgumentError("is no JSON: a number must be finite");
  }
  return nlohmann::json::parse(text);
}

}  // namespace

absl::StatusOr<std::unique_ptr<lifecycle::Kind>> BuildCustom(
    coro::Runtime runtime, const std::string& path, const v1::Custom& proto,
    const CustomKinds& kinds) {
  const auto kind = kinds.find(proto.kind());
  if (kind == kinds.end()) {
    return InvalidField(absl::StrCat(path, ".kind"),
                        absl::StrCat("this server has no kind \"", proto.kind(),
                                     "\"; compiled into it: ", NamesOf(kinds)));
  }
  const absl::StatusOr<nlohmann::json> parameters = ToJson(proto.parameters());
  if (!parameters.ok()) {
    return InvalidField(absl::StrCat(path, ".parameters"),
                        parameters.status().message());
  }
  auto built = kind->second(runtime, *parameters);
  if (built.ok()) return built;
  if (DetailOf(built.status()).field_violations.empty()) {
    return InvalidField(path, built.status().message());
  }
  return NamedFrom(path, built.status());
}

}  // namespace anteroom::config
