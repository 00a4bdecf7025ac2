#include "server/kinds/process/readiness.h"

#include <algorithm>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "server/coro/linked_stop.h"
#include "server/coro/sleep.h"
#include "server/kinds/process/exchange.h"
#include "server/kinds/process/health.h"

namespace anteroom::kinds {
namespace {

using coro::Task;

// Pauses between probes: short, as they are what a holder waits for.
constexpr absl::Duration kFirstPause = absl::Milliseconds(5);
constexpr absl::Duration kLongestPause = absl::Milliseconds(250);
// A probe that takes longer is made anew.
constexpr absl::Duration kProbeBound = absl::Seconds(5);
constexpr std::size_t kTailBytes = 1'024;

std::string Get(const std::string& path, int port) {
  return absl::StrCat("GET ", path, " HTTP/1.0\r\nHost: 127.0.0.1:", port,
                      "\r\nConnection: close\r\n\r\n");
}

// Whether the first line of an HTTP answer says success.
absl::Status CheckAnswer(const std::string& line) {
  const std::size_t space = line.find(' ');
  if (absl::StartsWith(line, "HTTP/") && space != std::string::npos &&
      line.size() > space + 3 && line[space + 1] == '2') {
    return absl::OkStatus();
  }
  return absl::UnavailableError(absl::StrCat("it answered \"", line, "\""));
}

// One program's probes: what they need, and keep from one to the next.
class Prober {
 public:
  Prober(coro::Runtime runtime, Loop& loop, const Readiness& readiness,
         int port)
      : runtime_(runtime), loop_(loop), readiness_(readiness), port_(port) {
    if (readiness.when == Readiness::When::kHealthServing) {
      channel_ = ChannelTo(port);
    }
  }

  Task<absl::Status> Probe(std::stop_token stop) {
    const coro::Instant deadline =
        coro::After(runtime_.clock.Now(), kProbeBound);
    if (channel_ != nullptr) {
      Task<absl::Status> check =
          CheckHealth(runtime_, channel_, std::move(stop), deadline);
      co_return co_await std::move(check);
    }
    const bool http = readiness_.when == Readiness::When::kHttpGetSucceeds;
    Task<absl::StatusOr<std::string>> ask =
        Ask(runtime_, loop_, port_, http ? Get(readiness_.path, port_) : "",
            std::move(stop), deadline);
    const absl::StatusOr<std::string> answer = co_await std::move(ask);
    if (!answer.ok()) co_return answer.status();
    co_return http ? CheckAnswer(*answer) : absl::OkStatus();
  }

 private:
  const coro::Runtime runtime_;
  Loop& loop_;
  const Readiness& readiness_;
  const int port_;
  std::shared_ptr<grpc::Channel> channel_;
};

// What it lacks; `last` is what its last probe came to.
std::string Lack(const Readiness& readiness, int port,
                 const absl::Status& last) {
  const std::string why = absl::StrCat(": ", last.message());
  switch (readiness.when) {
    case Readiness::When::kStarted:
      return "it did not start";
    case Readiness::When::kLineMatches:
      return absl::StrCat("no line of its output matched \"",
                          readiness.line->pattern(), "\"");
    case Readiness::When::kPortAccepts:
      return absl::StrCat("its port ", port, " accepts no connection", why);
    case Readiness::When::kHealthServing:
      return absl::StrCat("its health service on port ", port,
                          " does not say SERVING", why);
    case Readiness::When::kHttpGetSucceeds:
      return absl::StrCat("GET ", readiness.path, " on port ", port,
                          " does not answer 2xx", why);
  }
  return "";
}

// OK once a probe succeeded; else the last one's failure, after a stop.
Task<absl::Status> ProbeUntilReady(coro::Runtime runtime, Loop& loop,
                                   const Readiness& readiness, int port,
                                   std::stop_token stop) {
  Prober prober(runtime, loop, readiness, port);
  absl::Duration pause = kFirstPause;
  absl::Status last;
  while (true) {
    Task<absl::Status> probe = prober.Probe(stop);
    const absl::Status status = co_await std::move(probe);
    if (status.ok()) co_return status;
    // One that was stopped says nothing of the program.
    if (last.ok() || !stop.stop_requested()) last = status;
    Task<coro::Wake> sleep = coro::SleepUntil(
        runtime, coro::After(runtime.clock.Now(), pause), stop);
    if (co_await std::move(sleep) == coro::Wake::kCancelled) co_return last;
    pause = std::min(pause * 2, kLongestPause);
  }
}

}  // namespace

Task<absl::Status> AwaitReady(coro::Runtime runtime, Loop& loop,
                              const Readiness& readiness, int port,
                              std::shared_ptr<Child> child,
                              std::stop_token stop) {
  const coro::LinkedStop over(runtime, coro::kNever,
                              {stop, child->ended_token()});
  Task<coro::Wake> start = child->started().Wait(over.token());
  bool ready = co_await std::move(start) == coro::Wake::kSignalled;
  absl::Status last;
  if (ready && readiness.when == Readiness::When::kLineMatches) {
    Task<coro::Wake> match = child->output().matched().Wait(over.token());
    ready = co_await std::move(match) == coro::Wake::kSignalled;
  } else if (ready && readiness.when != Readiness::When::kStarted) {
    Task<absl::Status> probes =
        ProbeUntilReady(runtime, loop, readiness, port, over.token());
    last = co_await std::move(probes);
    ready = last.ok();
  }
  const absl::Status end = child->end();
  if (!end.ok()) co_return end;
  if (ready) co_return absl::OkStatus();
  const std::string tail = child->output().Tail(kTailBytes);
  co_return absl::DeadlineExceededError(absl::StrCat(
      "the program was not ready: ", Lack(readiness, port, last),
      tail.empty() ? "; it wrote nothing" : "; its last lines:\n", tail));
}

}  // namespace anteroom::kinds
