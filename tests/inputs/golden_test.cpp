// Every captured host gives exactly the lines, and the errors, that are written down beside it.
#include <algorithm>
#include <sstream>

#include <gtest/gtest.h>

#include "agent/line/ingest.h"
#include "cases.h"

namespace holdfast::test {
namespace {

class Golden : public testing::TestWithParam<Case> {};

TEST_P(Golden, HostGivesTheExpectedLines) {
  const Case& one = GetParam();
  CaseHost host(one.folder);
  const Outcome outcome = gather_all(one, host);
  const std::string expected = read_text(one.folder / "expected.lp");
  EXPECT_EQ(outcome.lines, expected);
  EXPECT_EQ(outcome.points,
            static_cast<std::uint64_t>(std::count(expected.begin(), expected.end(), '\n')));
}

TEST_P(Golden, HostGivesTheExpectedErrors) {
  const Case& one = GetParam();
  CaseHost host(one.folder);
  const Outcome outcome = gather_all(one, host);
  std::istringstream expected(read_text(one.folder / "expected_error.txt"));
  std::vector<std::string> parts;
  for (std::string part; std::getline(expected, part);) parts.push_back(part);
  ASSERT_EQ(outcome.errors.size(), parts.size())
      << (outcome.errors.empty() ? std::string("no error") : outcome.errors.front());
  for (std::size_t i = 0; i < parts.size(); ++i) {
    EXPECT_NE(outcome.errors[i].find(parts[i]), std::string::npos) << outcome.errors[i];
  }
}

INSTANTIATE_TEST_SUITE_P(Inputs, Golden, testing::ValuesIn(host_cases()), name_of);

TEST(GoldenCases, EveryHostInputHasSome) {
  const auto cases = host_cases();
  for (const std::string plugin :
       {"cpu", "disk", "diskio", "kernel", "mem", "net", "processes", "swap", "system"}) {
    const auto count = std::count_if(cases.begin(), cases.end(),
                                     [&](const Case& one) { return one.plugin == plugin; });
    EXPECT_GE(count, 4) << plugin;
  }
}

TEST(GoldenCases, ExpectedLinesAreValidLineProtocol) {
  for (const Case& one : host_cases()) {
    std::istringstream expected(read_text(one.folder / "expected.lp"));
    for (std::string text; std::getline(expected, text);) {
      EXPECT_EQ(line::check_line(text), std::nullopt) << one.plugin << "/" << one.name;
    }
  }
}

}  // namespace
}  // namespace holdfast::test
