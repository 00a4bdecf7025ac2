#include "server/config/load.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "google/protobuf/text_format.h"
#include "google/protobuf/util/message_differencer.h"
#include "gtest/gtest.h"

namespace anteroom::config {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

// A folder of the test's own.
class LoadTest : public ::testing::Test {
 protected:
  LoadTest() {
    std::string pattern = ::testing::TempDir() + "/load_test.XXXXXX";
    folder_ = mkdtemp(pattern.data());
  }
  ~LoadTest() override { std::filesystem::remove_all(folder_); }

  std::string PathOf(const std::string& name) const {
    return (folder_ / name).string();
  }
  // The path of a new file.
  std::string Write(const std::string& name, const std::string& text) const {
    std::ofstream(PathOf(name), std::ios::binary) << text;
    return PathOf(name);
  }

  std::filesystem::path folder_;
};

// REQUIRES: `text` parses.
v1::ServerConfig Parse(const std::string& text) {
  v1::ServerConfig config;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &config));
  return config;
}

MATCHER_P(SameAs, text, text) {
  google::protobuf::util::MessageDifferencer differencer;
  std::string difference;
  differencer.ReportDifferencesToString(&difference);
  const bool same = differencer.Compare(arg, Parse(text));
  *result_listener << difference;
  return same;
}

constexpr char kConfig[] = R"pb(
  resources {
    name: "slow"
    policy {
      max_instances: 2
      init_timeout { seconds: 90 }
      await_init: AWAIT_INIT_NEVER
    }
    hello {
      style: STYLE_CONTEXT
      init_takes { seconds: 1 nanos: 500000000 }
      suppress: true
    }
  }
  listeners { address: "unix:/run/anteroom.sock" }
  drain_timeout { seconds: 5 }
)pb";

TEST_F(LoadTest, ATextprotoIsRead) {
  const auto config = LoadFile(Write("c.textproto", kConfig));
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_THAT(*config, SameAs(kConfig));
}

TEST_F(LoadTest, AFileWhoseNameEndsInJsonIsReadAsJson) {
  const auto config = LoadFile(Write("c.json", R"json({
    "resources": [{
      "name": "slow",
      "policy": {
        "maxInstances": 2,
        "init_timeout": "90s",
        "awaitInit": "AWAIT_INIT_NEVER"
      },
      "hello": {
        "style": "STYLE_CONTEXT",
        "initTakes": "1.5s",
        "suppress": true
      }
    }],
    "listeners": [{"address": "unix:/run/anteroom.sock"}],
    "drainTimeout": "5s"
  })json"));
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_THAT(*config, SameAs(kConfig));
}

TEST_F(LoadTest, AnyOtherNameIsReadAsText) {
  const auto config = LoadFile(Write("config_json", kConfig));
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_THAT(*config, SameAs(kConfig));
}

TEST_F(LoadTest, AnEmptyFileIsAnEmptyConfiguration) {
  const auto config = LoadFile(Write("c.textproto", ""));
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_THAT(*config, SameAs(""));
}

// ---- What is refused: by one line that begins with the path ----

class LoadErrorTest : public LoadTest {
 protected:
  // What LoadFile() says of a file, after its path.
  std::string ErrorOf(const std::string& name, const std::string& text) const {
    const std::string path = Write(name, text);
    const absl::Status status = LoadFile(path).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(status.message(),
                AllOf(StartsWith(path + ":"), Not(HasSubstr("\n"))));
    return std::string(status.message().substr(path.size()));
  }
};

TEST_F(LoadErrorTest, AMissingFileIsNotFoundByItsPath) {
  const absl::Status status = LoadFile(PathOf("gone.textproto")).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(status.message(), StartsWith(PathOf("gone.textproto") + ": "));
}

TEST_F(LoadErrorTest, AFolderIsNoFile) {
  const absl::Status status = LoadFile(folder_.string()).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(status.message(), StartsWith(folder_.string() + ": "));
}

