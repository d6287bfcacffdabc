// Who may include whom. Reads every #include of the tree and compares it with the table below: a
// slip in a header alone would still link, and Debian keeps all libraries on one include path.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace holdfast::test {
namespace {

namespace fs = std::filesystem;
using Names = std::set<std::string>;

// Folder → folders of ours it may include (besides itself).
const std::map<std::string, Names>& allowed_folders() {
  static const std::map<std::string, Names> table{
      {"agent/base", {}},
      {"config", {"agent/base"}},
      {"agent/line", {"agent/base", "config"}},
      {"agent/tls", {"agent/base"}},
      {"agent/http", {"agent/base", "agent/tls"}},
      {"buffer", {"agent/base"}},
      {"inputs/parsers", {"agent/base", "agent/line", "config"}},
      {"inputs/sockets", {"agent/base", "agent/tls"}},
      {"inputs/statsd", {"agent/base", "agent/line"}},
      {"inputs/files", {"agent/base", "config"}},
      {"inputs/tail", {"agent/base", "config", "inputs/files"}},
      {"inputs",
       {"agent/base", "agent/line", "agent/tls", "agent/http", "config", "buffer", "inputs/files",
        "inputs/parsers", "inputs/sockets", "inputs/statsd", "inputs/tail"}},
      {"outputs", {"agent/base", "agent/line", "config", "buffer"}},
      {"agent",
       {"agent/base", "agent/line", "agent/tls", "agent/http", "config", "buffer", "inputs",
        "inputs/parsers", "outputs"}},
  };
  return table;
}

// Third-party library (by how its headers begin) → the only files or folders that may name it.
const std::map<std::string, Names>& homes_of_libraries() {
  static const std::map<std::string, Names> table{
      {"toml.hpp", {"config/"}},
      {"spdlog/", {"agent/base/log.cpp"}},
      {"curl/", {"outputs/http_client.cpp", "outputs/http_get.cpp"}},
      {"microhttpd.h", {"agent/http/"}},
      {"gnutls/", {"inputs/sockets/", "agent/tls/", "inputs/json_web_token.cpp"}},
      {"CLI/", {"agent/command_line"}},
      {"nlohmann/",
       {"agent/json_parts.", "agent/buffer_json.cpp", "inputs/json_web_token.cpp",
        "inputs/parsers/json", "outputs/"}},
      {"re2/", {"inputs/tail/"}},
      {"isa-l/", {"buffer/with_isal.cpp"}},
      {"zlib.h", {"buffer/", "inputs/", "outputs/"}},
      {"asio", {"agent/http/", "inputs/", "agent/"}},
      {"tl/expected.hpp", {"agent/base/result.h"}},
  };
  return table;
}

struct Include {
  std::string file;  // relative to the root
  std::string folder;
  std::string target;
  bool ours = false;  // "quoted"
};

std::string folder_of(const std::string& path) { return fs::path(path).parent_path().string(); }

std::vector<Include> all_includes() {
  const fs::path root = HOLDFAST_SOURCE_DIR;
  const std::regex line_form(R"(^\s*#\s*include\s*([<"])([^>"]+)[>"])");
  std::vector<Include> found;
  for (const auto& [folder, unused] : allowed_folders()) {
    for (const auto& entry : fs::directory_iterator(root / folder)) {
      const fs::path& path = entry.path();
      if (path.extension() != ".h" && path.extension() != ".cpp") continue;
      std::ifstream file(path);
      std::string line;
      while (std::getline(file, line)) {
        std::smatch match;
        if (!std::regex_search(line, match, line_form)) continue;
        found.push_back({fs::relative(path, root).string(), folder, match[2], match[1] == "\""});
      }
    }
  }
  return found;
}

TEST(Layering, EachFolderIncludesOnlyWhatItMay) {
  const auto includes = all_includes();
  ASSERT_GT(includes.size(), 300U) << "the scan found too little to mean anything";
  for (const Include& include : includes) {
    if (!include.ours) continue;
    const std::string target = folder_of(include.target);
    EXPECT_TRUE(target == include.folder || allowed_folders().at(include.folder).contains(target))
        << include.file << " includes " << include.target;
  }
}

TEST(Layering, InputsSeeOnlyTheBlockSinkOfTheBuffer) {
  for (const Include& include : all_includes()) {
    if (include.folder != "inputs" || folder_of(include.target) != "buffer") continue;
    EXPECT_EQ(include.target, "buffer/block_sink.h") << include.file;
  }
}

TEST(Layering, EachLibraryHasItsHome) {
  for (const Include& include : all_includes()) {
    if (include.ours) continue;
    for (const auto& [library, homes] : homes_of_libraries()) {
      if (!include.target.starts_with(library)) continue;
      const bool at_home = std::any_of(homes.begin(), homes.end(), [&](const std::string& home) {
        return include.file.starts_with(home);
      });
      EXPECT_TRUE(at_home) << include.file << " includes " << include.target;
    }
  }
}

TEST(Layering, IncludesOfOursAreNamedFromTheRoot) {
  const fs::path root = HOLDFAST_SOURCE_DIR;
  for (const Include& include : all_includes()) {
    if (!include.ours) continue;
    EXPECT_TRUE(fs::exists(root / include.target))
        << include.file << " includes " << include.target;
  }
}

TEST(Layout, TheTopLevelHoldsOnlyWhatItShould) {
  const Names expected{
      "CMakeLists.txt", "CMakePresets.json", "README.md", "LICENSE", "agent", "buffer", "config",
      "inputs",         "outputs",           "packaging", "tests",   "build"};
  for (const auto& entry : fs::directory_iterator(HOLDFAST_SOURCE_DIR)) {
    const std::string name = entry.path().filename().string();
    EXPECT_TRUE(name.starts_with(".") || expected.contains(name)) << name;
  }
}

TEST(Layout, EachFolderHasAReadme) {
  for (const char* folder :
       {"agent", "buffer", "config", "inputs", "outputs", "packaging", "tests"}) {
    EXPECT_TRUE(fs::exists(fs::path(HOLDFAST_SOURCE_DIR) / folder / "README.md")) << folder;
  }
}

}  // namespace
}  // namespace holdfast::test
