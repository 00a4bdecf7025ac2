// What it costs to call a service through a lease, against calling it directly:
// unary calls to it and through anteroomd, in turns. Three processes: this
// client, the service, and the server.
//
// Prints, as medians of the rounds, calls a second and the processor time of
// all three processes for a call, and how the two ways compare: each ratio is
// the median of those within a round, since a machine's speed drifts.
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

// One of the two ways to the service.
struct Way {
  std::shared_ptr<grpc::Channel> channel;
  std::string lease;  // empty: the direct way
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
};

// What a call costs all three processes.
Series ProcessorOf(const Turns& turns) {
  Series series = SeriesOf(turns, &Turn::server_us);
  const Series client = SeriesOf(turns, &Turn::client_us);
  for (std::size_t i = 0; i < series.size(); ++i) series[i] += client[i];
  return series;
}

void Print(const char* size, int width, const Turns& direct,
           const Turns& through) {
  const Series calls[] = {SeriesOf(direct, &Turn::calls_a_second),
                          SeriesOf(through, &Turn::calls_a_second)};
  const Series processor[] = {ProcessorOf(direct), ProcessorOf(through)};
  std::printf("%-6s %6d %12.0f %12.0f %7.2f %12.0f %12.0f %7.2f\n", size, width,
              Median(calls[0]), Median(calls[1]),
              Median(Quotients(calls[1], calls[0])), Median(processor[0]),
              Median(processor[1]),
              Median(Quotients(processor[1], processor[0])));
  std::fflush(stdout);
}

void Compare(const Way& direct, const Way& through, const char* size,
             const EchoRequest& request, int width,
             const std::vector<pid_t>& servers, const Options& options) {
  const absl::Duration time = absl::Seconds(options.seconds);
  const absl::Duration run_up = absl::Milliseconds(100);
  const Callers callers[] = {OpenCallers(direct, width, request),
                             OpenCallers(through, width, request)};
  for (const Callers& way : callers) Measure(way, servers, run_up, time);
  Turns turns[2];
  for (int round = 0; round < options.rounds; ++round) {
    for (const int way : {0, 1}) {
      turns[way].push_back(Measure(callers[way], servers, run_up, time));
    }
  }
  Print(size, width, turns[0], turns[1]);
}

void Run(const Options& options) {
  const Scratch scratch("/tmp");
  const Process service = ForkServer([] {
    BenchService service;
    Serve(service);
  });
  const std::string config = scratch.Write(
      "config.textproto",
      "resources { name: \"echo\" custom { kind: \"endpoint\" } }");
  const Process server =
      ForkServer([&] { RunAnteroomd(config, EndpointKinds(service.address)); });
  const Way direct = {
      grpc::CreateChannel(service.address, grpc::InsecureChannelCredentials()),
      ""};
  Way through = {
      grpc::CreateChannel(server.address, grpc::InsecureChannelCredentials()),
      ""};
  through.lease = Acquire(through.channel);
  const struct {
    const char* name;
    std::size_t bytes;
  } sizes[] = {{"16 B", 16}, {"1 MiB", 1 << 20}};
  std::printf(
      "                       calls a second         processor time, us\n"
      "size   at once       direct      through   ratio       direct"
      "      through   ratio\n");
  for (const auto& size : sizes) {
    EchoRequest request;
    request.set_data(std::string(size.bytes, 'x'));
    for (const int width : {1, 16, 64}) {
      Compare(direct, through, size.name, request, width,
              {service.id, server.id}, options);
    }
  }
}

int Main(int argc, char** argv) {
  Options options;
  CLI::App app(
      "What a unary call of an object's own service costs through a lease, "
      "against a direct one: in turns, as medians and ratios. Processor time "
      "is "
      "that of client, service and server together.",
      "bench_pass_through");
  app.add_option("--rounds", options.rounds, "Turns of each way")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  app.add_option("--seconds", options.seconds, "How long a turn takes")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  CLI11_PARSE(app, argc, argv);
  Run(options);
  return 0;
}

}  // namespace
}  // namespace anteroom::bench

int main(int argc, char** argv) { return anteroom::bench::Main(argc, argv); }
