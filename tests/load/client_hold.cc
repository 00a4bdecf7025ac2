// Many holds at once, few connections, no thread for any of them.
#include <atomic>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "anteroom/v1/resource_service.grpc.pb.h"
#include "grpcpp/grpcpp.h"
#include "tests/load/client.h"

namespace anteroom::load {
namespace {

using Stub = v1::ResourceService::Stub;

constexpr std::size_t kConnections = 4;
// Unary calls under way at once.
constexpr std::size_t kWindow = 256;

[[noreturn]] void Fail(const std::string& what, const grpc::Status& status) {
  std::fprintf(stderr, "load_client: %s: %s\n", what.c_str(),
               status.error_message().c_str());
  std::_Exit(1);
}

void Say(const std::string& line) {
  std::fprintf(stdout, "%s\n", line.c_str());
  std::fflush(stdout);
}

// Counts up; whoever waits for a number waits here.
class Counter {
 public:
  void Add() {
    const std::scoped_lock lock(mu_);
    ++count_;
    changed_.notify_all();
  }
  void Await(std::size_t count) {
    std::unique_lock lock(mu_);
    changed_.wait(lock, [&] { return count_ >= count; });
  }

 private:
  std::mutex mu_;
  std::condition_variable changed_;
  std::size_t count_ = 0;  // guarded by mu_
};

// What a unary call needs until it is answered.
template <typename Request, typename Response>
struct Call {
  grpc::ClientContext context;
  Request request;
  Response response;
};

std::vector<std::string> AcquireAll(
    const std::vector<std::unique_ptr<Stub>>& stubs, const Target& target,
    std::size_t count) {
  std::vector<std::string> ids(count);
  Counter acquired;
  for (std::size_t i = 0; i < count; ++i) {
    if (i >= kWindow) acquired.Await(i - kWindow + 1);
    auto call =
        std::make_shared<Call<v1::AcquireRequest, v1::AcquireResponse>>();
    call->request.set_resource(target.resource);
    // Half of them may be retried: the server remembers those by their ids.
    if (i % 2 == 0) {
      call->request.set_request_id(
          absl::StrCat("load-", absl::ToUnixMicros(absl::Now()), "-", i));
    }
    stubs[i % stubs.size()]->async()->Acquire(
        &call->context, &call->request, &call->response,
        [call, i, &ids, &acquired](const grpc::Status& status) {
          if (!status.ok()) Fail("acquire", status);
          ids[i] = call->response.lease().lease_id();
          acquired.Add();
        });
  }
  acquired.Await(count);
  return ids;
}

// How many of them ended as RELEASED.
std::size_t ReleaseAll(const std::vector<std::unique_ptr<Stub>>& stubs,
                       const std::vector<std::string>& ids) {
  std::atomic<std::size_t> as_released = 0;
  Counter released;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (i >= kWindow) released.Await(i - kWindow + 1);
    auto call =
        std::make_shared<Call<v1::ReleaseRequest, v1::ReleaseResponse>>();
    call->request.set_lease_id(ids[i]);
    stubs[i % stubs.size()]->async()->Release(
        &call->context, &call->request, &call->response,
        [call, &as_released, &released](const grpc::Status& status) {
          if (!status.ok()) Fail("release", status);
          if (call->response.receipt().reason() == v1::EXIT_REASON_RELEASED) {
            ++as_released;
          }
          released.Add();
        });
  }
  released.Await(ids.size());
  return as_released;
}

// A With stream. Lives until the process ends.
class Scope
    : public grpc::ClientBidiReactor<v1::WithRequest, v1::WithResponse> {
 public:
  // Counts its entry in `entered`, its writes in `written` and its end in
  // `ended`.
  Scope(Counter& entered, Counter& written, Counter& ended)
      : entered_(entered), written_(written), ended_(ended) {}

  void Start(Stub& stub, const Target& target) {
    request_.mutable_acquire()->set_resource(target.resource);
    request_.mutable_acquire()->set_events(v1::AcquireRequest::EVENTS_NONE);
    stub.async()->With(&context_, this);
    StartWrite(&request_);
    StartRead(&response_);
    AddHold();
    StartCall();
  }
  // REQUIRES: what was written before has been counted.
  void Use() {
    request_.mutable_use()->set_call_id(1);
    request_.mutable_use()->set_method_name("sleep");
    request_.mutable_use()->mutable_argument()->set_data("3600");
    Write();
  }
  void Release() {
    request_.mutable_release();
    Write();
  }

  const std::string& lease_id() const { return lease_id_; }
  // Why it ended; BROKEN if nobody said.
  std::string reason() {
    const std::scoped_lock lock(mu_);
    return reason_;
  }

  void OnWriteDone(bool /*ok*/) override { written_.Add(); }

  void OnReadDone(bool ok) override {
    if (!ok) {
      {
        const std::scoped_lock lock(mu_);
        over_ = true;
      }
      RemoveHold();
      return;
    }
    if (response_.has_entered()) {
      lease_id_ = response_.entered().lease().lease_id();
      entered_.Add();
    } else if (response_.has_exited()) {
      const std::scoped_lock lock(mu_);
      reason_ = std::string(absl::StripPrefix(
          v1::ExitReason_Name(response_.exited().reason()), "EXIT_REASON_"));
    }
    StartRead(&response_);
  }

  void OnDone(const grpc::Status& status) override {
    if (lease_id_.empty()) Fail("with", status);
    ended_.Add();
  }

 private:
  void Write() {
    const std::scoped_lock lock(mu_);
    if (over_) return written_.Add();
    StartWrite(&request_);
  }

  Counter& entered_;
  Counter& written_;
  Counter& ended_;
  grpc::ClientContext context_;
  v1::WithRequest request_;
  v1::WithResponse response_;
  std::string lease_id_;
  std::mutex mu_;
  bool over_ = false;              // guarded by mu_
  std::string reason_ = "BROKEN";  // guarded by mu_
};

// Many With streams.
class Scopes {
 public:
  Scopes(const std::vector<std::unique_ptr<Stub>>& stubs, const Target& target,
         std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      if (i >= kWindow) entered_.Await(i - kWindow + 1);
      scopes_.push_back(std::make_unique<Scope>(entered_, written_, ended_));
      scopes_.back()->Start(*stubs[i % stubs.size()], target);
    }
    entered_.Await(count);
    AwaitWritten();
  }

