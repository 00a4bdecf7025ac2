// Which metadata of a call travels on when the call is forwarded.
//
// Thread safety: free functions on values.
#ifndef ANTEROOM_SERVER_RPC_METADATA_H_
#define ANTEROOM_SERVER_RPC_METADATA_H_

#include <map>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"
#include "grpcpp/support/string_ref.h"

namespace anteroom::rpc {

using Metadata = std::multimap<grpc::string_ref, grpc::string_ref>;

// False for what belongs to one connection or to gRPC itself (te, user-agent,
// grpc-*, ...) and for what is said to this server (anteroom-*).
bool TravelsOn(absl::string_view key);

// Hands all that travels on to `add`, in its order.
void CopyMetadata(
    const Metadata& metadata,
    absl::FunctionRef<void(const std::string& key, const std::string& value)>
        add);

}  // namespace anteroom::rpc

#endif  // ANTEROOM_SERVER_RPC_METADATA_H_
