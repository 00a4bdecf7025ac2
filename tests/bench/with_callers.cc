#include "tests/bench/with_callers.h"

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "anteroom/v1/resource_service.grpc.pb.h"
#include "bare.grpc.pb.h"
#include "grpcpp/grpcpp.h"
#include "tests/bench/channels.h"
#include "tests/bench/messages.h"

namespace anteroom::bench {
namespace {

using test::bare::v1::BareService;
using Reactor = grpc::ClientBidiReactor<v1::WithRequest, v1::WithResponse>;
// Begins the RPC of a scope, with this reactor.
using StartScope = std::function<void(grpc::ClientContext*, Reactor*)>;

class BareOnceCaller : public Caller, Reactor {
 public:
  explicit BareOnceCaller(std::unique_ptr<BareService::Stub> stub)
      : stub_(std::move(stub)), request_(WithUse()) {}

 private:
  void Begin() override {
    context_.emplace();
    context_->set_initial_metadata_corked(true);
    stub_->async()->Once(&*context_, this);
    StartRead(&response_);
    StartWriteLast(&request_, grpc::WriteOptions());
    StartCall();
  }
  void OnDone(const grpc::Status& status) override {
    CheckOk(status, "a bare stream");
    CheckEchoed(response_.used().result());
    Done();
  }

  const std::unique_ptr<BareService::Stub> stub_;
  const v1::WithRequest request_;
  std::optional<grpc::ClientContext> context_;
  v1::WithResponse response_;
};

// Of a stream that is one scope: what both ways to talk have in common.
class ScopeCaller : public Caller, protected Reactor {
 public:
  ScopeCaller(StartScope start, v1::AcquireRequest::Events events)
      : start_(std::move(start)), requests_(ScopeRequests(events)) {}

 protected:
  // The next request. All but the last may wait for the one after them, if
  // `corked`.
  void SendNext(bool corked) {
    const v1::WithRequest& request = requests_[sent_++];
    if (IsAllSent()) return StartWriteLast(&request, grpc::WriteOptions());
    grpc::WriteOptions options;
    if (corked) options.set_buffer_hint();
    StartWrite(&request, options);
  }
  bool IsAllSent() const { return sent_ == requests_.size(); }

  // `response`, which is not an event, answers the next request.
  virtual void Answered() {}

 private:
  virtual void SendFirst() = 0;

  void Begin() override {
    context_.emplace();
    context_->set_initial_metadata_corked(true);
    sent_ = 0;
    exited_ = false;
    start_(&*context_, this);
    StartRead(&response_);
    SendFirst();
    StartCall();
  }
  void OnReadDone(bool ok) override {
    if (!ok) return;
    if (response_.has_used()) CheckEchoed(response_.used().result());
    if (response_.has_exited()) exited_ = true;
    const bool answers = !response_.has_event();
    StartRead(&response_);
    if (answers) Answered();
  }
  void OnDone(const grpc::Status& status) override {
    CheckOk(status, "a With stream");
    if (!exited_) Fail("a scope ended without exit");
    Done();
  }

  const StartScope start_;
  const std::vector<v1::WithRequest> requests_;
  std::optional<grpc::ClientContext> context_;
  v1::WithResponse response_;
  std::size_t sent_ = 0;
  bool exited_ = false;
};

class CorkedCaller : public ScopeCaller {
 public:
  using ScopeCaller::ScopeCaller;

 private:
  void SendFirst() override { SendNext(/*corked=*/true); }
  void OnWriteDone(bool ok) override {
    if (ok && !IsAllSent()) SendNext(/*corked=*/true);
  }
};

// The whole scope in one message, and as many answers as the server likes.
class BatchedCaller : public Caller, Reactor {
 public:
  BatchedCaller(StartScope start, v1::AcquireRequest::Events events)
      : start_(std::move(start)), request_(BatchedScope(events)) {}

