#include "agent/base/log.h"

#include <algorithm>
#include <fstream>
#include <string>

#include <gtest/gtest.h>

#include "tests/support/temp_dir.h"

namespace holdfast::test {
namespace {

using namespace std::chrono_literals;
using base::LogFormat;
using base::LogLevel;

// What a logger with these options writes to stderr for one message.
std::string written(const base::LogOptions& options, LogLevel level, const std::string& message) {
  testing::internal::CaptureStderr();
  base::make_stderr_logger(options).named("inputs.cpu::a").write(level, message);
  return testing::internal::GetCapturedStderr();
}

TEST(Log, ATextLineHasTimeLevelComponentAndMessage) {
  const std::string line = written({}, LogLevel::kWarn, "hot");
  EXPECT_EQ(line.substr(20), " W! [inputs.cpu::a] hot\n");
  EXPECT_EQ(line[10], 'T');
}

TEST(Log, JournaldLinesCarryTheirPriority) {
  EXPECT_EQ(written({.level = LogLevel::kInfo, .format = LogFormat::kText, .journald = true},
                    LogLevel::kError, "lost"),
            "<3>[inputs.cpu::a] lost\n");
}

TEST(Log, JsonLinesEscapeWhatTheyMust) {
  const std::string line = written({.level = LogLevel::kInfo, .format = LogFormat::kJson},
                                   LogLevel::kInfo, "a \"quoted\"\nline\\");
  EXPECT_NE(line.find(R"("msg":"a \"quoted\"\nline\\")"), std::string::npos) << line;
}

TEST(Log, AMessageCannotForgeAnotherLine) {
  const std::string line = written({}, LogLevel::kInfo, "one\ntwo\x1b[2J");
  EXPECT_EQ(line.find('\n'), line.size() - 1);
  EXPECT_EQ(line.find('\x1b'), std::string::npos);
}

TEST(Log, LinesBelowTheLevelAreNotWritten) {
  EXPECT_EQ(written({.level = LogLevel::kError}, LogLevel::kWarn, "x"), "");
}

TEST(Log, ALoggerMayHaveALevelOfItsOwn) {
  testing::internal::CaptureStderr();
  const base::Logger log = base::make_stderr_logger({});
  const base::Logger chatty = log.named("chatty", LogLevel::kDebug);
  const base::Logger quiet = log.named("quiet", LogLevel::kError);
  log.debug("no");
  chatty.debug("yes");
  chatty.named("child").debug("yes");
  quiet.warn("no");
  quiet.error("yes");
  const std::string all = testing::internal::GetCapturedStderr();
  EXPECT_EQ(std::count(all.begin(), all.end(), '\n'), 3) << all;
  EXPECT_EQ(all.find("no\n"), std::string::npos) << all;
}

TEST(Log, LoggersOfOneSinkFollowItToItsFile) {
  const TempDir dir;
  const base::Logger log = base::make_stderr_logger({.journald = true});
  const base::Logger other = log.named("other");
  base::LogOptions options{.format = LogFormat::kJson, .journald = true, .message_key = "message"};
  options.file.path = dir.path("agent.log");
  ASSERT_TRUE(log.configure(options));
  other.info("hello");
  options.format = LogFormat::kText;  // a file has times, whatever stderr is
  ASSERT_TRUE(log.configure(options));
  other.warn("again");
  std::ifstream in(dir.path("agent.log"));
  std::string json;
  std::string text;
  std::getline(in, json);
  std::getline(in, text);
  EXPECT_NE(json.find(R"("component":"other","message":"hello"})"), std::string::npos) << json;
  EXPECT_EQ(text.substr(20), " W! [other] again");
}

TEST(Log, WithoutItsFileTheLogStaysOnStderr) {
  const TempDir dir;
  testing::internal::CaptureStderr();
  const base::Logger log = base::make_stderr_logger({});
  base::LogOptions options;
  options.file.path = dir.path();
  EXPECT_FALSE(log.configure(options));
  log.info("here");
  EXPECT_NE(testing::internal::GetCapturedStderr().find("here"), std::string::npos);
}

TEST(Log, LevelsHaveNames) {
  EXPECT_EQ(base::parse_log_level("trace"), LogLevel::kTrace);
  EXPECT_EQ(base::parse_log_level("error"), LogLevel::kError);
  EXPECT_EQ(base::parse_log_level(""), std::nullopt);
  EXPECT_EQ(base::parse_log_level("loud"), std::nullopt);
}

TEST(Log, AThrottleLetsOneThroughAndCountsTheOthers) {
  base::LogThrottle throttle(1min);
  const base::BootTime start(1h);
  std::uint64_t suppressed = 99;
  EXPECT_TRUE(throttle.allow(start, suppressed));
  EXPECT_EQ(suppressed, 0U);
  EXPECT_FALSE(throttle.allow(start + 1s, suppressed));
  EXPECT_FALSE(throttle.allow(start + 59s, suppressed));
  EXPECT_TRUE(throttle.allow(start + 60s, suppressed));
  EXPECT_EQ(suppressed, 2U);
}

}  // namespace
}  // namespace holdfast::test
