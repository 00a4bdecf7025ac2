// What gRPC gets wrong about addresses to listen on.
#ifndef ANTEROOM_SERVER_SERVICE_LISTEN_ADDRESS_H_
#define ANTEROOM_SERVER_SERVICE_LISTEN_ADDRESS_H_

#include <string>

#include "absl/status/status.h"

namespace anteroom::service {

// Whether a server may be asked to listen on `address`. INVALID_ARGUMENT if it
// is neither host:port nor unix:PATH: gRPC would take a missing port for 443
// and one above 65,535 modulo 65,536. UNAVAILABLE if somebody listens on the
// socket at PATH: gRPC would take it away from him.
absl::Status CheckListenAddress(const std::string& address);

}  // namespace anteroom::service

#endif  // ANTEROOM_SERVER_SERVICE_LISTEN_ADDRESS_H_
