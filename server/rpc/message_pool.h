// MessagePool: gives each call of a unary method a request and a response that
// an earlier call has used, so that their strings and submessages need not be
// allocated again.
//
//   MessagePool<v1::UseRequest, v1::UseResponse> uses_;
//   SetMessageAllocatorFor_Use(&uses_);
//
// A thread keeps those of the calls that ended on it; what grew large is not
// kept, nor more than a few: the memory is that of kMaxKept small calls a
// thread and method.
//
// Lifetime: outlives the server. Thread safety: that of MessageAllocator, from
// any thread.
#ifndef ANTEROOM_SERVER_RPC_MESSAGE_POOL_H_
#define ANTEROOM_SERVER_RPC_MESSAGE_POOL_H_

#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

#include "grpcpp/support/message_allocator.h"

namespace anteroom::rpc {

template <typename Request, typename Response>
class MessagePool : public grpc::MessageAllocator<Request, Response> {
 public:
  // Of a thread. More than a thread serves at once, unless calls wait.
  static constexpr std::size_t kMaxKept = 16;
  // Serialized, of a request and its response, beyond which they are freed.
  static constexpr std::size_t kMaxKeptBytes = 4096;

  grpc::MessageHolder<Request, Response>* AllocateMessages() override {
    auto& kept = Kept();
    if (kept.empty()) return new Holder;
    Holder* const holder = kept.back().release();
    kept.pop_back();
    return holder;
  }

 private:
  class Holder : public grpc::MessageHolder<Request, Response> {
   public:
    Holder() {
      this->set_request(&request_);
      this->set_response(&response_);
    }

    void Release() override {
      std::unique_ptr<Holder> self(this);
      auto& kept = Kept();
      if (kept.size() >= kMaxKept ||
          request_.ByteSizeLong() +
                  static_cast<std::size_t>(response_.GetCachedSize()) >
              kMaxKeptBytes) {
        return;
      }
      // The response's size is known from when it was sent. (What was not sent
      // is an error's, and empty.) The request is cleared when the next is
      // parsed.
      response_.Clear();
      kept.push_back(std::move(self));
    }

   private:
    Request request_;
    Response response_;
  };

  static std::vector<std::unique_ptr<Holder>>& Kept() {
    thread_local std::vector<std::unique_ptr<Holder>> kept;
    return kept;
  }
};

}  // namespace anteroom::rpc

#endif  // ANTEROOM_SERVER_RPC_MESSAGE_POOL_H_
