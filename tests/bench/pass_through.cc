// What it costs to call a service through a lease, against calling it directly,
// and against the least that passing a call on costs (bare_forwarder.h): unary
// calls, in turns. Four processes: this client, the service, and the two that
// pass calls on to it.
//
// Prints, as medians of the rounds, calls a second and the processor time of
// all processes for a call, and how the ways compare with the direct one: each
// ratio is the median of those within a round, since a machine's speed drifts.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "anteroom/v1/resource_service.grpc.pb.h"
#include "echo.grpc.pb.h"
#include "grpcpp/grpcpp.h"
#include "nlohmann/json.hpp"
#include "server/coro/check.h"
#include "tests/bench/anteroomd.h"
#include "tests/bench/bare_forwarder.h"
#include "tests/bench/closed_loop.h"
#include "tests/bench/measure.h"
#include "tests/bench/process.h"
#include "tests/bench/scratch.h"
#include "tests/bench/serve.h"
#include "tests/bench/statistics.h"
#include "tests/support/endpoint_kind.h"

namespace anteroom::bench {
namespace {

using test::echo::v1::EchoRequest;
using test::echo::v1::EchoResponse;
using test::echo::v1::EchoService;

class BenchService : public EchoService::CallbackService {
 public:
  grpc::ServerUnaryReactor* Echo(grpc::CallbackServerContext* context,
                                 const EchoRequest* request,
                                 EchoResponse* response) override {
    response->set_data(request->data());
    grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }
};

// A kind whose objects are all at `endpoint`.
config::CustomKinds EndpointKinds(const std::string& endpoint) {
  return {{"endpoint", [endpoint](coro::Runtime, const nlohmann::json&) {
             return std::make_unique<testing::EndpointKind>(endpoint);
           }}};
}

// Calls Echo, through `lease` unless that is empty.
class EchoCaller : public Caller {
 public:
  EchoCaller(const std::shared_ptr<grpc::Channel>& channel,
             const std::string& lease, const EchoRequest& request)
      : stub_(EchoService::NewStub(channel)),
        lease_(lease),
        request_(request) {}

 private:
  void Begin() override {
    context_.emplace();
    if (!lease_.empty()) context_->AddMetadata("anteroom-lease", lease_);
    stub_->async()->Echo(
        &*context_, &request_, &response_,
        [this](const grpc::Status& status) { Echoed(status); });
  }

  void Echoed(const grpc::Status& status) {
    if (!status.ok() || response_.data().size() != request_.data().size()) {
      Fail(absl::StrCat("an echo failed: ", status.error_message()));
    }
    Done();
  }

