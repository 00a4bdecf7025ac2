// Reads a configuration: from a file, or the built-in default.
#ifndef ANTEROOM_SERVER_CONFIG_LOAD_H_
#define ANTEROOM_SERVER_CONFIG_LOAD_H_

#include <string>

#include "absl/status/statusor.h"
#include "anteroom/v1/config.pb.h"

namespace anteroom::config {

// The ServerConfig in the file at `path`: protobuf text format, or JSON where
// the name ends in ".json". NOT_FOUND or INVALID_ARGUMENT, with the path and,
// for a syntax error, the line.
absl::StatusOr<v1::ServerConfig> LoadFile(const std::string& path);

// The four objects of the article: hello-plain, hello-awaitable, hello-context
// (whose init is never awaited) and hello.
v1::ServerConfig DefaultConfig();

}  // namespace anteroom::config

#endif  // ANTEROOM_SERVER_CONFIG_LOAD_H_
