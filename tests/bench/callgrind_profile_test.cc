#include "tests/bench/callgrind_profile.h"

#include <gtest/gtest.h>

#include <sstream>
#include <string>

#include "absl/strings/str_cat.h"

namespace anteroom::bench {
namespace {

std::int64_t CountIn(const std::string& profile) {
  std::istringstream stream(profile);
  return InstructionsIn(stream);
}

// As callgrind writes it.
constexpr char kHead[] =
    "# callgrind format\n"
    "version: 1\n"
    "creator: callgrind-3.19.0\n"
    "pid: 42\n"
    "cmd:  anteroomd --control=5\n"
    "part: 1\n"
    "\n"
    "desc: Trigger: Client Request\n"
    "\n"
    "positions: line\n"
    "events: Ir\n"
    "summary: 100\n"
    "\n"
    "ob=/usr/bin/anteroomd\n";

TEST(CallgrindProfileTest, WhatAFunctionDoesItselfIsCounted) {
  EXPECT_EQ(CountIn(std::string(kHead) + "fl=a.cc\n"
                                         "fn=Serve()\n"
                                         "0 7\n"
                                         "12 30\n"
                                         "\n"
                                         "fn=Answer()\n"
                                         "0 5\n"
                                         "\n"
                                         "totals: 42\n"),
            42);
}

TEST(CallgrindProfileTest, WhatIsDoneWithinACallIsCountedOnceWhereItIsDone) {
  EXPECT_EQ(CountIn("fn=Serve()\n"
                    "0 7\n"
                    "cob=/usr/lib/libc.so.6\n"
                    "cfi=b.c\n"
                    "cfn=memcpy\n"
                    "calls=3 0\n"
                    "0 900\n"
                    "0 2\n"
                    "\n"
                    "ob=/usr/lib/libc.so.6\n"
                    "fl=b.c\n"
                    "fn=memcpy\n"
                    "0 900\n"),
            909);
}

TEST(CallgrindProfileTest, CodeThatWasInlinedBelongsToItsFunction) {
  EXPECT_EQ(CountIn("fn=absl::Mutex::Lock()\n"
                    "0 7\n"
                    "fi=inlined.h\n"
                    "3 100\n"
                    "fe=mutex.cc\n"
                    "9 200\n"),
            0);
}

TEST(CallgrindProfileTest, WhatDependsOnWhoRunsWhenIsLeftOut) {
  for (const char* const function :
       {"absl::debian3::Mutex::Lock()", "gpr_cv_wait",
        "grpc_core::Timestamp::Now()", "clock_gettime@@GLIBC_2.17", "recvmsg",
        "tcmalloc::CentralFreeList::ReleaseToSpans(void*)"}) {
    EXPECT_TRUE(IsTiming(function)) << function;
    EXPECT_EQ(CountIn(absl::StrCat("fn=Serve()\n0 7\ncfn=", function,
                                   "\ncalls=1 0\n0 100\n\nfn=", function,
                                   "\n0 100\n\nfn=Answer()\n0 5\n")),
              12)
        << function;
  }
}

TEST(CallgrindProfileTest, WhatAServerDoesItselfIsNot) {
  for (const char* const function :
       {"anteroom::lifecycle::ScopeRunner::Pump()", "memcpy",
        "anteroom::coro::Mutex::Lock()", "operator new[](unsigned long)",
        "grpc_chttp2_begin_write(grpc_chttp2_transport*)"}) {
    EXPECT_FALSE(IsTiming(function)) << function;
  }
}

TEST(CallgrindProfileTest, NothingIsCountedInAnEmptyProfile) {
  EXPECT_EQ(CountIn(""), 0);
  EXPECT_EQ(CountIn(kHead), 0);
}

}  // namespace
}  // namespace anteroom::bench
