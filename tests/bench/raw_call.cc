#include "tests/bench/raw_call.h"

#include "grpcpp/generic/generic_stub.h"
#include "grpcpp/grpcpp.h"
#include "tests/bench/messages.h"

namespace anteroom::bench {
namespace {

// Blocks until the only operation under way has ended; whether it went well.
bool Await(grpc::CompletionQueue& queue) {
  void* tag = nullptr;
  bool ok = false;
  return queue.Next(&tag, &ok) && ok;
}

}  // namespace

std::vector<std::size_t> CallRaw(const std::shared_ptr<grpc::Channel>& channel,
                                 const std::string& path,
                                 const std::vector<std::string>& messages) {
  grpc::GenericStub stub(channel);
  grpc::ClientContext context;
  grpc::CompletionQueue queue;
  const auto call = stub.PrepareCall(&context, path, &queue);
  call->StartCall(nullptr);
  bool ok = Await(queue);
  for (std::size_t i = 0; ok && i < messages.size(); ++i) {
    const grpc::Slice slice(messages[i]);
    grpc::WriteOptions options;
    if (i + 1 == messages.size()) options.set_last_message();
    call->Write(grpc::ByteBuffer(&slice, 1), options, nullptr);
    ok = Await(queue);
  }
  std::vector<std::size_t> sizes;
  grpc::ByteBuffer answer;
  for (call->Read(&answer, nullptr); Await(queue);
       call->Read(&answer, nullptr)) {
    sizes.push_back(answer.Length());
  }
  grpc::Status status;
  call->Finish(&status, nullptr);
  Await(queue);
  CheckOk(status, path.c_str());
  return sizes;
}

}  // namespace anteroom::bench
