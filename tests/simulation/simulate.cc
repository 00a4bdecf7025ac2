// Runs random worlds, one after the other, and tells how it goes:
//   simulate [--first=1] [--seeds=1000 | --scopes=1000000] [--step=1]
//            [--checks=true] [--hashes] [--tell]
// --step=N: every Nth seed only, for N processes side by side. --hashes prints
// "seed hash" lines on stdout, --tell the whole story on stderr. Exits 1 at the
// first broken guarantee.
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <ctime>

#include "absl/strings/numbers.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "tests/simulation/random_world.h"

namespace anteroom::lifecycle {
namespace {

constexpr std::chrono::seconds kPause(10);  // between two progress lines

struct Flags {
  std::uint64_t first = 1;
  std::uint64_t seeds = 1'000;
  std::uint64_t scopes = 0;  // if more than 0: as many as these take
  std::uint64_t step = 1;
  bool checks = true;
  bool hashes = false;
  bool tell = false;
};

bool Parse(absl::string_view argument, Flags& flags) {
  if (argument == "--hashes") return flags.hashes = true;
  if (argument == "--tell") return flags.tell = true;
  if (argument == "--checks=false") return !(flags.checks = false);
  if (argument == "--checks=true") return true;
  const auto number = [&argument](absl::string_view name,
                                  std::uint64_t& value) {
    return absl::ConsumePrefix(&argument, name) &&
           absl::SimpleAtoi(argument, &value);
  };
  return number("--first=", flags.first) || number("--seeds=", flags.seeds) ||
         number("--scopes=", flags.scopes) || number("--step=", flags.step);
}

// For when a check of the server's own ends the process.
char current_seed[40];

extern "C" void TellSeed(int) {
  // Nothing can be done where this fails, too.
  (void)!write(STDERR_FILENO, current_seed, std::strlen(current_seed));
}

class Progress {
 public:
  explicit Progress(const Flags& flags) : flags_(flags) {}

  void Add(const WorldReport& report) {
    ++worlds_;
    scopes_ += report.scopes;
    granted_ += report.granted;
    if (Clock::now() - told_ < kPause) return;
    told_ = Clock::now();
    Tell("");
  }
  bool Done() const {
    return flags_.scopes > 0 ? scopes_ >= flags_.scopes
                             : worlds_ >= flags_.seeds;
  }
  void Tell(const char* end) const {
    const std::chrono::duration<double> took = Clock::now() - began_;
    // Of this process alone, whatever else the machine does.
    const double cpu = static_cast<double>(std::clock()) / CLOCKS_PER_SEC;
    std::fprintf(stderr,
                 "%s%llu worlds from seed %llu, %llu scopes (%llu granted) in "
                 "%.1f s, %.1f s of a core: %.0f scopes per second and core, "
                 "checks %s, 0 violations\n",
                 end, static_cast<unsigned long long>(worlds_),
                 static_cast<unsigned long long>(flags_.first),
                 static_cast<unsigned long long>(scopes_),
                 static_cast<unsigned long long>(granted_), took.count(), cpu,
                 static_cast<double>(scopes_) / cpu,
                 flags_.checks ? "on" : "off");
  }

 private:
  using Clock = std::chrono::steady_clock;

  const Flags& flags_;
  const Clock::time_point began_ = Clock::now();
  Clock::time_point told_ = began_;
  std::uint64_t worlds_ = 0;
  std::uint64_t scopes_ = 0;
  std::uint64_t granted_ = 0;
};

int Simulate(const Flags& flags) {
  std::signal(SIGABRT, TellSeed);
  Progress progress(flags);
  for (std::uint64_t seed = flags.first; !progress.Done(); seed += flags.step) {
    std::snprintf(current_seed, sizeof(current_seed), "seed %llu aborted\n",
                  static_cast<unsigned long long>(seed));
    const WorldReport report = RunRandomWorld(seed, flags.checks, flags.tell);
    if (!report.violation.empty()) {
      std::fprintf(stderr, "VIOLATION: %s\n", report.violation.c_str());
      return 1;
    }
    if (flags.hashes) {
      std::printf("%llu %016llx\n", static_cast<unsigned long long>(seed),
                  static_cast<unsigned long long>(report.hash));
    }
    progress.Add(report);
  }
  progress.Tell("done: ");
  return 0;
}

}  // namespace
}  // namespace anteroom::lifecycle

int main(int argc, char** argv) {
  anteroom::lifecycle::Flags flags;
  for (int i = 1; i < argc; ++i) {
    if (anteroom::lifecycle::Parse(argv[i], flags)) continue;
    std::fprintf(stderr, "simulate: what is %s?\n", argv[i]);
    return 2;
  }
  return anteroom::lifecycle::Simulate(flags);
}
