#include "tests/bench/h2load_report.h"

#include <gtest/gtest.h>

#include <string>

namespace anteroom::bench {
namespace {

// As h2load 1.52 prints it.
constexpr char kDone[] =
    "starting benchmark...\n"
    "spawning thread #0: 4 total client(s). 2000 total requests\n"
    "Application protocol: h2c\n"
    "progress: 50% done\n"
    "progress: 100% done\n"
    "\n"
    "finished in 135.74ms, 14734.16 req/s, 3.72MB/s\n"
    "requests: 2000 total, 2000 started, 2000 done, 2000 succeeded, 0 failed, "
    "0 errored, 0 timeout\n"
    "status codes: 2000 2xx, 0 3xx, 0 4xx, 0 5xx\n"
    "traffic: 517.04KB (529446) total, 6.15KB (6300) headers (space savings "
    "96.11%), 414.06KB (424000) data\n"
    "                     min         max         mean         sd        +/- "
    "sd\n"
    "time for request:       98us      5.33ms      1.03ms       560us    "
    "73.15%\n"
    "time for connect:       90us       258us       160us        71us    "
    "75.00%\n"
    "time to 1st byte:     1.05ms      2.54ms      2.13ms       719us    "
    "75.00%\n"
    "req/s           :    3710.43     3911.63     3794.71       84.37    "
    "75.00%\n";

constexpr char kRefused[] =
    "starting benchmark...\n"
    "spawning thread #0: 4 total client(s). 2000 total requests\n"
    "\n"
    "finished in 247us, 0.00 req/s, 0B/s\n"
    "requests: 2000 total, 0 started, 0 done, 0 succeeded, 2000 failed, 2000 "
    "errored, 0 timeout\n"
    "status codes: 0 2xx, 0 3xx, 0 4xx, 0 5xx\n"
    "traffic: 0B (0) total, 0B (0) headers (space savings 0.00%), 0B (0) data\n"
    "                     min         max         mean         sd        +/- "
    "sd\n"
    "time for request:        0us         0us         0us         0us     "
    "0.00%\n"
    "time for connect:        0us         0us         0us         0us     "
    "0.00%\n"
    "time to 1st byte:        0us         0us         0us         0us     "
    "0.00%\n"
    "req/s           :       0.00        0.00        0.00        0.00   "
    "100.00%\n";

TEST(H2loadReportTest, SaysHowManyHowFastAndHowLong) {
  const auto report = ReadH2loadReport(kDone);
  ASSERT_TRUE(report.has_value());
  EXPECT_EQ(report->requests_a_second, 14734.16);
  EXPECT_EQ(report->succeeded, 2000);
  EXPECT_EQ(report->failed, 0);
  EXPECT_EQ(report->status_2xx, 2000);
  EXPECT_EQ(report->answered_bytes, 424'000);
  EXPECT_EQ(report->mean, absl::Microseconds(1030));
  EXPECT_EQ(report->max, absl::Microseconds(5330));
}

TEST(H2loadReportTest, SaysWhatFailed) {
  const auto report = ReadH2loadReport(kRefused);
  ASSERT_TRUE(report.has_value());
  EXPECT_EQ(report->succeeded, 0);
  EXPECT_EQ(report->failed, 2000);
  EXPECT_EQ(report->status_2xx, 0);
}

TEST(H2loadReportTest, WhatEndsTooEarlyIsNone) {
  const std::string done = kDone;
  EXPECT_FALSE(ReadH2loadReport("").has_value());
  EXPECT_FALSE(
      ReadH2loadReport(done.substr(0, done.find("time for"))).has_value());
}

}  // namespace
}  // namespace anteroom::bench
