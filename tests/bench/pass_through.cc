// What it costs to call a service through a lease, against calling it directly:
// unary calls to it and through anteroomd, in turns. Three processes: this
// client, the service, and the server.
//
//   bench_pass_through [--seconds=S] [--rounds=N]
//
// Prints, as medians of the rounds, calls a second and the processor time of
// all three processes for a call, and how the two ways compare: each ratio is
// the median of those within a round, since a machine's speed drifts.
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <iterator>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "absl/time/time.h"
#include "anteroom/v1/resource_service.grpc.pb.h"
#include "echo.grpc.pb.h"
#include "grpcpp/grpcpp.h"
#include "nlohmann/json.hpp"
#include "server/coro/check.h"
#include "server/run.h"
#include "tests/support/endpoint_kind.h"

namespace anteroom::bench {
namespace {

using test::echo::v1::EchoRequest;
using test::echo::v1::EchoResponse;
using test::echo::v1::EchoService;
using Steady = std::chrono::steady_clock;

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

constexpr char kListening[] = "listening on ";

[[noreturn]] void RunService() {
  BenchService service;
  int port = 0;
  grpc::ServerBuilder builder;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(),
                           &port);
  builder.RegisterService(&service);
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  std::fprintf(stderr, "%s127.0.0.1:%d\n", kListening, port);
  while (true) pause();
}

// anteroomd, with a kind whose objects are all at `endpoint`.
[[noreturn]] void RunAnteroomd(const std::string& endpoint) {
  char config[] = "/tmp/bench_pass_through_XXXXXX.textproto";
  const int file = mkstemps(config, sizeof(".textproto") - 1);
  constexpr absl::string_view kConfig =
      "resources { name: \"echo\" custom { kind: \"endpoint\" } }";
  ANTEROOM_CHECK(write(file, kConfig.data(), kConfig.size()) ==
                 static_cast<ssize_t>(kConfig.size()));
  close(file);
  std::string arguments[] = {"anteroomd", absl::StrCat("--config=", config),
                             "--listen=127.0.0.1:0"};
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  // Ended by SIGKILL, so the file goes as soon as it has been read: by the kind
  // that it names.
  _exit(Run(static_cast<int>(argv.size()), argv.data(),
            {{"endpoint", [&](coro::Runtime, const nlohmann::json&) {
                unlink(config);
                return std::make_unique<testing::EndpointKind>(endpoint);
              }}}));
}

// A process that says on stderr where it listens; it lives as long as this one.
struct Server {
  pid_t process = 0;
  std::string address;
};
template <typename Run>
Server Spawn(Run run) {
  int pipe_ends[2];
  ANTEROOM_CHECK(pipe(pipe_ends) == 0);
  Server server;
  server.process = fork();
  if (server.process == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(pipe_ends[1], STDERR_FILENO);
    run();
  }
  close(pipe_ends[1]);
  for (char c = 0; read(pipe_ends[0], &c, 1) == 1 && c != '\n';) {
    server.address += c;
  }
  ANTEROOM_CHECK(server.address.starts_with(kListening));
  server.address.erase(0, sizeof(kListening) - 1);
  return server;  // what else it says goes nowhere
}

// Seconds of processor time that `processes` have had.
double ProcessorTime(const std::vector<pid_t>& processes) {
  double seconds = 0;
  for (const pid_t process : processes) {
    clockid_t clock = 0;
    timespec time{};
    ANTEROOM_CHECK(clock_getcpuclockid(process, &clock) == 0);
    ANTEROOM_CHECK(clock_gettime(clock, &time) == 0);
    seconds += absl::ToDoubleSeconds(absl::DurationFromTimespec(time));
  }
  return seconds;
}

struct Rate {
  double calls_a_second = 0;
  double processor_seconds_a_call = 0;  // of all processes
};

// Calls one after the other, `width` at a time, until told to end.
class Load {
 public:
  Load(const std::shared_ptr<grpc::Channel>& channel, const std::string& lease,
       std::size_t bytes)
      : stub_(EchoService::NewStub(channel)), lease_(lease) {
    request_.set_data(std::string(bytes, 'x'));
  }

  Rate Run(int width, absl::Duration time,
           const std::vector<pid_t>& processes) {
    const auto begin = Steady::now();
    const double processor = ProcessorTime(processes);
    end_ = begin + absl::ToChronoNanoseconds(time);
    done_ = 0;
    running_ = width;
    for (int i = 0; i < width; ++i) Start(new Call);
    std::unique_lock<std::mutex> lock(mu_);
    ended_.wait(lock, [this] { return running_ == 0; });
    const std::chrono::duration<double> took = Steady::now() - begin;
    return {done_ / took.count(),
            (ProcessorTime(processes) - processor) / done_};
  }

