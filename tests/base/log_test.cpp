#include "agent/base/log.h"

#include <string>

#include <gtest/gtest.h>

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
