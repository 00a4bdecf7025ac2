#include "server/config/build_process.h"

#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "google/protobuf/text_format.h"
#include "gtest/gtest.h"
#include "server/config/build.h"
#include "server/error/error.h"
#include "tests/support/manual_runtime.h"

namespace anteroom::config {
namespace {

using ::testing::ElementsAre;
using ::testing::Not;
using ::testing::Pair;

class BuildProcessTest : public ::testing::Test {
 protected:
  // What becomes of a resource with this in its process.
  absl::Status StatusOf(const std::string& process) {
    v1::ServerConfig config;
    const std::string text =
        absl::StrCat("resources { name: 'a' process { ", process, " } }");
    EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &config))
        << text;
    return Build(world_.runtime(), config).status();
  }
  void ExpectAccepted(const std::string& process) {
    const absl::Status status = StatusOf(process);
    EXPECT_TRUE(status.ok()) << process << ": " << status;
  }
  // It is refused by one complaint that names `field`.
  void ExpectRefused(const std::string& process, const std::string& field) {
    const absl::Status status = StatusOf(process);
    EXPECT_TRUE(HasReason(status, Reason::kInvalidRequest))
        << process << ": " << status;
    EXPECT_THAT(DetailOf(status).field_violations,
                ElementsAre(Pair(absl::StrCat("resources[0].process.", field),
                                 Not(""))))
        << process;
  }

  testing::ManualRuntime world_;
};

TEST_F(BuildProcessTest, ACommandIsEnough) { ExpectAccepted("command: 'cat'"); }

TEST_F(BuildProcessTest, EveryFieldIsAccepted) {
  const std::string fields =
      "command: ['sh', '-c', 'exec cat'] env { key: 'A' value: '{PORT}' } "
      "stop_signal: 'SIGINT' stop_grace { seconds: 1 } "
      "reset_command: ['rm', '-rf', '{DIR}/x'] proxy: true ";
  ExpectAccepted(fields + "stdout_regex: '^ready on (.*)$'");
  ExpectAccepted(fields + "tcp: true");
  ExpectAccepted(fields + "grpc_health: true");
  ExpectAccepted(fields + "http_get: '/healthz?full=1'");
}

TEST_F(BuildProcessTest, ACommandIsRequired) {
  ExpectRefused("", "command");
  ExpectRefused("command: ''", "command[0]");
  ExpectRefused("command: ['', 'a']", "command[0]");
  ExpectRefused("command: ['a', 'b\\000c']", "command[1]");
}

TEST_F(BuildProcessTest, AResetCommandNamesAProgram) {
  ExpectRefused("command: 'a' reset_command: ''", "reset_command[0]");
}

TEST_F(BuildProcessTest, AVariableOfTheEnvironmentHasAName) {
  ExpectRefused("command: 'a' env { value: 'x' }", "env");
  ExpectRefused("command: 'a' env { key: 'A=B' value: 'x' }", "env");
  ExpectRefused("command: 'a' env { key: 'A' value: 'x\\000y' }", "env");
}

TEST_F(BuildProcessTest, AStopSignalIsASignalsName) {
  for (const char* const name : {"TERM", "15", "sigterm", "SIGNONE", " "}) {
    ExpectRefused(absl::StrCat("command: 'a' stop_signal: '", name, "'"),
                  "stop_signal");
  }
}

TEST_F(BuildProcessTest, AStopGraceIsNotNegative) {
  ExpectRefused("command: 'a' stop_grace { seconds: -1 }", "stop_grace");
  ExpectAccepted("command: 'a' stop_grace {}");
}

TEST_F(BuildProcessTest, ARegexIsOne) {
  ExpectRefused("command: 'a' stdout_regex: '('", "stdout_regex");
}

TEST_F(BuildProcessTest, AConditionIsNotFalse) {
  ExpectRefused("command: 'a' tcp: false", "tcp");
  ExpectRefused("command: 'a' grpc_health: false", "grpc_health");
}

TEST_F(BuildProcessTest, AnHttpPathIsOne) {
  for (const char* const path : {"", "healthz", "/a b", "/a\\r\\nb"}) {
    ExpectRefused(absl::StrCat("command: 'a' http_get: '", path, "'"),
                  "http_get");
  }
}

TEST_F(BuildProcessTest, ProcessResourcesShareOneHost) {
  std::shared_ptr<kinds::ProcessHost> host;
  v1::Process proto;
  proto.add_command("cat");
  const auto first = BuildProcess(world_.runtime(), "", proto, host);
  const std::shared_ptr<kinds::ProcessHost> before = host;
  const auto second = BuildProcess(world_.runtime(), "", proto, host);
  EXPECT_TRUE(first.ok() && second.ok());
  EXPECT_NE(before, nullptr);
  EXPECT_EQ(host, before);
}

// A field that joins the contract has to be read, or refused.
TEST(ProcessCompletenessTest, EveryFieldIsKnownToTheseTests) {
  EXPECT_EQ(v1::Process::descriptor()->field_count(), 10);
}

}  // namespace
}  // namespace anteroom::config
