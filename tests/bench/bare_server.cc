#include "tests/bench/bare_server.h"

#include "anteroom/v1/resource_service.pb.h"
#include "bare.grpc.pb.h"
#include "grpcpp/grpcpp.h"
#include "tests/bench/messages.h"
#include "tests/bench/serve.h"

namespace anteroom::bench {
namespace {

using test::bare::v1::BareService;
using Reactor = grpc::ServerBidiReactor<v1::WithRequest, v1::WithResponse>;

void Answer(const v1::WithRequest& request, v1::WithResponse& response) {
  v1::UseReply& used = *response.mutable_used();
  used.set_call_id(request.use().call_id());
  *used.mutable_result() = request.use().argument();
}

// One message at a time; what answers it is the method's.
class BareReactor : public Reactor {
 public:
  BareReactor() { StartRead(&request_); }

  void OnWriteDone(bool ok) override {
    if (!ok) return Finish(grpc::Status::CANCELLED);
    StartRead(&request_);
  }
  void OnDone() override { delete this; }

 protected:
  v1::WithRequest request_;
  v1::WithResponse response_;
};

// One message after the other, until the client has sent all.
class StreamReactor : public BareReactor {
 public:
  void OnReadDone(bool ok) override {
    if (!ok) return Finish(grpc::Status::OK);
    Answer(request_, response_);
    StartWrite(&response_);
  }
};

// One message, and the status with its answer.
class OnceReactor : public BareReactor {
 public:
  void OnReadDone(bool ok) override {
    if (!ok) return Finish(grpc::Status::CANCELLED);
    Answer(request_, response_);
    StartWriteAndFinish(&response_, grpc::WriteOptions(), grpc::Status::OK);
  }
};

// A scope's messages, or the one that holds them all, with no scope behind
// them.
class ScopeReactor : public BareReactor {
 public:
  void OnReadDone(bool ok) override {
    if (!ok) return Finish(grpc::Status::CANCELLED);
    if (request_.has_batch()) {
      for (const v1::WithRequest& request : request_.batch().requests()) {
        AnswerPart(request, *response_.mutable_batch()->add_responses());
      }
    } else {
      AnswerPart(request_, response_);
    }
    if (request_.has_batch() || request_.has_release()) {
      StartWriteAndFinish(&response_, grpc::WriteOptions(), grpc::Status::OK);
    } else {
      StartWrite(&response_);
    }
  }

 private:
  static void AnswerPart(const v1::WithRequest& request,
                         v1::WithResponse& response) {
    if (request.has_acquire()) {
      *response.mutable_entered()->mutable_lease() = SomeLease();
    } else if (request.has_use()) {
      Answer(request, response);
    } else {
      *response.mutable_exited() = SomeReceipt();
    }
  }
};

class Service : public BareService::CallbackService {
 public:
  grpc::ServerUnaryReactor* Use(grpc::CallbackServerContext* context,
                                const v1::UseRequest* request,
                                v1::UseResponse* response) override {
    *response->mutable_result() = request->argument();
    grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }
  Reactor* Stream(grpc::CallbackServerContext*) override {
    return new StreamReactor;
  }
  Reactor* Once(grpc::CallbackServerContext*) override {
    return new OnceReactor;
  }
  Reactor* Scope(grpc::CallbackServerContext*) override {
    return new ScopeReactor;
  }
};

}  // namespace

void RunBareServer() {
  Service service;
  Serve(service);
}

}  // namespace anteroom::bench
