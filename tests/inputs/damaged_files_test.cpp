// Whatever a file of the host holds, a gather ends, and what it writes is valid line protocol.
#include <set>
#include <sstream>

#include <gtest/gtest.h>

#include "agent/base/random.h"
#include "agent/line/ingest.h"
#include "cases.h"

namespace holdfast::test {
namespace {

constexpr std::size_t kCuts = 20;
constexpr std::uint64_t kFlippedVersions = 12;

using Damage = std::function<void(std::string& text)>;

void expect_valid_lines(const Outcome& outcome) {
  std::istringstream lines(outcome.lines);
  for (std::string text; std::getline(lines, text);) {
    ASSERT_EQ(line::check_line(text), std::nullopt) << text;
  }
}

std::set<std::string> files_read(const Case& one) {
  std::set<std::string> files;
  CaseHost host(one.folder);
  host.set_damage([&](const std::string& path, std::string&) { files.insert(path); });
  static_cast<void>(gather_all(one, host));
  return files;
}

void gather_with(const Case& one, const std::string& file, const Damage& damage) {
  CaseHost host(one.folder);
  std::uint64_t damaged = 0;
  host.set_damage([&](const std::string& path, std::string& text) {
    if (path != file) return;
    damage(text);
    ++damaged;
  });
  expect_valid_lines(gather_all(one, host));
  EXPECT_GT(damaged, 0U) << file;
}

class DamagedFiles : public testing::TestWithParam<Case> {};

TEST_P(DamagedFiles, CutAnywhereTheyGiveLinesOrErrors) {
  for (const std::string& file : files_read(GetParam())) {
    for (std::size_t cut = 0; cut < kCuts; ++cut) {
      gather_with(GetParam(), file,
                  [&](std::string& text) { text.resize(text.size() * cut / kCuts); });
    }
  }
}

TEST_P(DamagedFiles, WithFlippedBytesTheyGiveLinesOrErrors) {
  for (const std::string& file : files_read(GetParam())) {
    for (std::uint64_t seed = 1; seed <= kFlippedVersions; ++seed) {
      SCOPED_TRACE(seed);
      base::Random random(seed);
      gather_with(GetParam(), file, [&](std::string& text) {
        const std::uint64_t flips = text.empty() ? 0 : 1 + text.size() / 50;
        for (std::uint64_t i = 0; i < flips; ++i) {
          text[random.below(text.size())] = static_cast<char>(random.below(256));
        }
      });
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Inputs, DamagedFiles, testing::ValuesIn(host_cases()), name_of);

}  // namespace
}  // namespace holdfast::test
