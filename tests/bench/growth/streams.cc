#include "tests/bench/growth/streams.h"

#include <chrono>
#include <ctime>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "tests/bench/anteroomd.h"
#include "tests/bench/bare_server.h"
#include "tests/bench/closed_loop.h"
#include "tests/bench/growth/memory.h"
#include "tests/bench/growth/stream_holder.h"
#include "tests/bench/growth/watched_server.h"
#include "tests/bench/messages.h"
#include "tests/bench/process.h"
#include "tests/bench/stream_callers.h"
#include "tests/bench/with_callers.h"

namespace anteroom::bench {
namespace {

constexpr absl::Duration kPatience = absl::Minutes(1);

// Warms up with whole scopes, on which nothing is left behind but events.
class Anteroomd {
 public:
  explicit Anteroomd(const std::string& config_file)
      : server_([&](Exits& exits) {
          RunAnteroomd(config_file, ExitingKinds(exits));
        }),
        client_(server_.process().address, OpenCorkedScopes, OpenWithUses) {}

  WatchedServer& server() { return server_; }
  StreamHolder& client() { return client_; }

 private:
  WatchedServer server_;
  StreamHolder client_;
};

template <typename Work>
double ProcessorNanoseconds(const WatchedServer& server, Work work) {
  const double before = ProcessorTime({server.process().id});
  work();
  return (ProcessorTime({server.process().id}) - before) * 1e9;
}

Cost Measure(std::int64_t count, const WatchedServer& server,
             StreamHolder& client) {
  const pid_t id = server.process().id;
  const std::int64_t allocated = server.SettledBytes();
  const std::int64_t resident = ResidentBytes(id);
  Cost cost;
  cost.begin_ns = ProcessorNanoseconds(server, [&] { client.Begin(count); });
  cost.bytes = static_cast<double>(server.SettledBytes() - allocated);
  cost.resident = static_cast<double>(ResidentBytes(id) - resident);
  cost.end_ns = ProcessorNanoseconds(server, [&] {
    client.End();
    server.SettledBytes();
  });
  for (const CostFigure& figure : kCostFigures) {
    cost.*figure.of /= static_cast<double>(count);
  }
  return cost;
}

}  // namespace

std::string StreamsConfig() {
  const auto resource = [](const char* name) {
    return absl::StrCat("resources { name: \"", name,
                        "\" policy { max_holders: 0"
                        " idle_timeout { seconds: 86400 } }"
                        " custom { kind: \"exiting\" } }\n");
  };
  // As few receipts as there can be: there is a bound to them.
  return absl::StrCat(resource(kHeld), resource(kScoped), "receipts_max: 1\n");
}

Cost MeasureWithStreams(std::int64_t count, const std::string& config_file) {
  Anteroomd anteroomd(config_file);
  return Measure(count, anteroomd.server(), anteroomd.client());
}

Cost MeasureBareStreams(std::int64_t count) {
  const WatchedServer server([](Exits&) { RunBareServer(); });
  StreamHolder client(server.process().address, OpenBareOnces, OpenBareStreams);
  return Measure(count, server, client);
}

double SecondsToExits(std::int64_t count, const std::string& config_file) {
  Anteroomd anteroomd(config_file);
  anteroomd.client().Begin(count);
  const Exits& exits = anteroomd.server().exits();
  const std::int64_t before = exits.begun;
  const auto killed = std::chrono::steady_clock::now();
  anteroomd.client().Kill();
  const absl::Time deadline = absl::Now() + kPatience;
  while (exits.begun < before + count) {
    if (absl::Now() > deadline) {
      Fail(absl::StrCat("of ", count, " exits only ", exits.begun - before,
                        " have begun"));
    }
    absl::SleepFor(absl::Milliseconds(1));
  }
  const std::chrono::duration<double> took =
      std::chrono::steady_clock::time_point(
          std::chrono::nanoseconds(exits.last_at)) -
      killed;
  return took.count();
}

}  // namespace anteroom::bench
