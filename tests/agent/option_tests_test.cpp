// Every option has a test that sets it: an option nobody tries is an option that may do nothing.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <set>
#include <string>

#include <gtest/gtest.h>

#include "agent/line/filter.h"
#include "agent/options.h"
#include "inputs/parsers/formats.h"
#include "inputs/registry.h"
#include "outputs/registry.h"

namespace holdfast::test {
namespace {

namespace fs = std::filesystem;
using Names = std::set<std::string>;

// Options that have an effect.
void add(const std::vector<config::OptionInfo>& options, Names& names) {
  for (const auto& option : options) {
    // Those of a table in the table have its name before them.
    const auto name = option.name.substr(option.name.rfind('.') + 1);
    if (option.rules.no_effect.empty()) names.insert(name);
  }
}

Names all_options() {
  Names names;
  add(agent::agent_schema().describe(), names);
  add(agent::buffer_schema().describe(), names);
  add(agent::status_schema().describe(), names);
  add(agent::input_schema().describe(), names);
  add(outputs::worker_schema().describe(), names);
  add(line::filter_schema().describe(), names);
  for (const auto& plugin : inputs::all_inputs()) add(plugin.options(), names);
  for (const auto& plugin : outputs::all_outputs()) add(plugin.options(), names);
  for (const auto& format : parsers::all_formats()) add(format.options(), names);
  return names;
}

bool is_test(const fs::path& path) {
  const std::string text = path.string();
  // Those of the corpus are told what they mean, not tried.
  if (text.find("/corpus/") != std::string::npos) return false;
  return path.extension() == ".cpp" || path.extension() == ".toml" || path.extension() == ".py";
}

// The names that stand before `=` or after `.` in a test's text: as TOML or as a member.
Names all_set() {
  // In a string the line end before a name is written \n, which the name must not swallow.
  // A size is a struct with a count.
  const std::regex form(
      R"((?:\\n|[^A-Za-z0-9_]|^)([a-z][a-z0-9_]*)(?:(?:\.count)? = |=\\?["\[{0-9]))");
  Names names;
  for (const auto& entry : fs::recursive_directory_iterator(HOLDFAST_SOURCE_DIR "/tests")) {
    if (!entry.is_regular_file() || !is_test(entry.path())) continue;
    std::ifstream file(entry.path());
    for (std::string line; std::getline(file, line);) {
      for (std::sregex_iterator at(line.begin(), line.end(), form), end; at != end; ++at) {
        names.insert((*at)[1]);
      }
    }
  }
  return names;
}

TEST(Options, EachIsSetByATest) {
  const Names set = all_set();
  const Names all = all_options();
  ASSERT_GT(all.size(), 100U);
  for (const std::string& name : all) EXPECT_TRUE(set.contains(name)) << name;
}

}  // namespace
}  // namespace holdfast::test
