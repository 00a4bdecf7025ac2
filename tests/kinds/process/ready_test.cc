// When a program is ready to be lent.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <future>
#include <memory>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/coro/sync_wait.h"
#include "tests/kinds/process/process_test.h"

namespace anteroom::kinds {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using When = Readiness::When;

class ReadyTest : public ProcessTest {
 protected:
  // A program of this folder, in Python, given its port and `argument`.
  static ProcessParameters Program(const std::string& name, When when,
                                   const std::string& argument) {
    ProcessParameters parameters;
    parameters.command = {ANTEROOM_PYTHON,
                          absl::StrCat(ANTEROOM_TEST_PROGRAMS, "/", name),
                          "{PORT}", argument};
    parameters.readiness.when = when;
    return parameters;
  }

  std::vector<std::string> LinesOf(const LeasePtr& lease) {
    std::vector<std::string> lines;
    for (const nlohmann::json& log : Logs(lease)) lines.push_back(log["line"]);
    return lines;
  }

  static bool Accepts(int port) {
    const int tried = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const bool accepted =
        connect(tried, reinterpret_cast<const sockaddr*>(&address),
                sizeof(address)) == 0;
    close(tried);
    return accepted;
  }
};

TEST_F(ReadyTest, WithoutAConditionItIsReadyOnceStarted) {
  ProcessParameters parameters;
  parameters.command = {"cat"};
  Serve(parameters);
  EXPECT_EQ(Ask(Acquire(), "hello"), "hello");
}

TEST_F(ReadyTest, ItIsReadyOnceALineOfItsOutputMatches) {
  ProcessParameters parameters = ShellAfter(
      "echo not yet ready; echo ready to be read on another stream >&2");
  parameters.readiness.line = std::make_shared<const re2::RE2>("^re+ady$");
  Serve(parameters);
  EXPECT_THAT(LinesOf(Acquire()), Contains("ready"));
}

TEST_F(ReadyTest, ItIsReadyOnceItsPortAccepts) {
  Serve(Program("http_server.py", When::kPortAccepts, "0"));
  EXPECT_TRUE(Accepts(ValueOf(Acquire())["port"]));
}

TEST_F(ReadyTest, ItIsReadyOnceAnHttpGetAnswers2xx) {
  ProcessParameters parameters =
      Program("http_server.py", When::kHttpGetSucceeds, "2");
  parameters.readiness.path = "/are/you?there";
  Serve(parameters);
  EXPECT_THAT(LinesOf(Acquire()),
              ElementsAre("/are/you?there 503", "/are/you?there 503",
                          "/are/you?there 200"));
}

TEST_F(ReadyTest, ItIsReadyOnceItsHealthServiceSaysServing) {
  counts_descriptors_ = false;
  Serve(Program("health_server.py", When::kHealthServing, "2"));
  EXPECT_THAT(LinesOf(Acquire()),
              ElementsAre("NOT_SERVING", "NOT_SERVING", "SERVING"));
}

TEST_F(ReadyTest, InstancesHavePortsOfTheirOwn) {
  lifecycle::Policy policy;
  policy.max_instances = 2;
  Serve(Program("http_server.py", When::kPortAccepts, "0"), policy);
  const LeasePtr first = Acquire();
  const LeasePtr second = Acquire();
  EXPECT_NE(ValueOf(first)["port"], ValueOf(second)["port"]);
}

TEST_F(ReadyTest, AnInitThatNobodyAwaitsIsEnded) {
  ProcessParameters parameters = Shell();
  parameters.command = {"sh", "-c", "echo $$ >\"$OUT\"; exec sleep 3600"};
  const std::string fifo = folder_ + "/pid";
  ASSERT_EQ(mkfifo(fifo.c_str(), 0600), 0);
  parameters.environment = {{"OUT", fifo}};
  Serve(parameters);
  std::stop_source stop;
  lifecycle::AcquireOptions options;
  std::future<absl::StatusOr<LeasePtr>> acquire =
      std::async(std::launch::async, [&] {
        return coro::SyncWait(anteroom_->Acquire("r", std::move(options),
                                                 absl::InfiniteDuration(),
                                                 stop.get_token(), Bound()));
      });
  pid_t pid = 0;
  std::ifstream(fifo) >> pid;  // until it runs
  std::filesystem::remove(fifo);
  const Watched program(pid);
  stop.request_stop();
  EXPECT_TRUE(absl::IsCancelled(acquire.get().status()));
  EXPECT_TRUE(program.AwaitEnd());
}

}  // namespace
}  // namespace anteroom::kinds