 private:
  struct Call {
    std::unique_ptr<grpc::ClientContext> context;
    EchoResponse response;
  };

  void Start(Call* call) {
    call->context = std::make_unique<grpc::ClientContext>();
    if (!lease_.empty()) call->context->AddMetadata("anteroom-lease", lease_);
    stub_->async()->Echo(
        call->context.get(), &request_, &call->response,
        [this, call](const grpc::Status& status) { Done(call, status); });
  }

  void Done(Call* call, const grpc::Status& status) {
    if (!status.ok() ||
        call->response.data().size() != request_.data().size()) {
      std::fprintf(stderr, "a call failed: %s\n",
                   status.error_message().c_str());
      std::_Exit(1);
    }
    ++done_;
    if (Steady::now() < end_) return Start(call);
    delete call;
    const std::lock_guard<std::mutex> lock(mu_);
    if (--running_ == 0) ended_.notify_one();
  }

  const std::unique_ptr<EchoService::Stub> stub_;
  const std::string lease_;
  EchoRequest request_;
  Steady::time_point end_;
  std::atomic<int> done_ = 0;
  std::mutex mu_;
  std::condition_variable ended_;
  int running_ = 0;
};

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

// One of the figures of a Rate, round by round.
using Series = std::vector<double>;

double Median(Series values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

// Round by round.
Series Quotients(const Series& dividends, const Series& divisors) {
  Series quotients;
  std::transform(dividends.begin(), dividends.end(), divisors.begin(),
                 std::back_inserter(quotients), std::divides<>());
  return quotients;
}

struct Options {
  double seconds = 0.4;
  int rounds = 9;
};

void Compare(Load& direct, Load& through, const char* what, int width,
             const std::vector<pid_t>& processes, const Options& options) {
  const absl::Duration time = absl::Seconds(options.seconds);
  direct.Run(width, time, processes);  // connects, and warms up
  through.Run(width, time, processes);
  // Of the direct way, and of the one through the server.
  Series calls[2];
  Series processor[2];
  for (int round = 0; round < options.rounds; ++round) {
    for (int way = 0; way < 2; ++way) {
      const Rate rate =
          (way == 0 ? direct : through).Run(width, time, processes);
      calls[way].push_back(rate.calls_a_second);
      processor[way].push_back(rate.processor_seconds_a_call * 1e6);
    }
  }
  std::printf("%-6s %6d %12.0f %12.0f %7.2f %12.0f %12.0f %7.2f\n", what, width,
              Median(calls[0]), Median(calls[1]),
              Median(Quotients(calls[1], calls[0])), Median(processor[0]),
              Median(processor[1]),
              Median(Quotients(processor[0], processor[1])));
  std::fflush(stdout);
}

int Main(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    absl::string_view argument = argv[i];
    if (absl::ConsumePrefix(&argument, "--seconds=")) {
      options.seconds = std::stod(std::string(argument));
    } else if (absl::ConsumePrefix(&argument, "--rounds=")) {
      options.rounds = std::stoi(std::string(argument));
    } else {
      std::fprintf(stderr,
                   "usage: bench_pass_through [--seconds=S] [--rounds=N]\n");
      return 2;
    }
  }
  // Before gRPC has begun anything here.
  const Server service = Spawn([] { RunService(); });
  const Server server = Spawn([&service] { RunAnteroomd(service.address); });
  const std::vector<pid_t> processes = {getpid(), service.process,
                                        server.process};
  const auto direct =
      grpc::CreateChannel(service.address, grpc::InsecureChannelCredentials());
  const auto through =
      grpc::CreateChannel(server.address, grpc::InsecureChannelCredentials());
  const std::string lease = Acquire(through);
  const struct {
    const char* name;
    std::size_t bytes;
  } sizes[] = {{"16 B", 16}, {"1 MiB", 1 << 20}};
  std::printf(
      "                       calls a second         processor time, us\n"
      "size   at once       direct      through   ratio       direct"
      "      through   ratio\n");
  for (const auto& size : sizes) {
    Load direct_load(direct, "", size.bytes);
    Load through_load(through, lease, size.bytes);
    for (const int width : {1, 16, 64}) {
      Compare(direct_load, through_load, size.name, width, processes, options);
    }
  }
  return 0;
}

}  // namespace
}  // namespace anteroom::bench

int main(int argc, char** argv) { return anteroom::bench::Main(argc, argv); }
