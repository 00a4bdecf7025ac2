// The one converter between our errors and the wire's: google.rpc.Status with
// ErrorInfo, BadRequest and RetryInfo, in grpc-status-details-bin.
//
// Thread safety: free functions on values.
#ifndef ANTEROOM_SERVER_RPC_STATUS_H_
#define ANTEROOM_SERVER_RPC_STATUS_H_

#include "absl/status/status.h"
#include "google/rpc/status.pb.h"
#include "grpcpp/support/status.h"

namespace anteroom::rpc {

// The domain of every ErrorInfo of ours.
inline constexpr char kErrorDomain[] = "anteroom";

// Details that would not fit a client's default metadata limit (8 KiB) are left
// out, the reason last; a message of more than 2 KiB is cut.
grpc::Status ToGrpcStatus(const absl::Status& status);
absl::Status FromGrpcStatus(const grpc::Status& status);

google::rpc::Status ToProto(const absl::Status& status);
// Our own details become those of error/error.h again; others are kept as they
// are. A code that is none becomes UNKNOWN.
absl::Status FromProto(const google::rpc::Status& proto);

}  // namespace anteroom::rpc

#endif  // ANTEROOM_SERVER_RPC_STATUS_H_