  const std::unique_ptr<EchoService::Stub> stub_;
  const std::string lease_;
  const EchoRequest& request_;
  std::optional<grpc::ClientContext> context_;
  EchoResponse response_;
};

// One of the ways to the service.
struct Way {
  const char* name;
  std::shared_ptr<grpc::Channel> channel;
  std::string lease;  // empty: none is needed
};

Callers OpenCallers(const Way& way, int width, const EchoRequest& request) {
  Callers callers;
  for (int i = 0; i < width; ++i) {
    callers.push_back(
        std::make_unique<EchoCaller>(way.channel, way.lease, request));
  }
  return callers;
}

std::string Acquire(const std::shared_ptr<grpc::Channel>& channel) {
  const auto stub = v1::ResourceService::NewStub(channel);
  grpc::ClientContext context;
  v1::AcquireRequest request;
  request.set_resource("echo");
  request.mutable_ttl()->set_seconds(600);
  v1::AcquireResponse response;
  ANTEROOM_CHECK(stub->Acquire(&context, request, &response).ok());
  return response.lease().lease_id();
}

struct Options {
  double seconds = 0.4;
  int rounds = 9;
  std::vector<int> widths = {1, 16, 64, 256};
};

// What a call costs all processes.
Series ProcessorOf(const Turns& turns) {
  Series series = SeriesOf(turns, &Turn::server_us);
  const Series client = SeriesOf(turns, &Turn::client_us);
  for (std::size_t i = 0; i < series.size(); ++i) series[i] += client[i];
  return series;
}

void Print(const char* size, int width, const Way& way, const Turns& turns,
           const Turns& direct) {
  const Series calls = SeriesOf(turns, &Turn::calls_a_second);
  const Series processor = ProcessorOf(turns);
  const Series direct_calls = SeriesOf(direct, &Turn::calls_a_second);
  std::printf("%-6s %7d  %-10s %14.0f %6.2f %19.0f %6.2f\n", size, width,
              way.name, Median(calls), Median(Quotients(calls, direct_calls)),
              Median(processor),
              Median(Quotients(processor, ProcessorOf(direct))));
  std::fflush(stdout);
}

// The first of `ways` is the direct one.
void Compare(const std::vector<Way>& ways, const char* size,
             const EchoRequest& request, int width,
             const std::vector<pid_t>& servers, const Options& options) {
  const absl::Duration time = absl::Seconds(options.seconds);
  const absl::Duration run_up = absl::Milliseconds(100);
  std::vector<Callers> callers;
  for (const Way& way : ways) {
    callers.push_back(OpenCallers(way, width, request));
    Measure(callers.back(), servers, run_up, time);
  }
  std::vector<Turns> turns(ways.size());
  for (int round = 0; round < options.rounds; ++round) {
    for (std::size_t i = 0; i < ways.size(); ++i) {
      turns[i].push_back(Measure(callers[i], servers, run_up, time));
    }
  }
  for (std::size_t i = 0; i < ways.size(); ++i) {
    Print(size, width, ways[i], turns[i], turns.front());
  }
}

std::shared_ptr<grpc::Channel> ChannelTo(const Process& process) {
  return grpc::CreateChannel(process.address,
                             grpc::InsecureChannelCredentials());
}

void Run(const Options& options) {
  const Scratch scratch("/tmp");
  const Process service = ForkServer([] {
    BenchService service;
    Serve(service);
  });
  const Process bare = ForkServer([&] { RunBareForwarder(service.address); });
  const std::string config = scratch.Write(
      "config.textproto",
      "resources { name: \"echo\" custom { kind: \"endpoint\" } }");
  const Process server =
      ForkServer([&] { RunAnteroomd(config, EndpointKinds(service.address)); });
  std::vector<Way> ways = {{"direct", ChannelTo(service), ""},
                           {"bare", ChannelTo(bare), ""},
                           {"anteroom", ChannelTo(server), ""}};
  ways.back().lease = Acquire(ways.back().channel);
  const struct {
    const char* name;
    std::size_t bytes;
  } sizes[] = {{"16 B", 16}, {"1 MiB", 1 << 20}};
  std::printf(
      "size   at once  way        calls a second  ratio  processor time, us  "
      "ratio\n");
  for (const auto& size : sizes) {
    EchoRequest request;
    request.set_data(std::string(size.bytes, 'x'));
    for (const int width : options.widths) {
      Compare(ways, size.name, request, width, {service.id, bare.id, server.id},
              options);
    }
  }
}

int Main(int argc, char** argv) {
  Options options;
  CLI::App app(
      "What a unary call of an object's own service costs through a lease "
      "(anteroom), and through a server that only passes calls on (bare), "
      "against a direct one: in turns, as medians and ratios. Processor time "
      "is that of all processes together.",
      "bench_pass_through");
  app.add_option("--rounds", options.rounds, "Turns of each way")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  app.add_option("--seconds", options.seconds, "How long a turn takes")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  app.add_option("--widths", options.widths, "How many calls at once")
      ->capture_default_str()
      ->delimiter(',')
      ->check(CLI::PositiveNumber);
  CLI11_PARSE(app, argc, argv);
  Run(options);
  return 0;
}

}  // namespace
}  // namespace anteroom::bench

int main(int argc, char** argv) { return anteroom::bench::Main(argc, argv); }
