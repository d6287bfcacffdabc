// Whole files and all that is said about them: tests/fixtures/config/<case>/*.toml, loaded in the
// order of their names, against expected.txt beside them.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/config/example_options.h"

namespace holdfast::config::test {
namespace {

namespace fs = std::filesystem;

const fs::path kRoot = fs::path(HOLDFAST_FIXTURES) / "config";

std::string read(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  EXPECT_TRUE(in.good()) << path;
  return {std::istreambuf_iterator<char>(in), {}};
}

std::vector<std::string> cases() {
  std::vector<std::string> out;
  for (const auto& entry : fs::directory_iterator(kRoot)) {
    if (entry.is_directory()) out.push_back(entry.path().filename().string());
  }
  std::sort(out.begin(), out.end());
  return out;
}

std::vector<fs::path> toml_files(const fs::path& folder) {
  std::vector<fs::path> out;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.path().extension() == ".toml") out.push_back(entry.path());
  }
  std::sort(out.begin(), out.end());
  return out;
}

std::string report_of(const std::string& name) {
  Diagnostics diagnostics;
  Document document;
  for (const fs::path& file : toml_files(kRoot / name)) {
    load_text(read(file), file.filename().string(), example_environment(), diagnostics, document);
  }
  check_document(document, diagnostics);
  return report(diagnostics);
}

class GoldenConfig : public testing::TestWithParam<std::string> {};

TEST_P(GoldenConfig, IsReportedAsExpected) {
  EXPECT_EQ(report_of(GetParam()), read(kRoot / GetParam() / "expected.txt"));
}

INSTANTIATE_TEST_SUITE_P(Cases, GoldenConfig, testing::ValuesIn(cases()),
                         [](const auto& golden) { return golden.param; });

TEST(GoldenConfigFolder, HoldsTheCases) { EXPECT_GE(cases().size(), 25U); }

TEST(GoldenConfigFolder, NoReportShowsASecret) {
  for (const std::string& name : cases()) {
    EXPECT_EQ(report_of(name).find("hunter"), std::string::npos) << name;
  }
}

}  // namespace
}  // namespace holdfast::config::test
