#include "server/rpc/message_bytes.h"

#include <cstddef>
#include <cstdint>
#include <limits>

#include "grpcpp/support/proto_buffer_reader.h"
#include "grpcpp/support/slice.h"
#include "server/coro/check.h"

namespace anteroom::rpc {
namespace {

// Protobuf's own.
constexpr std::size_t kMaxSize = std::numeric_limits<std::int32_t>::max();

}  // namespace

grpc::ByteBuffer ToBytes(const google::protobuf::MessageLite& message) {
  const std::size_t size = message.ByteSizeLong();
  if (size > kMaxSize) return {};
  grpc::Slice slice(size);
  // Nobody else has it yet.
  const std::uint8_t* const end = message.SerializeWithCachedSizesToArray(
      const_cast<std::uint8_t*>(slice.begin()));
  ANTEROOM_CHECK(end == slice.end());
  return {&slice, 1};
}

bool Parse(grpc::ByteBuffer& bytes, google::protobuf::MessageLite& message) {
  grpc::Slice slice;
  bool parsed = false;
  if (bytes.TrySingleSlice(&slice).ok()) {  // as is all that is small
    parsed =
        slice.size() <= kMaxSize &&
        message.ParseFromArray(slice.begin(), static_cast<int>(slice.size()));
  } else if (bytes.Valid()) {
    grpc::ProtoBufferReader reader(&bytes);
    parsed = reader.status().ok() && message.ParseFromZeroCopyStream(&reader);
  }
  bytes.Clear();
  return parsed;
}

}  // namespace anteroom::rpc
