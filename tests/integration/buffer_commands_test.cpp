// `holdfast buffer` on real files: beside a running agent, after it was killed, and on what is left
// of a damaged one.
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>

#include <fmt/core.h>
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "tests/integration/agent_test.h"
#include "tests/support/gzip.h"
#include "tests/support/reserved_port.h"

namespace holdfast::test {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;
using Json = nlohmann::json;

constexpr int kFailed = 1;
constexpr int kWrongUsage = 2;

std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// What the agent makes of a feed: its own tag is added.
std::string stored_feed(std::uint64_t first, std::uint64_t count) {
  std::string lines;
  for (std::uint64_t n = first; n < first + count; ++n) {
    std::string line = numbered_feed(n, 1);
    lines += line.insert(line.find(' '), ",host=edge");
  }
  return lines;
}

Json parsed(const std::string& text) {
  Json json = Json::parse(text, nullptr, false);
  EXPECT_FALSE(json.is_discarded()) << text;
  return json;
}

class BufferCommands : public AgentTest {
 protected:
  // An agent whose output finds nobody, and which was fed `points` in several blocks.
  void start_fed(std::uint64_t points) {
    configure(output_section(nobody_.url()) + listener_section());
    start_agent();
    for (std::uint64_t first = 0; first < points; first += kPost) {
      ASSERT_EQ(feed(numbered_feed(first, kPost)), 204);
    }
    expected_ = stored_feed(0, points);
  }

  [[nodiscard]] Ended buffer(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), "buffer");
    return run_bare(arguments);
  }

  // The offset in the file of a block in the middle.
  [[nodiscard]] std::uint64_t some_block(const std::string& ring) const {
    const Ended dump = buffer({"dump", ring, "--json"});
    std::vector<std::uint64_t> blocks;
    std::istringstream lines(dump.out);
    for (std::string line; std::getline(lines, line);) {
      const Json json = parsed(line);
      if (json.at("type") == "block") blocks.push_back(json.at("position"));
    }
    EXPECT_GT(blocks.size(), 2U);
    return blocks.size() > 2 ? 24576 + blocks[blocks.size() / 2] : 0;
  }

  static constexpr std::uint64_t kPost = 50;
  const ReservedPort nobody_;
  std::string expected_;
};

TEST_F(BufferCommands, AllButTrimWorkBesideARunningAgent) {
  start_fed(500);
  const Ended plain = buffer({"export", ring()});
  EXPECT_EQ(plain.status, 0);
  EXPECT_EQ(plain.out, expected_);
  EXPECT_THAT(plain.err, StartsWith("exported 500 points of "));
  const Ended packed = buffer({"export", ring(), "--gzip"});
  EXPECT_EQ(packed.status, 0);
  EXPECT_EQ(gunzip_single_member(packed.out), expected_);

  const Ended verify = buffer({"verify", ring()});
  EXPECT_EQ(verify.status, 0) << verify.out;
  EXPECT_THAT(verify.out, HasSubstr(fmt::format("in use by process {}", agent().pid())));
  EXPECT_THAT(verify.out, HasSubstr("nothing is damaged"));
  const Json info = parsed(buffer({"info", ring(), "--json"}).out);
  EXPECT_EQ(info.at("in_use_by"), agent().pid());
  EXPECT_EQ(info.at("accepted"), 500);
  EXPECT_EQ(buffer({"dump", ring()}).status, 0);

  const Ended trim = buffer({"trim", ring(), "--reader", kReader});
  EXPECT_EQ(trim.status, kFailed);
  EXPECT_THAT(trim.err, HasSubstr(fmt::format("process {}", agent().pid())));
  const Ended dry = buffer({"trim", ring(), "--reader", kReader, "--dry-run"});
  EXPECT_EQ(dry.status, 0) << dry.err;
  EXPECT_THAT(dry.out, HasSubstr("would drop 500 points"));
  EXPECT_EQ(status().output(kReader).ledger.buffered, 500U);
  EXPECT_EQ(stop_agent(SIGTERM).status, 0);
}

