// What RPCs of the contract answer that this server does not have yet.
#ifndef ANTEROOM_SERVER_SERVICE_NOT_IMPLEMENTED_H_
#define ANTEROOM_SERVER_SERVICE_NOT_IMPLEMENTED_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "server/coro/task.h"

namespace anteroom::service {

// UNIMPLEMENTED `NOT_IMPLEMENTED`, naming the RPC.
coro::Task<absl::Status> NotImplemented(absl::string_view rpc);

}  // namespace anteroom::service

#endif  // ANTEROOM_SERVER_SERVICE_NOT_IMPLEMENTED_H_