 private:
  void Begin() override {
    context_.emplace();
    context_->set_initial_metadata_corked(true);
    exited_ = false;
    start_(&*context_, this);
    StartRead(&response_);
    StartWriteLast(&request_, grpc::WriteOptions());
    StartCall();
  }
  void OnReadDone(bool ok) override {
    if (!ok) return;
    if (response_.has_batch()) {
      for (const v1::WithResponse& response : response_.batch().responses()) {
        Hear(response);
      }
    } else {
      Hear(response_);
    }
    if (!exited_) StartRead(&response_);
  }
  void Hear(const v1::WithResponse& response) {
    if (response.has_used()) CheckEchoed(response.used().result());
    if (response.has_exited()) exited_ = true;
  }
  void OnDone(const grpc::Status& status) override {
    CheckOk(status, "a With stream");
    if (!exited_) Fail("a scope ended without exit");
    Done();
  }

  const StartScope start_;
  const v1::WithRequest request_;
  std::optional<grpc::ClientContext> context_;
  v1::WithResponse response_;
  bool exited_ = false;
};

class InteractiveCaller : public ScopeCaller {
 public:
  using ScopeCaller::ScopeCaller;

 private:
  void SendFirst() override { Send(); }
  void OnWriteDone(bool ok) override {
    if (ok) Settled();
  }
  void Answered() override { Settled(); }

  // gRPC may tell of a write after its answer, and the next has to wait for
  // both.
  void Send() {
    underway_ = 2;
    SendNext(/*corked=*/false);
  }
  void Settled() {
    if (--underway_ == 0 && !IsAllSent()) Send();
  }

  std::atomic<int> underway_ = 0;
};

template <typename ScopeCallerType>
Callers OpenScopes(const std::string& anteroomd, int width,
                   v1::AcquireRequest::Events events) {
  return OpenCallers(anteroomd, width, [events](const auto& channel, int) {
    return std::make_unique<ScopeCallerType>(
        [stub = std::shared_ptr(v1::ResourceService::NewStub(channel))](
            grpc::ClientContext* context, Reactor* reactor) {
          stub->async()->With(context, reactor);
        },
        events);
  });
}

template <typename ScopeCallerType>
Callers OpenBare(const std::string& bare_server, int width) {
  return OpenCallers(bare_server, width, [](const auto& channel, int) {
    return std::make_unique<ScopeCallerType>(
        [stub = std::shared_ptr(BareService::NewStub(channel))](
            grpc::ClientContext* context, Reactor* reactor) {
          stub->async()->Scope(context, reactor);
        },
        v1::AcquireRequest::EVENTS_NONE);
  });
}

}  // namespace

Callers OpenCorkedScopes(const std::string& anteroomd, int width) {
  return OpenScopes<CorkedCaller>(anteroomd, width,
                                  v1::AcquireRequest::EVENTS_NONE);
}

Callers OpenCorkedScopesWithEvents(const std::string& anteroomd, int width) {
  return OpenScopes<CorkedCaller>(anteroomd, width,
                                  v1::AcquireRequest::EVENTS_ALL);
}

Callers OpenBatchedScopes(const std::string& anteroomd, int width) {
  return OpenScopes<BatchedCaller>(anteroomd, width,
                                   v1::AcquireRequest::EVENTS_NONE);
}

Callers OpenBatchedScopesWithEvents(const std::string& anteroomd, int width) {
  return OpenScopes<BatchedCaller>(anteroomd, width,
                                   v1::AcquireRequest::EVENTS_ALL);
}

Callers OpenInteractiveScopes(const std::string& anteroomd, int width) {
  return OpenScopes<InteractiveCaller>(anteroomd, width,
                                       v1::AcquireRequest::EVENTS_NONE);
}

Callers OpenInteractiveScopesWithEvents(const std::string& anteroomd,
                                        int width) {
  return OpenScopes<InteractiveCaller>(anteroomd, width,
                                       v1::AcquireRequest::EVENTS_ALL);
}

Callers OpenBareScopes(const std::string& bare_server, int width) {
  return OpenBare<CorkedCaller>(bare_server, width);
}

Callers OpenBareBatches(const std::string& bare_server, int width) {
  return OpenBare<BatchedCaller>(bare_server, width);
}

Callers OpenBareOnces(const std::string& bare_server, int width) {
  return OpenCallers(bare_server, width, [](const auto& channel, int) {
    return std::make_unique<BareOnceCaller>(BareService::NewStub(channel));
  });
}

}  // namespace anteroom::bench
