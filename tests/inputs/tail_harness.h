// TailHarness: files in a directory of the test, and tail that follows them.
#pragma once

#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/core.h>

#include "inputs/tail/positions.h"
#include "service_harness.h"

namespace holdfast::test {

// A point for each number: enough text before each place for a file to be known by it.
inline std::string point(int number) {
  return fmt::format("log,kind=numbered seq={}i {}\n", number, 1'700'000'000'000'000'000 + number);
}
inline std::string points(int first, int count) {
  std::string text;
  for (int i = first; i < first + count; ++i) text += point(i);
  return text;
}
// As they arrive from a file without a path tag.
inline constexpr const char* kNoTag = "path_tag = \"\"\n";

class TailHarness : public ServiceHarness {
 protected:
  TailHarness() { rules_.precision = base::Duration(1); }  // as the agent has it for tail

  [[nodiscard]] std::string path(const std::string& name) const { return directory_.path(name); }
  void write(const std::string& name, std::string_view text) const {
    std::ofstream(path(name), std::ios::binary | std::ios::trunc) << text;
  }
  void append(const std::string& name, std::string_view text) const {
    std::ofstream(path(name), std::ios::binary | std::ios::app) << text;
  }
  [[nodiscard]] std::string files(const std::string& name) const {
    return "files = [\"" + path(name) + "\"]\n";
  }
  void follow(const std::string& name, const std::string& more = "") {
    start("tail", files(name) + kNoTag + more);
    wait_until_idle();  // it has settled where to begin
  }
  // What a restart of the agent does.
  void restart(const std::string& name, const std::string& more = "") {
    stop();
    follow(name, more);
  }
  // Lets a minute and an interval pass, so that what moved away is given up.
  void let_go() {
    clock_.advance(std::chrono::minutes(2));
    EXPECT_EQ(gather(), "");
  }
  [[nodiscard]] std::vector<tail::Position> positions() const {
    for (const auto& entry : std::filesystem::directory_iterator(path("state"))) {
      std::ifstream file(entry.path(), std::ios::binary);
      const std::string text{std::istreambuf_iterator<char>(file), {}};
      if (auto found = tail::parse_positions(text)) return *found;
    }
    return {};
  }
};

}  // namespace holdfast::test