TEST_F(LoadErrorTest, ASyntaxErrorInTextNamesLineAndColumn) {
  EXPECT_THAT(ErrorOf("c.textproto",
                      "resources {\n"
                      "  name: \"a\"\n"
                      "  hello { style: }\n"
                      "}\n"),
              StartsWith(":3:18: "));
  EXPECT_THAT(ErrorOf("c.textproto", "resources {\n"), StartsWith(":2:1: "));
}

TEST_F(LoadErrorTest, TheFirstOfSeveralErrorsIsNamed) {
  EXPECT_THAT(
      ErrorOf("c.textproto", "\nlisteners { address: \"\\z\" }\nx: :\n"),
      StartsWith(":2:"));
}

TEST_F(LoadErrorTest, ASyntaxErrorInJsonNamesLineAndColumn) {
  const std::string missing_colon = ErrorOf("c.json",
                                            "{\"resources\": [\n"
                                            "  {\"name\": \"a\",\n"
                                            "   \"hello\" {}}]}\n");
  EXPECT_THAT(missing_colon, StartsWith(":3:12: "));
  EXPECT_THAT(missing_colon, HasSubstr("expected ':'"));
  EXPECT_THAT(ErrorOf("c.json", "]"), StartsWith(":1:1: "));
  EXPECT_THAT(ErrorOf("c.json", ""), StartsWith(":1:1: "));
  EXPECT_THAT(ErrorOf("c.json", "{\n"), StartsWith(":2:1: "));
}

TEST_F(LoadErrorTest, AnUnknownFieldIsNamed) {
  EXPECT_THAT(ErrorOf("c.textproto", "resources {\n  nmae: \"a\"\n}\n"),
              AllOf(StartsWith(":2:"), HasSubstr("\"nmae\"")));
  EXPECT_THAT(ErrorOf("c.json", "{\"resources\": [{\"nmae\": \"a\"}]}"),
              AllOf(HasSubstr("resources[0]"), HasSubstr("nmae")));
}

TEST_F(LoadErrorTest, AnUnknownValueOfAnEnumIsNamed) {
  EXPECT_THAT(
      ErrorOf("c.textproto", "resources {\n  hello { style: STYLE_NONE }\n}\n"),
      AllOf(StartsWith(":2:"), HasSubstr("STYLE_NONE")));
  EXPECT_THAT(
      ErrorOf("c.json",
              "{\"resources\": [{\"hello\": {\"style\": \"STYLE_NONE\"}}]}"),
      AllOf(HasSubstr("resources[0].hello"), HasSubstr("STYLE_NONE")));
}

TEST_F(LoadErrorTest, AValueOfTheWrongTypeIsNamed) {
  EXPECT_THAT(ErrorOf("c.textproto", "receipts_max: \"many\"\n"),
              StartsWith(":1:15: "));
  EXPECT_THAT(ErrorOf("c.json", "{\"drainTimeout\": \"5 minutes\"}"),
              HasSubstr("drain_timeout"));
  EXPECT_THAT(ErrorOf("c.json", "{\"receiptsMax\": 1e999}"),
              HasSubstr("range"));
}

// ---- Without a file ----

TEST(DefaultConfigTest, HasTheFourObjectsOfTheArticle) {
  EXPECT_THAT(DefaultConfig(), SameAs(R"pb(
                resources {
                  name: "hello-plain"
                  hello { style: STYLE_PLAIN }
                }
                resources {
                  name: "hello-awaitable"
                  hello { style: STYLE_AWAITABLE }
                }
                resources {
                  name: "hello-context"
                  policy { await_init: AWAIT_INIT_NEVER }
                  hello { style: STYLE_CONTEXT }
                }
                resources {
                  name: "hello"
                  hello { style: STYLE_ENTER_AWAITS_INIT }
                }
              )pb"));
}

}  // namespace
}  // namespace anteroom::config
