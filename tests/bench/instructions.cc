// How many instructions a server spends on a call: counted by callgrind, so
// that a change of a few percent is seen, however busy the machine is. The
// servers are built as the release is. --help says more.
#include <gnu/libc-version.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <map>
#include <optional>
#include <string>

#include "absl/base/config.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/synchronization/mutex.h"
#include "google/protobuf/stubs/common.h"
#include "grpcpp/grpcpp.h"
#include "tests/bench/anteroomd.h"
#include "tests/bench/bare_server.h"
#include "tests/bench/baseline.h"
#include "tests/bench/closed_loop.h"
#include "tests/bench/contests.h"
#include "tests/bench/counted_server.h"
#include "tests/bench/counting.h"
#include "tests/bench/process.h"

namespace anteroom::bench {
namespace {

struct Options {
  Counting counting;
  double tolerance = 3;
  std::string baseline;
  bool update = false;
  // How this program calls itself.
  std::string serve;
  std::string config;
  int control = -1;
};

constexpr char kDescription[] =
    "Counts the instructions that a server spends on a call, under callgrind: "
    "of\n"
    "all who call Anteroom or a bare gRPC server in the other benchmark.\n"
    "\n"
    "They depend on the compiler and the libraries. A baseline says of which "
    "it is,\n"
    "and is compared with nothing else. Debian 12 has these until it is "
    "updated.";

// The exit status, if the program is to end here.
std::optional<int> Parse(int argc, char** argv, Options& options) {
  Counting& counting = options.counting;
  CLI::App app(kDescription, "instructions");
  app.add_option("--batches", counting.batches, "Batches of 50 calls, of each")
      ->capture_default_str()
      ->check(CLI::Range(1, 10'000));
  CLI::Option* const only =
      app.add_option("--only", counting.only,
                     "These contests and contestants, and no others")
          ->delimiter(',');
  app.add_option("--profiles", counting.profiles,
                 "Folder for what callgrind writes of each, to be read with "
                 "callgrind_annotate")
      ->check(CLI::ExistingDirectory);
  CLI::Option* const baseline =
      app.add_option("--baseline", options.baseline,
                     "File of counts; fails where one is exceeded")
          ->take_last();
  app.add_option("--tolerance", options.tolerance,
                 "By how many percent a count may exceed its baseline")
      ->capture_default_str()
      ->check(CLI::NonNegativeNumber);
  app.add_flag("--update", options.update,
               "Write the counts to the baseline, instead of comparing them")
      ->needs(baseline)
      ->excludes(only);
  app.add_option("--serve", options.serve)->group("");
  app.add_option("--config", options.config)->group("");
  app.add_option("--control", options.control)->group("");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  return std::nullopt;
}

[[noreturn]] void Serve(const Options& options) {
  BeCounted(options.control);
  if (options.serve == "anteroomd") RunAnteroomd(options.config);
  RunBareServer();
}

// What counts depend on.
std::string MadeWith() {
  return absl::StrCat(
      __VERSION__, ", gRPC ", grpc::Version(), ", Protobuf ",
      google::protobuf::internal::VersionString(GOOGLE_PROTOBUF_VERSION),
      ", Abseil ", ABSL_LTS_RELEASE_VERSION, ", glibc ",
      gnu_get_libc_version());
}

void Print(const Counts& counts) {
  for (const auto& [name, count] : counts) {
    absl::PrintF("%-34s %9d\n", name, count);
  }
  for (const Contest& contest : AllContests()) {
    for (const Comparison& comparison : contest.comparisons) {
      const auto subject = counts.find(comparison.subject);
      const auto reference = counts.find(comparison.reference);
      if (subject == counts.end() || reference == counts.end()) continue;
      absl::PrintF("%-34s %9.3f\n",
                   absl::StrCat(subject->first, " : ", reference->first),
                   static_cast<double>(subject->second) /
                       static_cast<double>(reference->second));
    }
  }
}

const char* Remark(Verdict verdict) {
  switch (verdict) {
    case Verdict::kWithin:
      return "";
    case Verdict::kAbove:
      return "  COSTS MORE: make it cheaper, or say why not and --update";
    case Verdict::kBelow:
      return "  costs less: --update, so that it stays so";
    case Verdict::kNew:
      return "  HAS NO BASELINE: --update";
    case Verdict::kUncounted:
      return "  IS NOT COUNTED any more: --update";
  }
  return "";
}

// Whether none exceeds its baseline.
bool PrintCompared(const Counts& counts, const Counts& baseline,
                   double tolerance) {
  bool passed = true;
  absl::PrintF("\n%-20s %12s %12s\n", "", "instructions", "baseline");
  for (const Compared& compared : Compare(counts, baseline, tolerance)) {
    absl::PrintF("%-20s %12d %12d %+7.2f %%%s\n", compared.name, compared.count,
                 compared.baseline, compared.percent, Remark(compared.verdict));
    passed = passed && Passes(compared.verdict);
  }
  return passed;
}

// False if a count is above its baseline.
bool CheckBaseline(const Counts& counts, const Options& options) {
  auto baseline = ReadBaseline(options.baseline);
  if (!baseline.has_value()) {
    Fail(absl::StrCat("no counts in ", options.baseline));
  }
  if (baseline->made_with != MadeWith()) {
    absl::FPrintF(stderr,
                  "instructions: not compared with %s:\n  it is of    %s\n  "
                  "this is of  %s\n",
                  options.baseline, baseline->made_with, MadeWith());
    return true;
  }
  if (!options.counting.only.empty()) {
    std::erase_if(baseline->counts, [&counts](const auto& entry) {
      return !counts.contains(entry.first);
    });
  }
  return PrintCompared(counts, baseline->counts, options.tolerance);
}

int Main(int argc, char** argv) {
  Options options;
  const std::optional<int> ended = Parse(argc, argv, options);
  if (ended.has_value()) return *ended;
  if (!options.serve.empty()) Serve(options);
  if (!IsInPath("valgrind")) Fail("no valgrind in PATH (Debian: valgrind)");
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  const Counts counts = CountAll(options.counting);
  Print(counts);
  if (options.baseline.empty()) return 0;
  if (!options.update) return CheckBaseline(counts, options) ? 0 : 1;
  if (WriteBaseline(options.baseline, {MadeWith(), counts})) return 0;
  Fail(absl::StrCat("cannot write ", options.baseline));
}

}  // namespace
}  // namespace anteroom::bench

int main(int argc, char** argv) { return anteroom::bench::Main(argc, argv); }
