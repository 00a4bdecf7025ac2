#include "tests/bench/posting.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <fstream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "grpcpp/grpcpp.h"
#include "tests/bench/channels.h"
#include "tests/bench/closed_loop.h"
#include "tests/bench/messages.h"
#include "tests/bench/raw_call.h"

namespace anteroom::bench {
namespace {

// Of each message, what says how long it is.
constexpr std::size_t kPrefixBytes = 5;

H2load H2loadOf(const Process& server, const Post& post, int width,
                const std::string& body_file) {
  const int connections = ConnectionsFor(width);
  if (width % connections != 0) {
    Fail(absl::StrCat(connections, " connections cannot share ", width,
                      " calls at once equally"));
  }
  return {absl::StrCat("http://", server.address, post.path), body_file,
          connections, width / connections};
}

}  // namespace

Posting::Posting(const Process& server, Post post, int width,
                 const std::string& body_file)
    : server_(server),
      post_(std::move(post)),
      width_(width),
      h2load_(H2loadOf(server, post_, width, body_file)) {
  std::ofstream(body_file) << BodyOf(post_);
  const auto channel = Connect(server.address, 1).front();
  admin_ = v1::AdminService::NewStub(channel);
  for (const std::size_t size : CallRaw(channel, post_.path, post_.messages)) {
    answer_bytes_ += static_cast<std::int64_t>(kPrefixBytes + size);
  }
}

Turn Posting::TakeTurn(absl::Duration run_up, absl::Duration time) {
  Load(run_up);
  const Turn turn = Load(time);
  calls_a_second_ = turn.calls_a_second;
  return turn;
}

Turn Posting::Load(absl::Duration time) {
  const std::int64_t requests = std::max<std::int64_t>(
      width_, std::llround(calls_a_second_ * absl::ToDoubleSeconds(time)));
  const std::int64_t used_before = Uses();
  const double server_before = ProcessorTime({server_.id});
  const H2loadRun run = RunH2load(h2load_, requests);
  const double server_took = ProcessorTime({server_.id}) - server_before;
  CheckDone(requests, run.report, Uses() - used_before);
  const auto calls = static_cast<double>(requests);
  Turn turn;
  turn.calls_a_second = run.report.requests_a_second;
  turn.server_us = server_took / calls * 1e6;
  turn.server_cores = server_took / calls * turn.calls_a_second;
  turn.client_us = run.processor_seconds / calls * 1e6;
  turn.mean_us = absl::ToDoubleMicroseconds(run.report.mean);
  turn.max_us = absl::ToDoubleMicroseconds(run.report.max);
  return turn;
}

std::int64_t Posting::Uses() {
  if (post_.resource.empty()) return 0;
  std::int64_t uses = 0;
  v1::ListInstancesRequest request;
  request.set_resource(post_.resource);
  do {
    grpc::ClientContext context;
    v1::ListInstancesResponse response;
    CheckOk(admin_->ListInstances(&context, request, &response),
            "ListInstances");
    for (const v1::Instance& instance : response.instances()) {
      uses += static_cast<std::int64_t>(instance.uses());
    }
    request.set_page_token(response.next_page_token());
  } while (!request.page_token().empty());
  return uses;
}

void Posting::CheckDone(std::int64_t requests, const H2loadReport& report,
                        std::int64_t uses) const {
  if (post_.resource.empty()) {
    if (report.answered_bytes == requests * answer_bytes_) return;
    Fail(absl::StrCat(post_.path, ": ", report.answered_bytes, " bytes for ",
                      requests, " answers of ", answer_bytes_, " bytes"));
  }
  if (uses == requests) return;
  Fail(absl::StrCat(post_.path, ": ", uses, " uses in ", requests, " calls"));
}

}  // namespace anteroom::bench
