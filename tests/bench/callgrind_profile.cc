#include "tests/bench/callgrind_profile.h"

#include <string>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace anteroom::bench {
namespace {

// What a line "POSITION COUNT" counts, 0 for any other.
std::int64_t CountIn(absl::string_view line) {
  if (line.empty() || !absl::ascii_isdigit(line.front())) return 0;
  const std::pair<absl::string_view, absl::string_view> fields =
      absl::StrSplit(line, absl::MaxSplits(' ', 1));
  std::int64_t count = 0;
  return absl::SimpleAtoi(fields.second, &count) ? count : 0;
}

// What such functions' names have in them.
constexpr absl::string_view kTiming[] = {
    // Abseil's mutex, which spins before it sleeps.
    "::Mutex::", "MutexDelay", "::Enqueue(absl::", "::CondVar::",
    "synchronization_internal::", "PerThreadSem", "CurrentThreadIdentity",
    // Threads of gRPC look for work, and hand it to each other.
    "pollset_", "end_worker", "check_neighborhood", "gpr_cv_", "cq_next",
    "epoll_wait", "syscall", "asynccancel", "getcpu", "gpr_cpu_",
    "gpr_once_init", "pthread_getspecific", "__tls_init", "combiner",
    "Combiner::", "queue_offload", "ExecCtx::", "on_exec_ctx",
    "grpc_core::Executor::", "MultiProducerSingleConsumerQueue",
    "LockfreeEvent",
    // They read, in one part or in two.
    "tcp_do_read", "tcp_handle_read", "tcp_read", "tcp_unref", "rcvlowat",
    "recvmsg", "read_action", "perform_read", "grpc_slice_buffer_",
    "grpc_slice_split_head", "append_error", "HeapPtr", "IsExperimentEnabled",
    "grpc_core::Histogram_",
    // They find out how fast the connection is, and keep it alive.
    "bdp_ping", "keepalive_ping", "window_update",
    // They look at the clock.
    "gpr_time", "gpr_convert_clock", "gpr_now", "now_impl", "clock_gettime",
    "ToUnixNanos", "grpc_core::Timestamp::", "TimeCache", "GprNow",
    "timer_init", "timer_cancel", "remove_from_ht",
    // Memory that one thread has freed becomes another one's.
    "CentralFreeList", "PageHeap"};

}  // namespace

bool IsTiming(absl::string_view function) {
  return !absl::StrContains(function, "anteroom::") &&
         absl::c_any_of(kTiming, [function](absl::string_view part) {
           return absl::StrContains(function, part);
         });
}

// Lines "fn=NAME" are each followed by those that count what the function
// itself does, and by calls: "calls=...", and a line that counts all that is
// done within them, which is counted where it is done, too.
std::int64_t InstructionsIn(std::istream& profile) {
  std::int64_t total = 0;
  bool timing = false;
  for (std::string line; std::getline(profile, line);) {
    absl::string_view rest = line;
    if (absl::ConsumePrefix(&rest, "fn=")) {
      timing = IsTiming(rest);
    } else if (absl::StartsWith(line, "calls=")) {
      std::getline(profile, line);
    } else if (!timing) {
      total += CountIn(line);
    }
  }
  return total;
}

}  // namespace anteroom::bench