TEST_F(BufferCommands, VerifyFindsNothingWhileTheRingGoesRound) {
  Settings small;
  small.ring_size = "1MiB";
  configure(output_section(nobody_.url()) + listener_section(), small);
  start_agent();
  // Numbers that deflate badly, so that the ring is soon full.
  std::uint64_t first = 0;
  for (int round = 0; round < 12; ++round) {
    for (int post = 0; post < 10; ++post, first += 2000) {
      ASSERT_EQ(feed(numbered_feed(first * 7919, 2000)), 204);
    }
    const Ended verify = buffer({"verify", ring()});
    EXPECT_EQ(verify.status, 0) << verify.out;
    EXPECT_THAT(verify.out, HasSubstr("nothing is damaged"));
    EXPECT_EQ(buffer({"export", ring(), "--gzip"}).status, 0);
  }
  EXPECT_EQ(stop_agent(SIGTERM).status, 0);
}

TEST_F(BufferCommands, ARingOfADeadDeviceGivesItsPointsBack) {
  start_fed(500);
  (void)stop_agent(SIGKILL);
  const std::string copy = path("copy");
  std::filesystem::copy_file(ring(), copy);
  std::filesystem::permissions(copy, std::filesystem::perms::owner_read);
  const std::string before = read_file(copy);
  EXPECT_EQ(buffer({"export", copy}).out, expected_);
  EXPECT_EQ(gunzip_single_member(buffer({"export", copy, "--gzip", "--all"}).out), expected_);
  EXPECT_EQ(buffer({"export", copy, "--reader", kReader, "--pending"}).out, expected_);
  // The feed starts at 1,700,000,000 s, a microsecond a point.
  EXPECT_EQ(buffer({"export", copy, "--since", "1700000000.0001", "--until",
                    "2023-11-14T22:13:20.000300Z"})
                .out,
            stored_feed(100, 200));
  EXPECT_EQ(buffer({"verify", copy}).status, 0);
  for (const char* command : {"info", "verify", "dump"}) {
    EXPECT_EQ(buffer({command, copy, "--json"}).status, 0) << command;
  }
  EXPECT_EQ(read_file(copy), before) << "looked at only";
}

TEST_F(BufferCommands, DamageIsNamedAndTheRestComesOut) {
  start_fed(500);
  EXPECT_EQ(stop_agent(SIGTERM).status, 0);
  const std::uint64_t offset = some_block(ring());
  {
    std::fstream file(ring(), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(offset + 70)).write("holdfast", 8);
  }
  const Ended verify = buffer({"verify", ring()});
  EXPECT_EQ(verify.status, kFailed);
  EXPECT_THAT(verify.out, HasSubstr(fmt::format("damaged at byte {}", offset)));
  const Json json = parsed(buffer({"verify", ring(), "--json"}).out);
  EXPECT_FALSE(json.at("good"));
  ASSERT_EQ(json.at("damage").size(), 1U);
  EXPECT_EQ(json.at("damage")[0].at("offset"), offset);
  EXPECT_EQ(json.at("damage")[0].at("pending_for"), Json::array({kReader}));
  const std::uint64_t lost = json.at("points_lost");
  EXPECT_GT(lost, 0U);

  const Ended rest = buffer({"export", ring()});
  EXPECT_EQ(rest.status, 0);
  EXPECT_THAT(rest.err, HasSubstr(fmt::format("1 damaged places skipped, {} points lost", lost)));
  EXPECT_EQ(std::count(rest.out.begin(), rest.out.end(), '\n'),
            static_cast<std::ptrdiff_t>(500 - lost));
  EXPECT_EQ(gunzip_single_member(buffer({"export", ring(), "--gzip"}).out), rest.out);
  EXPECT_THAT(buffer({"dump", ring()}).out, HasSubstr("damaged"));
}

