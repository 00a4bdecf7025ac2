#include "tests/bench/counting.h"

#include <cstdint>
#include <filesystem>
#include <fstream>

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/time.h"
#include "tests/bench/callgrind_profile.h"
#include "tests/bench/closed_loop.h"
#include "tests/bench/contests.h"
#include "tests/bench/counted_server.h"
#include "tests/bench/messages.h"
#include "tests/bench/peers.h"
#include "tests/bench/scratch.h"
#include "tests/bench/statistics.h"

namespace anteroom::bench {
namespace {

// Calls before the first that is counted: what is made once is made by then.
constexpr int kRunUp = 300;
constexpr int kBatch = 50;

void Call(const Callers& callers, const CountedServer& server, int times) {
  for (int i = 0; i < times; ++i) {
    RunClosedLoop(callers, absl::ZeroDuration());
    server.AwaitIdle();
  }
}

// The file with the instructions of a batch.
std::string CallBatch(const Callers& callers, CountedServer& server) {
  server.Begin();
  Call(callers, server, kBatch);
  return server.End();
}

std::int64_t Count(CountedServer& server, const Contestant& contestant,
                   const Counting& counting) {
  absl::FPrintF(stderr, "instructions: %s\n", contestant.name);
  const Callers callers = contestant.open(server.address(), /*width=*/1);
  Call(callers, server, kRunUp);
  Series counts;
  std::string file;
  for (int batch = 0; batch < counting.batches; ++batch) {
    file = CallBatch(callers, server);
    std::ifstream profile(file);
    const std::int64_t count = InstructionsIn(profile);
    if (count == 0) Fail(absl::StrCat("callgrind counted nothing in ", file));
    counts.push_back(static_cast<double>(count) / kBatch);
  }
  if (!counting.profiles.empty()) {
    std::filesystem::copy_file(
        file,
        absl::StrCat(counting.profiles, "/", contestant.name, ".callgrind"),
        std::filesystem::copy_options::overwrite_existing);
  }
  return static_cast<std::int64_t>(Median(counts));
}

void CountCallersOf(Peer peer, CountedServer& server, const Counting& counting,
                    Counts& counts) {
  std::vector<Callers (*)(const std::string&, int)> counted;
  for (const Contest& contest : Selected(AllContests(), counting.only)) {
    for (const Contestant& contestant : contest.contestants) {
      if (contestant.server != peer ||
          absl::c_linear_search(counted, contestant.open)) {
        continue;
      }
      counted.push_back(contestant.open);
      counts[contestant.name] = Count(server, contestant, counting);
    }
  }
}

}  // namespace

Counts CountAll(const Counting& counting) {
  const Scratch scratch("/dev/shm");
  const std::string config =
      scratch.Write("anteroomd.textproto", AnteroomdConfig());
  CountedServer bare(absl::StrCat(scratch.path(), "/bare"), {"--serve=bare"});
  CountedServer anteroomd(
      absl::StrCat(scratch.path(), "/anteroomd"),
      {"--serve=anteroomd", absl::StrCat("--config=", config)});
  Counts counts;
  CountCallersOf(Peer::kBare, bare, counting, counts);
  CountCallersOf(Peer::kAnteroomd, anteroomd, counting, counts);
  return counts;
}

}  // namespace anteroom::bench
