// Messages of our client calls, to and from bytes.
#ifndef ANTEROOM_SERVER_RPC_MESSAGE_BYTES_H_
#define ANTEROOM_SERVER_RPC_MESSAGE_BYTES_H_

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "grpcpp/impl/codegen/proto_utils.h"
#include "grpcpp/support/byte_buffer.h"
#include "server/coro/check.h"

namespace anteroom::rpc {

template <typename Message>
grpc::ByteBuffer ToBytes(const Message& message) {
  grpc::ByteBuffer bytes;
  bool own = false;
  // Fails only for what is larger than 2 GiB.
  ANTEROOM_CHECK(
      grpc::SerializationTraits<Message>::Serialize(message, &bytes, &own)
          .ok());
  return bytes;
}

// INTERNAL if it does not parse.
template <typename Message>
absl::StatusOr<Message> FromBytes(grpc::ByteBuffer bytes) {
  Message message;
  if (!grpc::SerializationTraits<Message>::Deserialize(&bytes, &message).ok()) {
    return absl::InternalError("what it answered is no message of this RPC");
  }
  return message;
}

}  // namespace anteroom::rpc

#endif  // ANTEROOM_SERVER_RPC_MESSAGE_BYTES_H_