  std::size_t size() const { return scopes_.size(); }

  void SayNames() const {
    for (const auto& scope : scopes_) Say(scope->lease_id());
  }
  void Use() {
    for (const auto& scope : scopes_) scope->Use();
    AwaitWritten();
  }
  // How many of them ended as RELEASED.
  std::size_t Release() {
    for (const auto& scope : scopes_) scope->Release();
    AwaitWritten();
    return Await()["RELEASED"];
  }
  // How many ended for each reason.
  std::map<std::string, std::size_t> Await() {
    ended_.Await(size());
    std::map<std::string, std::size_t> reasons;
    for (const auto& scope : scopes_) ++reasons[scope->reason()];
    return reasons;
  }

 private:
  // Each scope's next message.
  void AwaitWritten() { written_.Await(messages_ += size()); }

  std::vector<std::unique_ptr<Scope>> scopes_;
  Counter entered_;
  Counter written_;
  Counter ended_;
  std::size_t messages_ = 0;
};

}  // namespace

int Hold(const Target& target, int leases, int scopes) {
  std::vector<std::unique_ptr<Stub>> stubs;
  for (std::size_t i = 0; i < kConnections; ++i) {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    stubs.push_back(v1::ResourceService::NewStub(grpc::CreateCustomChannel(
        target.address, grpc::InsecureChannelCredentials(), arguments)));
  }
  const std::vector<std::string> held =
      AcquireAll(stubs, target, static_cast<std::size_t>(leases));
  // Its streams may be under way to the end.
  Scopes& streams =
      *new Scopes(stubs, target, static_cast<std::size_t>(scopes));
  Say(absl::StrCat("holding ", held.size(), " ", streams.size()));
  std::string line;
  while (std::getline(std::cin, line)) {
    if (line == "names") {
      streams.SayNames();
    } else if (line == "use") {
      streams.Use();
      Say(absl::StrCat("using ", streams.size()));
    } else if (line == "release") {
      const std::size_t ended = ReleaseAll(stubs, held);
      Say(absl::StrCat("released ", ended, " ", streams.Release()));
    } else if (line == "await") {
      for (const auto& [reason, count] : streams.Await()) {
        Say(absl::StrCat("ended ", reason, " ", count));
      }
      Say("ended");
    } else {
      std::fprintf(stderr, "load_client: what is '%s'?\n", line.c_str());
      std::_Exit(2);
    }
  }
  std::_Exit(0);
}

}  // namespace anteroom::load
