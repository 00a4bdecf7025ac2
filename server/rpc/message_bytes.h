// Messages, to and from the bytes of a stream or of a client's call.
#ifndef ANTEROOM_SERVER_RPC_MESSAGE_BYTES_H_
#define ANTEROOM_SERVER_RPC_MESSAGE_BYTES_H_

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "google/protobuf/message_lite.h"
#include "grpcpp/support/byte_buffer.h"

namespace anteroom::rpc {

// In one piece of memory: gRPC's own serialization would ask the message for
// its size twice more, and fill pieces. Not Valid() for a message of 2 GiB or
// more, which nobody could read.
grpc::ByteBuffer ToBytes(const google::protobuf::MessageLite& message);

// Takes `bytes` into `message`. False: it does not parse.
bool Parse(grpc::ByteBuffer& bytes, google::protobuf::MessageLite& message);

// INTERNAL if it does not parse.
template <typename Message>
absl::StatusOr<Message> FromBytes(grpc::ByteBuffer bytes) {
  Message message;
  if (!Parse(bytes, message)) {
    return absl::InternalError("what it answered is no message of this RPC");
  }
  return message;
}

}  // namespace anteroom::rpc

#endif  // ANTEROOM_SERVER_RPC_MESSAGE_BYTES_H_