TEST_F(BufferCommands, TrimmingIsBookedAndTheAgentGoesOnFromThere) {
  start_fed(500);
  EXPECT_EQ(stop_agent(SIGTERM).status, 0);
  EXPECT_EQ(buffer({"trim", ring(), "--before", "0"}).status, 0);
  EXPECT_EQ(ring_state().reader(kReader).buffered, 500U);
  const std::string before = read_file(ring());
  const Ended dry = buffer({"trim", ring(), "--keep-last", "1KiB", "--dry-run"});
  EXPECT_EQ(read_file(ring()), before);
  const Ended done = buffer({"trim", ring(), "--keep-last", "1KiB"});
  EXPECT_EQ(done.status, 0) << done.err;
  const LedgerState ledger = ring_state().reader(kReader);
  EXPECT_THAT(dry.out, HasSubstr(fmt::format("would drop {} points", ledger.overflow)));
  EXPECT_THAT(done.out, HasSubstr(fmt::format("dropped {} points", ledger.overflow)));
  EXPECT_GT(ledger.overflow, 0U);
  EXPECT_GT(ledger.buffered, 0U);
  EXPECT_TRUE(ledger.balanced());
  EXPECT_EQ(buffer({"export", ring()}).out, stored_feed(ledger.overflow, ledger.buffered));
  // Blocks know the time they span in whole seconds.
  EXPECT_EQ(buffer({"trim", ring(), "--before", "1700000002"}).status, 0);
  const LedgerState after = ring_state().reader(kReader);
  EXPECT_EQ(after.overflow, 500U);
  EXPECT_EQ(after.buffered, 0U);
  EXPECT_TRUE(after.balanced());
  start_agent();
  ASSERT_EQ(feed(numbered_feed(500, 20)), 204);
  EXPECT_EQ(buffer({"export", ring()}).out, stored_feed(500, 20));
  EXPECT_EQ(stop_agent(SIGTERM).status, 0);
}

TEST_F(BufferCommands, WhatIsNoRingFailsAndIsLeftAlone) {
  std::ofstream(path("notes.txt")) << "not a ring";
  std::filesystem::create_directory(path("folder"));
  for (const char* name : {"notes.txt", "folder", "absent"}) {
    for (const char* command : {"info", "verify", "dump", "export", "trim"}) {
      std::vector<std::string> arguments{command, path(name)};
      if (arguments[0] == "trim") arguments.insert(arguments.end(), {"--keep-last", "1MiB"});
      const Ended ended = buffer(arguments);
      EXPECT_EQ(ended.status, kFailed) << command << " " << name;
      EXPECT_THAT(ended.err, HasSubstr(path(name))) << command;
      EXPECT_THAT(ended.out, IsEmpty()) << command;
    }
  }
  EXPECT_EQ(read_file(path("notes.txt")), "not a ring");
  EXPECT_FALSE(std::filesystem::exists(path("absent")));
}

TEST_F(BufferCommands, WrongUsageIsToldBeforeAnythingIsDone) {
  const std::vector<std::vector<std::string>> wrong{
      {"verify"},
      {"export", "x", "--since", "yesterday"},
      {"export", "x", "--all", "--reader", "r"},
      {"export", "x", "--all", "--pending"},
      {"trim", "x"},
      {"trim", "x", "--before", "soon"},
      {"trim", "x", "--keep-last", "much"},
      {"trim", "x", "--before", "2h", "--keep-last", "1MiB"},
      {"trim", "x", "--remove"},
      {"trim", "x", "--reader", "r", "--remove", "--before", "2h"}};
  for (const auto& arguments : wrong) {
    const Ended ended = buffer(arguments);
    EXPECT_EQ(ended.status, kWrongUsage) << ::testing::PrintToString(arguments);
    EXPECT_FALSE(ended.err.empty()) << ::testing::PrintToString(arguments);
  }
}

TEST_F(BufferCommands, HelpIsThere) {
  for (const char* command : {"info", "verify", "dump", "export", "trim"}) {
    const Ended ended = buffer({command, "--help"});
    EXPECT_EQ(ended.status, 0) << command;
    EXPECT_THAT(ended.out, HasSubstr("FILE")) << command;
  }
}

TEST_F(BufferCommands, AFullDiskIsNotTakenForSuccess) {
  start_fed(100);
  EXPECT_EQ(stop_agent(SIGTERM).status, 0);
  const Ended ended =
      run_program({{"/bin/sh", "-c",
                    fmt::format("exec {} buffer export {} > /dev/full", HOLDFAST_BINARY, ring())},
                   {}});
  EXPECT_EQ(ended.status, kFailed);
  EXPECT_THAT(ended.err, HasSubstr("No space left"));
}

}  // namespace
}  // namespace holdfast::test
