// Name by name as far as that goes; where `**` begins, everything below.
#include "inputs/path_glob.h"

#include <algorithm>
#include <filesystem>
#include <string_view>
#include <utility>

namespace holdfast::inputs {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxEntries = 100'000;
constexpr std::size_t kMaxDepth = 64;

bool is_pattern(std::string_view name) { return name.find_first_of("*?[{\\") != name.npos; }

// At slashes, but not at those within braces.
std::vector<std::string> names_of(const std::string& path) {
  std::vector<std::string> names(1);
  int depth = 0;
  for (const char c : path) {
    if (c == '{') ++depth;
    if (c == '}' && depth > 0) --depth;
    if (c == '/' && depth == 0) {
      names.emplace_back();
    } else {
      names.back() += c;
    }
  }
  return names;
}

std::string join(const std::string& folder, const std::string& name) {
  return folder.empty() || folder.ends_with('/') ? folder + name : folder + "/" + name;
}

}  // namespace

struct PathGlob::Search {
  std::vector<std::string> found;
  std::size_t entries = 0;
  std::size_t depth = 0;

  // Calls `use` with the name and entry of everything in the folder.
  template <class Use>
  void list(const std::string& folder, Use use) {
    std::error_code failed;
    fs::directory_iterator entry(folder.empty() ? "." : folder, failed);
    while (!failed && entry != fs::directory_iterator() && entries < kMaxEntries) {
      ++entries;
      use(entry->path().filename().string(), *entry);
      entry.increment(failed);
    }
  }
};

base::Result<PathGlob> PathGlob::compile(const std::string& pattern) {
  PathGlob out;
  out.pattern_ = pattern;
  const auto names = names_of(pattern);
  std::size_t i = 0;
  for (; i + 1 < names.size() && !is_pattern(names[i]); ++i) out.root_ += names[i] + "/";
  if (!is_pattern(names.back()) && i + 1 == names.size()) return out;
  for (; i < names.size(); ++i) {
    // Alternatives within braces may be of several names.
    const bool one_name = names[i].find('/') == std::string::npos;
    if (!one_name || names[i].find("**") != std::string::npos) {
      out.recursive_ = true;
      break;
    }
    auto level = config::GlobList::compile({names[i]}, "/");
    if (!level) return tl::unexpected(level.error());
    out.levels_.push_back(std::move(*level));
  }
  auto whole = config::GlobList::compile({pattern}, "/");
  if (!whole) return tl::unexpected(whole.error());
  out.whole_ = std::move(*whole);
  return out;
}

std::vector<std::string> PathGlob::expand() const {
  Search state;
  if (has_wildcards()) {
    search(state, root_, 0);
    std::sort(state.found.begin(), state.found.end());
  } else if (std::error_code failed; fs::exists(pattern_, failed)) {
    state.found.push_back(pattern_);
  }
  return std::move(state.found);
}

void PathGlob::search(Search& state, const std::string& folder, std::size_t level) const {
  if (level == levels_.size()) return search_below(state, folder);
  const bool last = level + 1 == levels_.size() && !recursive_;
  state.list(folder, [&](const std::string& name, const fs::directory_entry& entry) {
    if (!levels_[level].matches(name)) return;
    std::error_code failed;
    const bool is_folder = entry.is_directory(failed);
    if (last && !is_folder && entry.exists(failed)) state.found.push_back(join(folder, name));
    if (!last && is_folder) search(state, join(folder, name), level + 1);
  });
}

void PathGlob::search_below(Search& state, const std::string& folder) const {
  if (state.depth == kMaxDepth) return;
  ++state.depth;
  state.list(folder, [&](const std::string& name, const fs::directory_entry& entry) {
    const std::string path = join(folder, name);
    std::error_code failed;
    if (entry.is_directory(failed)) {
      if (!entry.is_symlink(failed)) search_below(state, path);
    } else if (entry.exists(failed) && whole_.matches(path)) {
      state.found.push_back(path);
    }
  });
  --state.depth;
}

}  // namespace holdfast::inputs
