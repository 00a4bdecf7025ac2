// What the tests of kind `process` share: one resource "r" whose programs are
// real, on real threads and in real time. What is waited for has a bound, far
// beyond what anything takes: a hang is a failure.
#ifndef ANTEROOM_TESTS_KINDS_PROCESS_PROCESS_TEST_H_
#define ANTEROOM_TESTS_KINDS_PROCESS_PROCESS_TEST_H_

#include <sys/types.h>

#include <cstddef>
#include <future>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/coro/clock.h"
#include "server/coro/random.h"
#include "server/coro/runtime.h"
#include "server/coro/thread_pool.h"
#include "server/coro/thread_timers.h"
#include "server/kinds/process/process.h"
#include "server/kinds/process/process_host.h"
#include "server/lifecycle/anteroom.h"
#include "server/lifecycle/event.h"
#include "server/lifecycle/lease.h"
#include "server/lifecycle/policy.h"
#include "tests/support/fake_channel.h"

namespace anteroom::kinds {

using lifecycle::LeasePtr;

// A process that somebody else is to end, seen by its descriptor, so that
// nobody is taken for it who has its number after it.
class Watched {
 public:
  // REQUIRES: it lives.
  explicit Watched(pid_t pid);
  ~Watched();
  Watched(Watched&& other) noexcept;
  Watched(const Watched&) = delete;
  Watched& operator=(const Watched&) = delete;

  pid_t pid() const { return pid_; }
  void Kill() const;
  bool ended() const;
  // Waits for its end. False: it lives on.
  bool AwaitEnd() const;

 private:
  bool Poll(int milliseconds) const;

  const pid_t pid_;
  int descriptor_;
};

// The parent of a process that lives.
pid_t ParentOf(pid_t pid);

// Hears of the end of one lease.
class ExitedSink : public lifecycle::EventSink {
 public:
  void OnEvent(const lifecycle::Event& event) override {
    if (event.phase == lifecycle::Phase::kExited) exited.set_value();
  }
  std::promise<void> exited;
};

// Follows the output of a program until a line has `last` in it.
class Follower : public testing::FakeChannel {
 public:
  explicit Follower(std::string last) : last_(std::move(last)) {}
  coro::Task<absl::Status> Write(lifecycle::Payload message,
                                 std::stop_token stop) override;

  // Set with the first line.
  std::promise<void> began;

 private:
  const std::string last_;
};

class ProcessTest : public ::testing::Test {
 protected:
  ProcessTest();
  // Drains, and checks that no process, directory or descriptor is left.
  ~ProcessTest() override;

  // A shell that runs each line it is sent, once it has said "ready".
  static ProcessParameters Shell();
  // The same, with something to do before.
  static ProcessParameters ShellAfter(const std::string& commands);

  // The resource "r"; to be called once, before all else.
  void Serve(ProcessParameters parameters, lifecycle::Policy policy = {});
  // Kept for the next holder.
  static lifecycle::Policy Lingering();

  coro::Instant Bound() const;
  absl::StatusOr<LeasePtr> TryAcquire(const std::string& key = "");
  // REQUIRES: it succeeds.
  LeasePtr Acquire(const std::string& key = "");
  absl::StatusOr<lifecycle::Payload> Use(const LeasePtr& lease,
                                         const std::string& method,
                                         const nlohmann::json& argument);
  // The line that the program answers `line` with.
  std::string Ask(const LeasePtr& lease, const std::string& line);
  // The lines that are kept: the last `lines`.
  std::vector<nlohmann::json> Logs(const LeasePtr& lease, int lines = 1'000);
  lifecycle::Receipt Release(const LeasePtr& lease,
                             const lifecycle::ExitCause& cause = {});
  // Waits for the end of a lease that nobody releases; why it came.
  lifecycle::ExitReason AwaitExit(const LeasePtr& lease);
  static nlohmann::json ValueOf(const LeasePtr& lease);
  static Watched ProgramOf(const LeasePtr& lease);
  // Names in the folder of scratch directories.
  std::vector<std::string> Directories() const;

  void Drain();

 private:
  const std::size_t descriptors_before_;

 protected:
  const std::string folder_;
  coro::SystemClock clock_;
  coro::SystemRandom random_;
  std::optional<coro::ThreadPool> executor_;
  std::optional<coro::ThreadTimers> timers_;
  std::unique_ptr<coro::Runtime> runtime_;
  std::shared_ptr<ProcessHost> host_;
  std::unique_ptr<lifecycle::Anteroom> anteroom_;
  // Not where gRPC is used, which keeps some for ever, nor ThreadSanitizer.
#if __has_feature(thread_sanitizer)
  bool counts_descriptors_ = false;
#else
  bool counts_descriptors_ = true;
#endif

 private:
  std::map<LeasePtr, std::shared_ptr<ExitedSink>> sinks_;
  bool drained_ = false;
};

}  // namespace anteroom::kinds

#endif  // ANTEROOM_TESTS_KINDS_PROCESS_PROCESS_TEST_H_
